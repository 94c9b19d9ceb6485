"""The commands of the guides: each works after the ones before it, and prints what the page shows."""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from codeop import compile_command
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import attrs
import pytest
import yaml
from py_mini_racer import MiniRacer

from rocketchat_integrations import Client, IncomingIntegration, OutgoingIntegration
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.outgoing import WebhookApp
from rocketchat_integrations.scripts import Script, ready_made_script
from rocketchat_integrations.testing import LocalBot, LocalRocketChat
from tests.cli.conftest import PROGRAM
from tests.examples.conftest import running

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.rst"))
# Pages whose commands need more than a workspace, and have tests of their own.
_WITH_OWN_TEST = {
    "how-to/copy-integrations",
    "how-to/serve-a-bot",
    "how-to/use-profiles",
    "tutorials/first-bot",
    "tutorials/integrations-in-git",
}
_READERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "yaml": yaml.safe_load}
TOKEN = "the-token-of-the-deployer"

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\w+)\n"
    r"(?P<options>(?:(?P=indent)   :.*\n)*)\n(?P<text>(?:(?P=indent)   .*\n|\n)*(?P=indent)   .*\n)",
    re.MULTILINE,
)
_CAPTION = re.compile(r":caption: (.+)")
# A command, also over several lines, and what follows it.
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*\n)((?:(?!\$ ).*\n)*)", re.MULTILINE)
# A statement of a doctest, with all of its lines.
_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*\n(?:(?P=indent)\.\.\.(?: .*)?\n)*", re.MULTILINE)
_END = "\x1e"


@attrs.frozen
class Step:
    """A command, with the output that the page shows; no output means that the page leaves it out."""

    command: str
    output: str = ""


@attrs.frozen
class Block:
    """A block of code on a page."""

    language: str
    caption: str | None
    text: str


def blocks(page: str) -> Iterator[Block]:
    for found in _BLOCK.finditer((DOCS / f"{page}.rst").read_text(encoding="utf-8")):
        caption = _CAPTION.search(found["options"])
        yield Block(found["language"], caption and caption[1], dedent(found["text"]).strip("\n") + "\n")


def steps(page: str) -> Iterator[Step]:
    """Yield the commands with a prompt, and one for each file to save, in the order of the page."""
    for block in blocks(page):
        if block.caption:
            name = shlex.quote(block.caption)
            yield Step(f"mkdir -p \"$(dirname {name})\"; cat > {name} <<'END'\n{block.text}END\n")
        else:
            for command in _COMMAND.finditer(block.text):
                yield Step(command[1], command[2])


def has_commands(page: str) -> bool:
    """Return whether the page has a command with a prompt."""
    return any(_COMMAND.search(block.text) for block in blocks(page) if not block.caption)


class Shell:
    """Runs commands one after the other in an empty folder, with the command line on the path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        programs = {"python": (sys.executable,), "rocketchat-integrations": PROGRAM}
        for name, command in programs.items():
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            program.chmod(0o755)

    def run(self, steps: list[Step], variables: Mapping[str, str]) -> None:
        """Run the commands; fail where one fails, or prints something else than its page shows."""
        text = "".join(f"{step.command}printf '{_END}%d{_END}' $?\n" for step in steps)
        author = {f"GIT_{who}_{what}": "alice" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = f"{self._folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        result = subprocess.run(
            ["sh", "-c", text],
            cwd=self._folder,
            # Output without delay, so that what goes to stdout and to stderr is in order.
            env={**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **author, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )
        *printed, rest = result.stdout.split(_END)
        assert (rest, len(printed)) == ("", 2 * len(steps))
        checker = doctest.OutputChecker()
        for step, output, status in zip(steps, printed[::2], printed[1::2], strict=True):
            assert status == "0", f"$ {step.command}{output}"
            if step.output:
                as_shown = checker.check_output(step.output, output, doctest.ELLIPSIS)
                assert as_shown, f"$ {step.command}{output}\ninstead of:\n{step.output}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@contextmanager
def workspace() -> Generator[tuple[LocalRocketChat, dict[str, str]], None, None]:
    """Run a server; yield it with the environment of its administrator."""
    with LocalRocketChat() as server:
        auth = server.auth("admin")
        yield (
            server,
            {
                "ROCKETCHAT_URL": server.url,
                "ROCKETCHAT_USER_ID": auth.user_id,
                "ROCKETCHAT_AUTH_TOKEN": auth.token,
            },
        )


def test_integrations_are_kept_in_git_step_by_step(shell: Shell) -> None:
    with workspace() as (_, variables):
        shell.run(list(steps("tutorials/integrations-in-git")), variables)


def test_each_guide_leads_on_to_another_page() -> None:
    guides = [*(DOCS / "tutorials").glob("*.rst"), *(DOCS / "how-to").glob("*.rst")]
    assert guides
    assert [page.stem for page in guides if not re.search(":(?:doc|ref):`", page.read_text(encoding="utf-8"))] == []


def test_each_example_can_be_pasted() -> None:
    """An interactive Python runs an indented block only when an empty prompt ends it."""
    examples = [
        (page.stem, "\n".join(line[len(found["indent"]) + 4 :] for line in found[0].splitlines()))
        for page in DOCS.rglob("*.rst")
        for found in _EXAMPLE.finditer(page.read_text(encoding="utf-8"))
    ]
    assert examples
    assert [(page, code) for page, code in examples if compile_command(code) is None] == []


@pytest.mark.parametrize("page", ["first-bot", "first-integration"])
def test_the_python_of_a_tutorial_can_be_pasted(page: str) -> None:
    """An interactive Python takes its lines one after the other."""
    blocks = re.findall(
        r"^\.\. doctest::\n((?:   .*\n|\n)+)", (DOCS / "tutorials" / f"{page}.rst").read_text("utf-8"), re.M
    )
    pasted = re.findall(r"^   (?:>>>|\.\.\.) ?(.*\n)", "".join(blocks), re.M)
    result = subprocess.run(
        [sys.executable, "-i", "-q"], input="".join(pasted), capture_output=True, encoding="utf-8", timeout=60
    )
    assert pasted
    assert "Error" not in result.stderr


def test_the_first_bot_answers(shell: Shell) -> None:
    """The commands of the second terminal start it, those of the third call it."""
    serving, *third = [step for step in steps("tutorials/first-bot") if not step.command.startswith("export")]
    with workspace() as (server, variables), running(serving.command, token="a-token-to-try-things") as url:
        assert serving.output == "Serving on http://127.0.0.1:8000\n"
        shown = [attrs.evolve(step, command=step.command.replace("http://127.0.0.1:8000", url)) for step in third]
        shell.run(shown, variables)
        server.wait_until_quiet()
    assert [message.text for message in server.messages] == ["!deploy web", "deploying web for alice"]


def test_every_bot_is_started_by_a_command_of_its_readme(shell: Shell) -> None:
    """The page on frameworks has the same commands, and those for a token and an integration work."""
    page = (DOCS / "how-to" / "serve-a-bot.rst").read_text(encoding="utf-8")
    commands = set(re.findall(r"``((?:python|uvicorn|waitress-serve) \S*.*?)``", page))
    readme = (DOCS.parent / "examples" / "bots" / "README.md").read_text(encoding="utf-8").splitlines()
    shown = set(re.findall(r":caption: (\w+)\.py", page))
    assert {name for command in commands for name in re.findall(r"\w+_bot", command)} == shown != set()
    assert commands <= set(readme)
    with workspace() as (server, variables):
        shell.run(list(steps("how-to/serve-a-bot")), variables)
        assert [document["name"] for document in server.documents] == ["deploy-bot"]


@pytest.mark.parametrize("page", [page for page in PAGES if has_commands(page) and page not in _WITH_OWN_TEST])
def test_the_commands_of_a_page_print_what_it_shows(page: str, shell: Shell) -> None:
    """In a workspace with an incoming and an outgoing integration."""
    with workspace() as (server, variables), LocalBot(WebhookApp(token=TOKEN)) as bot:
        with_integrations(server, bot.url)
        shell.run(list(steps(page)), variables)


def test_profiles_select_a_workspace(shell: Shell, tmp_path: Path) -> None:
    """The guide's file works, with a password from the environment and a token from a keyring."""
    file = tmp_path / ".config" / "rocketchat-integrations" / "profiles.toml"
    file.parent.mkdir(parents=True)
    with workspace() as (production, variables), workspace() as (staging, _):
        (text,) = (block.text for block in blocks("how-to/use-profiles") if block.language == "toml")
        for shown, used in {
            "https://chat.example.com": production.url,
            "https://chat.staging.example.com": staging.url,
            "aobEdbYhXfu5hkeqG": variables["ROCKETCHAT_USER_ID"],
        }.items():
            assert shown in text
            text = text.replace(shown, used)
        file.write_text(text)
        entries = {("rocketchat", "production"): variables["ROCKETCHAT_AUTH_TOKEN"]}
        (tmp_path / "keyring.py").write_text(f"def get_password(*entry):\n    return {entries!r}[entry]\n")
        environment = {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / ".config"),
            "PYTHONPATH": str(tmp_path),
            "STAGING_PASSWORD": staging.password("alice"),
        }
        shell.run(list(steps("how-to/use-profiles")), environment)
        assert [request.endpoint for request in production.requests] == ["integrations.list"]
        assert "integrations.list" in [request.endpoint for request in staging.requests]


def test_the_commands_of_the_readme_work(shell: Shell, tmp_path: Path) -> None:
    """In a workspace with an integration, and a folder with a script and its sample."""
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (block,) = (it for it in re.findall(r"^```console\n(.*?)^```$", readme, re.M | re.S) if "export" in it)
    (tmp_path / "alerts.js").write_text(ready_made_script("grafana").source, encoding="utf-8")
    (tmp_path / "sample.json").write_text('{"status": "firing"}')
    (tmp_path / "alerts.payloads").mkdir()
    (tmp_path / "alerts.payloads" / "other.json").write_text('{"content": [], "expected": null}')
    with workspace() as (server, variables), Client(server.url, server.auth("admin")) as client:
        client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
        shell.run([Step(f"{line}\n") for line in block.splitlines()], variables)
        assert server.messages[-1].text == "disk almost full"


def test_commands_without_a_prompt_install_the_package_or_start_something() -> None:
    """Every extra, package and nox session that a page names exists."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(project["project"]["optional-dependencies"])
    packages = {re.split(r"\W", it)[0] for it in project["dependency-groups"]["test"] if isinstance(it, str)}
    sessions = set(re.findall(r"^@nox\.session.*\ndef (\w+)", (DOCS.parent / "noxfile.py").read_text("utf-8"), re.M))
    lines = [
        line
        for page in PAGES
        for block in blocks(page)
        if block.language == "console" and not _COMMAND.search(block.text)
        for line in block.text.splitlines()
    ]
    assert lines
    for line in lines:
        if install := re.fullmatch(r'python -m pip install "rocketchat-integrations\[([\w,]+)\]"((?: \w+)*)', line):
            assert set(install[1].split(",")) <= extras, line
            assert set(install[2].split()) <= packages, line
        elif session := re.match(r"python -m nox -s (\w+)", line):
            assert session[1] in sessions, line
        else:
            assert line == "rocketchat-integrations serve"


@pytest.mark.parametrize("page", [page for page in PAGES if any(it.language in _READERS for it in blocks(page))])
def test_files_of_a_page_can_be_read(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON, TOML and YAML can be parsed, and ``integrations.toml`` is a valid manifest."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", TOKEN)
    for block in blocks(page):
        if read := _READERS.get(block.language):
            read(block.text)
        if block.caption == "integrations.toml":
            (tmp_path / block.caption).write_text(block.text, encoding="utf-8")
            assert Manifest.load(tmp_path / block.caption).entries


def test_zabbix_posts_what_its_ready_made_script_understands() -> None:
    """The guide has the parameters of the media type, and the script that posts them."""
    page = (DOCS / "how-to" / "connect-monitoring.rst").read_text(encoding="utf-8")
    names = re.findall(r"^   \* - ``(\w+)``$", page, re.MULTILINE)
    values = {"webhook": "https://chat.example.com/hooks/ID/TOKEN", "subject": "Full"}
    parameters = {name: values.get(name, "1") for name in names}
    (script,) = (block.text for block in blocks("how-to/connect-monitoring") if block.language == "javascript")
    zabbix = MiniRacer()
    zabbix.eval(
        "var sent; class HttpRequest {"
        " addHeader(header) {} getStatus() { return 200; } post(url, body) { sent = [url, body]; } }"
    )
    zabbix.eval(f"(function (value) {{ {script} }})({json.dumps(json.dumps(parameters))})")
    url, body = json.loads(str(zabbix.eval("JSON.stringify(sent)")))
    assert url == values["webhook"]
    with Script(ready_made_script("zabbix").source) as ready_made:
        result = ready_made.process_incoming_request(json.loads(body))
    assert result.message is not None
    assert "Full" in str(result.message)


def test_integrations_are_copied_to_another_workspace(shell: Shell, tmp_path: Path) -> None:
    """The outgoing one keeps its token."""
    profiles = tmp_path / "rocketchat-integrations" / "profiles.toml"
    profiles.parent.mkdir()
    with workspace() as (old, variables), workspace() as (new, others):
        with_integrations(old, "https://bot.example.com/hook")
        text = "".join(
            f'[{name}]\nurl = "{values["ROCKETCHAT_URL"]}"\nuser_id = "{values["ROCKETCHAT_USER_ID"]}"\n'
            f'token = "{values["ROCKETCHAT_AUTH_TOKEN"]}"\n'
            for name, values in {"old": variables, "new": others}.items()
        )
        profiles.write_text(text)
        profiles.chmod(0o600)
        shell.run(list(steps("how-to/copy-integrations")), {"XDG_CONFIG_HOME": str(tmp_path)})
        with Client(new.url, new.auth("admin")) as client:
            assert {record.name: record.token == TOKEN for record in client.list()} == {"ci": False, "deployer": True}


def with_integrations(server: LocalRocketChat, url: str) -> None:
    """Create an incoming and an outgoing integration, and let the latter be called."""
    with Client(server.url, server.auth("admin")) as client:
        client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
        client.create(
            OutgoingIntegration(
                "deployer", event="sendMessage", channel="#general", username="rocket.cat", urls=url, token=TOKEN
            )
        )
    server.say("alice", "general", "!deploy web")
