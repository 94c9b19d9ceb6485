"""The bots in `examples`: each is started as its guide says, and called by a workspace."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.testing import LocalRocketChat

from .conftest import BOTS, TOKEN, running

if TYPE_CHECKING:
    from .conftest import Integrate

GUIDE = (BOTS / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:python|waitress-serve|uvicorn) .*_bot.*$", GUIDE, re.MULTILINE)
WITHIN_OTHERS = [command for command in COMMANDS if not re.search("[aw]sgi_bot", command)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    with running(request.param) as url:
        yield url


every_bot = pytest.mark.parametrize("base", COMMANDS, indirect=True, scope="module")


def post(url: str, body: object) -> requests.Response:
    return requests.post(url, json=body, allow_redirects=False, timeout=60)


@every_bot
def test_a_bot_replies_in_the_room(base: str, integrate: Integrate) -> None:
    """Also to a second call, and the history says that all went well."""
    workspace = integrate(f"{base}/hook")
    (reply,) = workspace.answers_to("!deploy web")
    assert re.fullmatch("deploy(?:ed|ing) web for alice", reply)
    assert len(workspace.answers_to("!deploy")) == 1
    assert workspace.server.messages[-1].user == "rocket.cat"
    assert workspace.history == [("url-response-sent-message", False)] * 2


@every_bot
def test_a_bot_has_nothing_to_say_to_a_replayed_call(base: str, integrate: Integrate) -> None:
    """It has no text."""
    workspace = integrate(f"{base}/hook")
    workspace.answers_to("!deploy web")
    before = workspace.server.messages
    (entry,) = workspace.client.history(workspace.record.id)
    workspace.client.replay_outgoing(workspace.record.id, entry.id)
    workspace.server.wait_until_quiet()
    assert workspace.server.messages == before
    assert not any(failed for _, failed in workspace.history)


@every_bot
def test_an_integration_with_another_token_is_not_heard(base: str, integrate: Integrate) -> None:
    workspace = integrate(f"{base}/hook", token="somebody else's")
    assert workspace.answers_to("!deploy web") == []
    assert [failed for _, failed in workspace.history] == [True]


@every_bot
@pytest.mark.parametrize("body", [{"text": "!deploy web"}, {"token": "wrong", "text": "!deploy web"}])
def test_a_call_without_the_token_is_answered_401(base: str, body: object) -> None:
    assert post(f"{base}/hook", body).status_code == 401


@every_bot
def test_a_call_is_answered_at_the_address_without_a_slash(base: str) -> None:
    """No redirect is in the way: Rocket.Chat calls the address as it was given."""
    answer = post(f"{base}/hook", {"token": TOKEN, "text": "!deploy web", "user_name": "alice"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["text"].endswith("web for alice")


@every_bot
def test_a_call_that_is_no_json_is_answered_415(base: str) -> None:
    """Whatever the framework would make of a form."""
    answer = requests.post(f"{base}/hook", data={"token": TOKEN}, allow_redirects=False, timeout=60)
    assert answer.status_code == 415


@every_bot
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_health_check_is_answered_200(base: str, method: str) -> None:
    answer = requests.request(method, f"{base}/hook", allow_redirects=False, timeout=60)
    assert answer.status_code == 200
    assert method == "HEAD" or answer.json() == {"status": "ok"}


@every_bot
def test_other_methods_are_answered_405(base: str) -> None:
    assert requests.put(f"{base}/hook", json={"token": TOKEN}, timeout=60).status_code == 405


@pytest.mark.parametrize("base", WITHIN_OTHERS, indirect=True, scope="module")
def test_the_rest_of_the_application_works_as_before(base: str) -> None:
    answer = requests.get(f"{base}/status", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"deployments": "none"})
    assert requests.get(f"{base}/elsewhere", timeout=60).status_code == 404


def test_the_guide_starts_every_bot() -> None:
    assert {name for command in COMMANDS for name in re.findall(r"\w+_bot", command)} == {
        file.stem for file in BOTS.glob("*.py")
    }


@pytest.mark.parametrize("file", sorted(BOTS.glob("*.py")), ids=lambda file: file.stem)
def test_no_bot_starts_without_a_token(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so none serves whoever calls because somebody forgot to set it."""
    monkeypatch.delenv("DEPLOY_BOT_TOKEN", raising=False)
    with pytest.raises(KeyError, match="DEPLOY_BOT_TOKEN"):
        runpy.run_path(str(file))
    monkeypatch.setenv("DEPLOY_BOT_TOKEN", "")
    with pytest.raises(ConfigurationError, match="token"):
        runpy.run_path(str(file))


def shell(commands: str, folder: Path) -> None:
    subprocess.run(["sh", "-eu", "-c", commands], cwd=folder, check=True, timeout=120)


@pytest.mark.parametrize("way", ["sh", "python"])
def test_who_follows_the_guide_has_a_bot(
    server: LocalRocketChat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The token is made, the bot started, and the integration created by either of the two ways."""
    for name in ("python", "rocketchat-integrations"):  # on the path, whether installed or not
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        module = "" if name == "python" else "-m rocketchat_integrations"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error {module} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    admin = server.auth("admin")
    monkeypatch.setenv("ROCKETCHAT_URL", server.url)
    monkeypatch.setenv("ROCKETCHAT_USER_ID", admin.user_id)
    monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", admin.token)
    folder = tmp_path / "bots"
    shutil.copytree(BOTS, folder)
    make_token, create = blocks("sh")

    shell(f'{make_token}[ "$DEPLOY_BOT_TOKEN" = "$(cat deploy-bot.token)" ]', folder)
    token_file = folder / "deploy-bot.token"
    assert token_file.stat().st_mode & 0o077 == 0
    token = token_file.read_text(encoding="utf-8").strip()
    with running(COMMANDS[0], folder, token) as base:
        (shown,) = set(re.findall("https://bot.example.com/hook", GUIDE))
        if way == "sh":
            shell(create.replace(shown, f"{base}/hook"), folder)
        else:
            monkeypatch.setenv("DEPLOY_BOT_TOKEN", token)
            (program_text,) = blocks("python")
            exec(program_text.replace(shown, f"{base}/hook"), {})
        server.say("alice", "general", "!deploy web")
    assert [message.text for message in server.messages] == ["!deploy web", "deploying web for alice"]


def changed(file: str, changes: dict[str, str], folder: Path) -> None:
    """A copy of an example in which something is written otherwise."""
    text = (BOTS / file).read_text(encoding="utf-8")
    for written, otherwise in changes.items():
        assert written in text
        text = text.replace(written, otherwise)
    (folder / file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("starlette_bot.py", {"import Route": "import Mount, Route", 'Route("/hook"': 'Mount("/hook"'}),
        ("fastapi_bot.py", {'app.router.routes.append(Route("/hook", bot.asgi))': 'app.mount("/hook", bot.asgi)'}),
    ],
    ids=["starlette", "fastapi"],
)
def test_a_bot_that_is_mounted_does_not_get_the_call(
    tmp_path: Path, integrate: Integrate, file: str, changes: dict[str, str]
) -> None:
    """As the guide warns: the address without the slash is redirected, and the one with the slash would work."""
    changed(file, changes, tmp_path)
    with running(f"uvicorn --port 8000 {Path(file).stem}:app", tmp_path) as base:
        answer = post(f"{base}/hook", {"token": TOKEN})
        assert (answer.status_code, answer.headers["Location"]) == (307, f"{base}/hook/")
        workspace = integrate(f"{base}/hook")
        assert workspace.answers_to("!deploy web") == []
        assert [failed for _, failed in workspace.history] == [True]
        assert post(f"{base}/hook/", {"token": TOKEN}).json() == {}


def test_a_view_of_django_can_be_async(tmp_path: Path, integrate: Integrate) -> None:
    """As the guide says: with `handle_async`, served over ASGI."""
    changes = {
        "def hook(": "async def hook(",
        "bot.handle(": "await bot.handle_async(",
        "\ndef deploy(": "\nasync def deploy(",
        "wsgi": "asgi",
    }
    changed("django_bot.py", changes, tmp_path)
    with running("uvicorn --port 8000 --lifespan off django_bot:application", tmp_path) as base:
        workspace = integrate(f"{base}/hook")
        assert workspace.answers_to("!deploy web") == ["deploying web for alice"]
        assert post(f"{base}/hook", {"token": "wrong"}).status_code == 401


def test_a_form_of_the_django_project_still_needs_its_csrf_token(tmp_path: Path) -> None:
    """Only the view of the bot goes without."""
    changed("django_bot.py", {"@csrf_exempt\n": ""}, tmp_path)
    with running("waitress-serve --listen=127.0.0.1:8000 django_bot:application", tmp_path) as base:
        assert post(f"{base}/hook", {"token": TOKEN}).status_code == 403
        assert json.loads(requests.get(f"{base}/hook", timeout=60).content) == {"status": "ok"}
