"""The live suite leaves nothing behind: run it as `nox -s live` does, on an embedded server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from rocketchat_integrations.testing import LocalRocketChat
from rocketchat_integrations.testing._world._state import World

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 60.0
VARIABLES = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_ROOM")

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]
Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]

FOREIGN: Mapping[str, Any] = {
    "type": "webhook-incoming",
    "name": "live-suite-of-somebody-else",
    "enabled": True,
    "username": "rocket.cat",
    "userId": "rocket.cat",
    "channel": ["#general"],
    "scriptEnabled": False,
    "token": "somebody's token",
}


@pytest.fixture
def server() -> Iterator[LocalRocketChat]:
    """A workspace with an integration of another user."""
    with LocalRocketChat() as server:
        server.insert(FOREIGN)
        yield server


@pytest.fixture
def before(server: LocalRocketChat) -> tuple[dict[str, Any], ...]:
    return server.documents


@pytest.fixture
def start(server: LocalRocketChat, tmp_path: Path) -> Iterator[Start]:
    """Start the suite with these arguments, in an environment with the server's variables."""
    auth = server.auth("admin")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROCKETCHAT_")}
    # Other plugins take longer to load than the suite to run.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment |= dict(zip(VARIABLES, (server.url, auth.user_id, auth.token, "general"), strict=True))
    options = [f"--config-file={ROOT / 'pyproject.toml'}", f"--rootdir={ROOT}", "-p", "no:cacheprovider"]
    processes: list[subprocess.Popen[str]] = []
    # A background job may ignore SIGINT, which child processes inherit.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*arguments: str, without: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, str(Path(__file__).with_name("test_live.py")), *arguments],
            cwd=tmp_path,
            env={name: value for name, value in environment.items() if name not in without},
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        processes.append(process)
        return process

    yield start
    signal.signal(signal.SIGINT, handler)
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start: Start) -> Run:
    """Run the suite with these arguments to its end."""

    def run(*arguments: str, without: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, without=without)
        output, _ = process.communicate(timeout=TIMEOUT)
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    return run


def test_a_run_that_passes(server: LocalRocketChat, before: object, run: Run) -> None:
    """It posts no message, and waits for rate limits longer than a test that hangs may take."""
    server.fail_next("integrations.create", "429")  # for a second

    done = run("--live", "-o", "faulthandler_timeout=0.5")

    assert done.returncode == 0, done.stdout
    assert re.search(r"=+ \d+ passed in .* =+$", done.stdout)
    assert server.documents == before
    assert server.messages == ()


def test_a_run_that_fails(server: LocalRocketChat, before: object, run: Run) -> None:
    """Integrations are removed even if their creation was not answered; failed removals are named and repeated."""
    server.fail_next("integrations.create", "reset-after")
    server.fail_next("integrations.update", "html", 50)
    server.fail_next("integrations.remove", "html", 2)

    done = run("--live", "-k", "lists or one_field")

    assert done.returncode == 1, done.stdout
    assert "left behind, of live-suite-" in done.stdout
    assert server.documents == before
    assert server.auth("admin").token not in done.stdout


def test_unreadable_records(server: LocalRocketChat, before: object, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are removed as well: a future server may answer in a form that this version does not understand."""

    def unreadable(_: World) -> str:
        return "some day"

    monkeypatch.setattr(World, "timestamp", unreadable)

    done = run("--live", "-k", "lists")

    assert done.returncode == 1, done.stdout
    assert "DecodingError" in done.stdout
    assert any(request.endpoint == "integrations.remove" for request in server.requests)
    assert server.documents == before


def test_a_run_that_is_interrupted(server: LocalRocketChat, before: tuple[object, ...], start: Start) -> None:
    """Everything that exists by then is removed; the header has the prefix of what may be created just then."""
    server.fail_next("integrations.update", "hang")
    process = start("--live", "-k", "one_field")
    name = server.wait_for_request("integrations.update", TIMEOUT).json["name"]
    created = len(server.documents) - len(before)
    process.send_signal(signal.SIGINT)

    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert created == 1
    assert server.documents == before
    assert f"live: all integrations of this run are named {name.removesuffix('hook')}*" in output


def test_the_environment_is_ignored_without_the_option(server: LocalRocketChat, run: Run) -> None:
    """An ordinary run uses embedded servers."""
    done = run("-k", "lists")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert server.requests == ()


def test_missing_variables(server: LocalRocketChat, run: Run) -> None:
    """All of them are named in one line, before any test runs."""
    done = run("--live", without=VARIABLES)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = filter(None, done.stdout.splitlines())
    assert line == f"ERROR: --live: the environment lacks {', '.join(VARIABLES)}; see CONTRIBUTING.md"
    assert server.requests == ()


def test_the_documented_variables() -> None:
    """The nox session and CONTRIBUTING.md use the same names."""
    for file in ("noxfile.py", "CONTRIBUTING.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert [name for name in VARIABLES if name not in text] == []
