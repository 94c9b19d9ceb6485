"""The bots in `examples`: started as their guide says, and called by a workspace."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
import requests

from rocketchat_integrations import ConfigurationError, IncomingIntegration
from rocketchat_integrations.testing import LocalRocketChat

from .conftest import BOTS, TOKEN, running

if TYPE_CHECKING:
    from .conftest import Integrate

GUIDE = (BOTS / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:python|waitress-serve|uvicorn) .*_bot.*$", GUIDE, re.MULTILINE)
(WORKER,) = re.findall(r"^celery (.*)$", GUIDE, re.MULTILINE)
WITH_QUEUE = [command for command in COMMANDS if "celery" in command]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    with running(request.param) as url:
        yield url


every_bot = pytest.mark.parametrize("base", sorted({*COMMANDS} - {*WITH_QUEUE}), indirect=True, scope="module")


def post(url: str, body: object) -> requests.Response:
    return requests.post(url, json=body, allow_redirects=False, timeout=60)


@every_bot
def test_a_bot_replies_in_the_room(base: str, integrate: Integrate) -> None:
    """A replayed call, which has no text, gets no reply and does not fail."""
    workspace = integrate(f"{base}/hook")
    (reply,) = workspace.say("!deploy web")
    assert re.fullmatch("deploy(?:ed|ing) web for alice", reply)
    assert workspace.server.messages[-1].user == "rocket.cat"
    assert workspace.history == [("url-response-sent-message", False)]
    before = workspace.server.messages
    (entry,) = workspace.client.history(workspace.record.id)
    workspace.client.replay_outgoing(workspace.record.id, entry.id)
    workspace.server.wait_until_quiet()
    assert workspace.server.messages == before
    assert not any(failed for _, failed in workspace.history)


@every_bot
def test_a_bot_answers_by_http(base: str) -> None:
    """Without redirects, as Rocket.Chat calls it, and whatever its framework makes of a form."""
    url = f"{base}/hook"
    answer = post(url, {"token": TOKEN, "text": "!deploy web", "user_name": "alice"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["text"].endswith("web for alice")
    for body in ({"text": "!deploy web"}, {"token": "wrong", "text": "!deploy web"}):
        assert post(url, body).status_code == 401
    assert requests.post(url, data={"token": TOKEN}, allow_redirects=False, timeout=60).status_code == 415
    assert requests.get(url, timeout=60).json() == {"status": "ok"}
    assert requests.head(url, timeout=60).status_code == 200
    assert requests.put(url, json={"token": TOKEN}, timeout=60).status_code == 405


@pytest.mark.parametrize(
    "base",
    [command for command in COMMANDS if not re.search("([aw]sgi|celery)_bot", command)],
    indirect=True,
    scope="module",
)
def test_the_rest_of_the_application_works_beside_the_bot(base: str) -> None:
    answer = requests.get(f"{base}/status", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"deployments": "none"})
    assert requests.get(f"{base}/elsewhere", timeout=60).status_code == 404


def test_the_guide_starts_every_bot() -> None:
    assert {name for command in COMMANDS for name in re.findall(r"\w+_bot", command)} == {
        file.stem for file in BOTS.glob("*.py")
    }


@pytest.mark.parametrize("file", sorted(BOTS.glob("*.py")), ids=lambda file: file.stem)
def test_no_bot_starts_without_a_token(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot without one would serve everybody."""
    monkeypatch.delenv("DEPLOY_BOT_TOKEN", raising=False)
    with pytest.raises(KeyError, match="DEPLOY_BOT_TOKEN"):
        runpy.run_path(str(file))
    monkeypatch.setenv("DEPLOY_BOT_TOKEN", "")
    with pytest.raises(ConfigurationError, match="token"):
        runpy.run_path(str(file))


def shell(commands: str, folder: Path) -> None:
    subprocess.run(["sh", "-eu", "-c", commands], cwd=folder, check=True, timeout=120)


def test_the_guide_leads_to_a_bot(server: LocalRocketChat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes the token, starts the bot, and creates the integration on the command line or in Python."""
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
    make_token, create_by_shell = blocks("sh")
    (create_by_python,) = blocks("python")

    shell(f'{make_token}[ "$DEPLOY_BOT_TOKEN" = "$(cat deploy-bot.token)" ]', folder)
    token_file = folder / "deploy-bot.token"
    assert token_file.stat().st_mode & 0o077 == 0
    token = token_file.read_text(encoding="utf-8").strip()
    monkeypatch.setenv("DEPLOY_BOT_TOKEN", token)
    (shown,) = set(re.findall("https://bot.example.com/hook", GUIDE))
    with running(COMMANDS[0], folder, token) as base:
        ways: list[Callable[[], object]] = [
            lambda: shell(create_by_shell.replace(shown, f"{base}/hook"), folder),
            lambda: exec(create_by_python.replace(shown, f"{base}/hook"), {}),
        ]
        for create in ways:
            server.reset()
            create()
            server.say("alice", "general", "!deploy web")
            assert [message.text for message in server.messages] == ["!deploy web", "deploying web for alice"]


def change(file: str, changes: dict[str, str], folder: Path) -> None:
    """Copy an example with some text replaced."""
    text = (BOTS / file).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text, encoding="utf-8")


def test_a_mounted_bot_does_not_get_the_call(tmp_path: Path, integrate: Integrate) -> None:
    """The documentation warns of this: the URL without the slash is redirected."""
    changes = {'app.router.routes.append(Route("/hook", bot.asgi))': 'app.mount("/hook", bot.asgi)'}
    change("fastapi_bot.py", changes, tmp_path)
    with running("uvicorn --port 8000 fastapi_bot:app", tmp_path) as base:
        answer = post(f"{base}/hook", {"token": TOKEN})
        assert (answer.status_code, answer.headers["Location"]) == (307, f"{base}/hook/")
        workspace = integrate(f"{base}/hook")
        assert workspace.say("!deploy web") == []
        assert [failed for _, failed in workspace.history] == [True]
        assert post(f"{base}/hook/", {"token": TOKEN}).json() == {}


def test_a_bot_posts_its_result_later(integrate: Integrate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The FastAPI bot replies in a thread at once, and finishes its work before it stops."""
    workspace = integrate("http://127.0.0.1:1/hook")
    hook = workspace.client.create(IncomingIntegration("results", channel="#general", username="rocket.cat"))
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", workspace.client.webhook(hook).url)
    with running("uvicorn --port 8000 fastapi_bot:app") as base:
        workspace.client.update(workspace.record.id, attrs.evolve(workspace.record, urls=f"{base}/hook"))
        said = workspace.server.say("alice", "general", "!deploy web")
    posted = {(message.text, message.tmid) for message in workspace.server.messages[1:]}
    assert posted == {("deploying web for alice", said.id), ("deployed web", said.id)}


def test_a_worker_posts_the_result(integrate: Integrate, redis_socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Celery bot replies at once, and a worker in another process posts the result."""
    workspace = integrate("http://127.0.0.1:1/hook")
    hook = workspace.client.create(IncomingIntegration("results", channel="#random", username="rocket.cat"))
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", workspace.client.webhook(hook).url)
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis+socket://{redis_socket}")
    (command,) = WITH_QUEUE
    with running(command) as base:
        workspace.client.update(workspace.record.id, attrs.evolve(workspace.record, urls=f"{base}/hook"))
        assert workspace.say("!deploy web") == ["deploying web for alice"]
    environment = {**os.environ, "DEPLOY_BOT_TOKEN": TOKEN}
    with subprocess.Popen(
        [sys.executable, "-m", "celery", *WORKER.split(), "--pool", "solo"], cwd=BOTS, env=environment
    ) as worker:
        workspace.server.wait_for_request("hooks", timeout=60)
        worker.terminate()  # it finishes the task first
    assert [(each.room, each.text) for each in workspace.server.messages[2:]] == [("random", "deployed web for alice")]


def test_a_django_view_can_be_async(tmp_path: Path, integrate: Integrate) -> None:
    """With `handle_async`, served by ASGI, as the documentation says."""
    changes = {
        "def hook(": "async def hook(",
        "bot.handle(": "await bot.handle_async(",
        "\ndef deploy(": "\nasync def deploy(",
        "wsgi": "asgi",
    }
    change("django_bot.py", changes, tmp_path)
    with running("uvicorn --port 8000 --lifespan off django_bot:application", tmp_path) as base:
        assert integrate(f"{base}/hook").say("!deploy web") == ["deploying web for alice"]
        assert post(f"{base}/hook", {"token": "wrong"}).status_code == 401
