"""The configuration of nginx in `examples`: calls reach a bot behind it, over TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import trustme

from rocketchat_integrations import CallOutcome, EventType
from rocketchat_integrations.outgoing import Command, WebhookApp
from rocketchat_integrations.testing import LocalBot

from .conftest import BOTS, TOKEN, running

if TYPE_CHECKING:
    from .conftest import Integrate

CONFIGURATION = (BOTS / "nginx.conf").read_text(encoding="utf-8")
READ_TIMEOUT = "proxy_read_timeout 25s;"


@pytest.fixture
def nginx() -> str:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") and shutil.which("apt-get") else pytest.skip
        give_up("nginx is not installed")
    return program


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for localhost, with its key, by an authority that everybody trusts."""
    authority, path = trustme.CA(), tmp_path / "localhost.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(tmp_path / "authority.pem"))
    return path


@contextmanager
def in_front_of(bot: str, nginx: str, certificate: Path, read_timeout: str = "25s") -> Generator[str, None, None]:
    """Run nginx on a free port, with the configuration of the example, and yield its URL."""
    folder = certificate.parent
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        text = CONFIGURATION
        changes = {
            "listen 443": f"listen 127.0.0.1:{port}",
            "server_name bot.example.com": "server_name localhost",
            "/etc/letsencrypt/live/bot.example.com/fullchain.pem": str(certificate),
            "/etc/letsencrypt/live/bot.example.com/privkey.pem": str(certificate),
            "http://127.0.0.1:8000": bot.rstrip("/"),
            READ_TIMEOUT: f"proxy_read_timeout {read_timeout};",
        }
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        main = f"user root; daemon off; pid {folder}/pid; error_log {folder}/log; events {{}}\n"
        (folder / "nginx.conf").write_text(f"{main}http {{ access_log off; {folders}\n{text} }}\n")
        with subprocess.Popen(
            [nginx, "-e", folder / "log", "-c", folder / "nginx.conf"],
            # nginx takes over the socket, as from an older nginx that it replaces.
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
            pass_fds=[listener.fileno()],
        ) as process:
            try:
                yield f"https://localhost:{port}"
            finally:
                process.terminate()


@pytest.mark.parametrize(
    "command", ["python wsgi_bot.py", "waitress-serve --listen=127.0.0.1:8000 django_bot:application"]
)
def test_a_bot_answers_behind_nginx(
    command: str, nginx: str, certificate: Path, integrate: Integrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets the host that was called, which Django checks."""
    monkeypatch.setenv("ALLOWED_HOSTS", "localhost")
    with running(command) as bot, in_front_of(bot, nginx, certificate) as url:
        assert integrate(f"{url}/hook").say("!deploy web") == ["deploying web for alice"]
        assert requests.get(f"{url}/hook", timeout=60).json() == {"status": "ok"}


def test_nginx_refuses_the_bodies_that_a_bot_refuses(nginx: str, certificate: Path) -> None:
    """The largest body that the bot takes passes."""
    bot = WebhookApp(token=TOKEN)
    bot.on(EventType.SEND_MESSAGE)(bot.commands)
    with LocalBot(bot) as local, in_front_of(local.url, nginx, certificate) as url:

        def status_of(size: int) -> int:
            body = b'{"token": "%s"}' % TOKEN.encode()
            headers = {"Content-Type": "application/json"}
            return requests.post(f"{url}/hook", body.ljust(size), headers=headers, timeout=60).status_code

        assert (status_of(2**18), status_of(2**18 + 1)) == (200, 413)


def test_nginx_must_not_give_up_before_rocketchat(nginx: str, certificate: Path, integrate: Integrate) -> None:
    """With a shorter timeout, a call that the bot still works on counts as refused; the example waits longer."""
    bot, go_on = WebhookApp(token=TOKEN), threading.Event()

    @bot.command("!deploy")
    def deploy(_: Command) -> str:
        go_on.wait(60)
        return "deployed"

    with LocalBot(bot) as local, in_front_of(local.url, nginx, certificate, read_timeout="100ms") as url:
        workspace = integrate(f"{url}/hook")
        assert workspace.say("!deploy web") == []
        go_on.set()
        (entry,) = workspace.client.history(workspace.record.id)
    assert entry.outcome is CallOutcome.REFUSED
    assert int(READ_TIMEOUT.removeprefix("proxy_read_timeout ").removesuffix("s;")) > 20
