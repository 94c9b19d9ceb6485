"""The live suite leaves a workspace as it found it: it is run as `nox -s live` runs it, on an embedded server."""

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
PATIENCE = 60.0
VARIABLES = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_ROOM")

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]
Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]

SOMEBODYS: Mapping[str, Any] = {
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
    """The workspace, in which there is something already."""
    with LocalRocketChat() as server:
        server.insert(SOMEBODYS)
        yield server


@pytest.fixture
def before(server: LocalRocketChat) -> tuple[dict[str, Any], ...]:
    return server.documents


@pytest.fixture
def start(server: LocalRocketChat, tmp_path: Path) -> Iterator[Start]:
    """Starts the suite with these arguments, in an environment that names the server."""
    auth = server.auth("admin")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROCKETCHAT_")}
    # What other distributions bring along takes longer to load than the suite to run.
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment |= dict(zip(VARIABLES, (server.url, auth.user_id, auth.token, "general"), strict=True))
    options = [f"--config-file={ROOT / 'pyproject.toml'}", f"--rootdir={ROOT}", "-p", "no:cacheprovider"]
    processes: list[subprocess.Popen[str]] = []
    # Where tests run in the background, Ctrl-C may be ignored, and children inherit that.
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
    """Runs the suite with these arguments to its end."""

    def run(*arguments: str, without: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, without=without)
        output, _ = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    return run


def test_a_run_that_passes_leaves_nothing(server: LocalRocketChat, before: object, run: Run) -> None:
    """Nor does it say anything in the workspace. Rate limits make it wait, for longer than a test may hang."""
    server.fail_next("integrations.create", "429")  # for a second

    done = run("--live", "-o", "faulthandler_timeout=0.5")

    assert done.returncode == 0, done.stdout
    assert re.search(r"=+ \d+ passed in .* =+$", done.stdout)
    assert server.documents == before
    assert server.messages == ()


def test_a_run_that_fails_leaves_nothing(server: LocalRocketChat, before: object, run: Run) -> None:
    """Not even what was created without an answer. And what it prints shows nobody's token."""
    server.fail_next("integrations.create", "reset-after", 3)
    server.fail_next("integrations.update", "html", 50)

    done = run("--live")

    assert done.returncode == 1, done.stdout
    assert "passed" in done.stdout.splitlines()[-1]
    assert server.documents == before
    assert server.auth("admin").token not in done.stdout


def test_what_could_not_be_removed_is_named_and_tried_again(server: LocalRocketChat, before: object, run: Run) -> None:
    """One removal that fails keeps no other from being made."""
    server.fail_next("integrations.remove", "html", 2)  # of three, so that one is left for the end of the run

    done = run("--live", "-k", "lists")

    assert done.returncode == 1, done.stdout
    assert "left behind, of live-suite-" in done.stdout
    assert server.documents == before


def test_what_cannot_be_read_is_removed(
    server: LocalRocketChat, before: object, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A future server may give records in a form that this version does not understand."""

    def some_day(_: World) -> str:
        return "some day"

    monkeypatch.setattr(World, "timestamp", some_day)

    done = run("--live", "-k", "lists")

    assert done.returncode == 1, done.stdout
    assert "DecodingError" in done.stdout
    assert any(request.endpoint == "integrations.remove" for request in server.requests)
    assert server.documents == before


def test_a_run_that_is_interrupted_leaves_nothing(
    server: LocalRocketChat, before: tuple[object, ...], start: Start
) -> None:
    """Nothing of what there is by then. Its first lines name what the server may be about to create just then."""
    server.fail_next("integrations.update", "hang")
    process = start("--live", "-k", "one_field")
    name = server.wait_for_request("integrations.update").json["name"]
    created = len(server.documents) - len(before)
    process.send_signal(signal.SIGINT)

    output, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert created == 1
    assert server.documents == before
    assert f"live: all integrations of this run are named {name.removesuffix('hook')}*" in output


def test_without_the_option_the_environment_is_ignored(server: LocalRocketChat, run: Run) -> None:
    """Nobody's workspace is touched by an ordinary run."""
    done = run("-k", "lists")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert server.requests == ()


def test_all_variables_that_are_missing_are_told_at_once(server: LocalRocketChat, run: Run) -> None:
    """In one line, before anything is run."""
    done = run("--live", without=VARIABLES)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = filter(None, done.stdout.splitlines())
    assert line == f"ERROR: --live: the environment lacks {', '.join(VARIABLES)}; see CONTRIBUTING.md"
    assert server.requests == ()


@pytest.mark.parametrize("file", ["noxfile.py", "CONTRIBUTING.md"])
def test_the_variables_have_the_same_names_everywhere(file: str) -> None:
    """Where the session asks for them, and where it is told how to get them."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [name for name in VARIABLES if name not in text] == []
