"""Serve a bot on this machine: ``LocalBot``."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

_POLL_SECONDS = 0.01


class _BotServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


class LocalBot:
    """Serves a bot on a port of this machine, for the outgoing integrations of a :class:`LocalRocketChat` to call.

    Use it as a context manager, or call ``start`` and ``stop``::

        with LocalRocketChat() as server, LocalBot(app) as bot:
            ...  # create an outgoing integration with urls=[bot.url]
            server.say("alice", "general", "!deploy web")

    It answers several calls at a time, each in its own thread.

    Args:
        app: a WSGI application, such as a :class:`~rocketchat_integrations.outgoing.WebhookApp` without ``async``
            handlers. Serve an ASGI application with uvicorn instead: :doc:`/how-to/test-a-bot`.
        port: the port to listen on; 0 for any free port.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], *, port: int = 0) -> None:
        self._app = app
        self._port = port
        self._server: WSGIServer | None = None

    def start(self) -> Self:
        """Start to listen, and return the bot itself.

        Raises:
            RuntimeError: it has been started already.
            OSError: the port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the bot has been started already")
        self._server = make_server("127.0.0.1", self._port, self._app, _BotServer, _QuietHandler)
        serve = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), name="LocalBot", daemon=True)
        serve.start()
        return self

    def stop(self) -> None:
        """Stop listening. A bot that is not served stays as it is."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL, for an integration's ``urls``.

        Raises:
            RuntimeError: the bot is not being served.
        """
        if self._server is None:
            raise RuntimeError("the bot is not being served: use it in a with statement, or call start()")
        return f"http://127.0.0.1:{self._server.server_port}/"
