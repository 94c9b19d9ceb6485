"""Serve a WSGI application over HTTP/1.1: connections are kept alive, and faults are carried out."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from ._connections import Connections
from ._faults import Dispatch, Sending
from ._workspace import DISPATCH

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _ConnectionHandler(WSGIRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answer one request, and keep the connection open, unlike the method that this overrides."""
        environ = self.make_environ()
        dispatch = environ[DISPATCH] = Dispatch()
        try:
            chunks, status, headers = run_wsgi_app(cast("Listener", self.server).app, environ, buffered=True)
        except ClientDisconnected:
            self.close_connection = True
            return
        match dispatch.sending:
            case Sending.NEVER:
                self._wait_until_closed()
            case Sending.RESET:
                self._reset()
            case sending:
                self._send(status, headers.items(), b"".join(chunks), whole=sending is Sending.WHOLE)

    def finish(self) -> None:
        """Close the streams, even if the client has closed the connection before its answer."""
        with suppress(OSError), closing(self.rfile):
            super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: the workspace logs requests, without the tokens in their paths."""

    def _send(self, status: str, headers: Iterable[tuple[str, str]], body: bytes, *, whole: bool) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not whole:
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)

    def _wait_until_closed(self) -> None:
        """Wait for the client, or for a stop of the server, to close the connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            selector.select()
        self.close_connection = True

    def _reset(self) -> None:
        # Closing with a linger time of 0 sends RST. Detached, so that socketserver does not shut it down first.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True


class Listener(ThreadedWSGIServer):
    """Serves an application on a port of the loopback interface (0: any free port), in threads of its own."""

    timeout = 0  # handle_request is only called when there is a connection to accept

    def __init__(self, app: WSGIApplication, connections: Connections, port: int) -> None:
        self.connections = connections
        # Bound here, because werkzeug exits the process if the port is taken.
        with socket.create_server(("127.0.0.1", port)) as listener:
            super().__init__("127.0.0.1", port, app, handler=_ConnectionHandler, fd=listener.fileno())
        self._stop_receiver, self._stop_sender = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="LocalRocketChat", daemon=True)

    def start(self) -> None:
        """Start to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, close all connections, and return when every thread has ended."""
        with self._stop_receiver, self._stop_sender:
            self._stop_sender.send(b"!")
            self._thread.join()
        self.server_close()
        self.connections.close_all()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection in a thread."""
        self.connections.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        super().shutdown_request(request)
        self.connections.closed(request)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stop_receiver, selectors.EVENT_READ)
            selector.register(self.socket, selectors.EVENT_READ)
            while all(key.fileobj is not self._stop_receiver for key, _ in selector.select()):
                self.handle_request()
