"""Handlers that exit: the call has failed, and the server goes on. Ctrl-C ends the program."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from rocketchat_integrations.outgoing import WebhookApp
from tests.servers import gunicorn, uvicorn

from .conftest import app_with
from .test_app import JSON, body_of, handle_async
from .test_http import ask, by_waitress

WSGI_BOT = """
import argparse, os, sys
from rocketchat_integrations.outgoing import WebhookApp

application = WebhookApp(token="T0K3N")

@application.command("!parse")
def parse(command):
    argparse.ArgumentParser().parse_args(command.arguments)
    return str(os.getpid())

@application.on_error
def hook(payload, error):
    sys.exit("enough")
"""
ASGI_BOT = WSGI_BOT.replace("\ndef ", "\nasync def ") + "\napplication = application.asgi\n"


def say(port: int, text: str) -> tuple[int, Any]:
    return ask(port, "POST", json.dumps({"token": "T0K3N", "text": text}))


@pytest.mark.parametrize(("serve", "bot"), [(gunicorn, WSGI_BOT), (uvicorn, ASGI_BOT)], ids=["gunicorn", "uvicorn"])
def test_a_command_that_exits_does_not_end_a_server(tmp_path: Path, serve: Any, bot: str) -> None:
    """As argparse does for a wrong option: its call is answered with 500, and the same process answers the next one."""
    (tmp_path / "bot.py").write_text(bot, encoding="utf-8")
    with serve(tmp_path) as port:
        before = say(port, "!parse")
        assert say(port, "!parse --wrong") == (500, {"error": "the bot failed"})
        assert before[0] == 200
        assert say(port, "!parse ") == before


def test_a_handler_that_exits_is_answered_by_a_server_with_threads() -> None:
    with by_waitress(app_with(lambda message: sys.exit(2))) as port:
        assert [say(port, text) for text in "ab"] == [(500, {"error": "the bot failed"})] * 2


def press_ctrl_c(message: object) -> None:
    signal.raise_signal(signal.SIGINT)


async def press_ctrl_c_and_wait(message: object) -> None:
    press_ctrl_c(message)
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("handler", "answer"), [(press_ctrl_c, WebhookApp.handle), (press_ctrl_c_and_wait, handle_async)]
)
def test_ctrl_c_ends_the_program_while_a_handler_runs(
    handler: Any, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not logged as a failure."""
    with pytest.raises(KeyboardInterrupt):
        answer(app_with(handler), body_of(), JSON)
    assert caplog.records == []
