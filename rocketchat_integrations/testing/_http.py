"""The server's HTTP: connections that are kept, counted, and closed on demand, and deliveries that fail."""

from __future__ import annotations

import queue
import selectors
import socket
import struct
import threading
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from ._faults import Delivery, Dispatch
from ._workspace import DISPATCH

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_Client: TypeAlias = Any
"""A connection's socket, as untyped as ``socketserver`` has it."""


class Connections:
    """The open connections, and how many there ever were."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: dict[_Client, bool] = {}
        self.accepted = 0

    def opened(self, connection: _Client) -> None:
        """A client has connected."""
        with self._changed:
            self._busy[connection] = False
            self.accepted += 1

    def closed(self, connection: _Client) -> None:
        """A connection is over."""
        with self._changed:
            del self._busy[connection]
            self._changed.notify_all()

    @contextmanager
    def busy(self, connection: _Client) -> Generator[None, None, None]:
        """While a request is answered, the connection is not idle."""
        with self._changed:
            self._busy[connection] = True
        try:
            yield
        finally:
            with self._changed:
                self._busy[connection] = False

    def close_idle(self) -> None:
        """Close the connections that wait for a request."""
        with self._changed:
            _shut_down(connection for connection, busy in self._busy.items() if not busy)

    def close_all(self) -> None:
        """Close every connection and return once their threads are done with them."""
        with self._changed:
            _shut_down(self._busy)
            self._changed.wait_for(lambda: not self._busy)


def _shut_down(connections: Iterable[_Client]) -> None:
    for connection in connections:
        # Already gone is fine too.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    @property
    def _http(self) -> HttpServer:
        return cast("HttpServer", self.server)

    def run_wsgi(self) -> None:
        """Answer one request. Unlike the method it replaces, this leaves the connection open."""
        with self._http.connections.busy(self.connection):
            environ = self.make_environ()
            dispatch = environ[DISPATCH] = Dispatch()
            try:
                chunks, status, headers = run_wsgi_app(self._http.app, environ, buffered=True)
            except ClientDisconnected:
                self.close_connection = True
                return
            if dispatch.delivery is Delivery.NEVER:
                self._wait_until_gone()
            elif dispatch.delivery is Delivery.RESET:
                self._reset()
            else:
                self._send(status, headers.items(), b"".join(chunks), whole=dispatch.delivery is Delivery.WHOLE)

    def finish(self) -> None:
        """Close the streams, also those of a client that went away in the middle of its answer."""
        with suppress(OSError), closing(self.rfile):
            super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the workspace keeps the log, without the tokens in paths."""

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
        if self.command != "HEAD":
            self.wfile.write(body)

    def _wait_until_gone(self) -> None:
        """Wait for the client, or for the server's stopping, to close the connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            selector.select()
        self.close_connection = True

    def _reset(self) -> None:
        # Closing with a linger time of 0 sends RST; the descriptor is taken away from the socket so that nobody
        # says a polite good-bye before that.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True


@attrs.frozen
class _Refuse:
    """The order to refuse connections for some time."""

    seconds: float
    has_begun: threading.Event = attrs.field(factory=threading.Event)


class HttpServer(ThreadedWSGIServer):
    """Serves an application on a port of the loopback interface (0: a free one), in threads of its own."""

    # ``handle_request`` is only called when there is one.
    timeout = 0

    def __init__(self, app: WSGIApplication, connections: Connections, port: int) -> None:
        self.connections = connections
        # Opened here, since werkzeug ends the program where a port is taken.
        with socket.create_server(("127.0.0.1", port)) as listener:
            super().__init__("127.0.0.1", port, app, handler=_Handler, fd=listener.fileno())
        self._orders: queue.SimpleQueue[_Refuse | None] = queue.SimpleQueue()
        self._bell, self._bell_rope = socket.socketpair()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="LocalRocketChat", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, close all connections and return when everything has ended."""
        self._stopping.set()
        self._order(None)
        self._thread.join()
        self.server_close()
        self.connections.close_all()
        self._bell.close()
        self._bell_rope.close()

    def refuse(self, seconds: float) -> None:
        """Refuse connections for some time, beginning before this returns; idle ones are closed."""
        order = _Refuse(seconds)
        self._order(order)
        order.has_begun.wait()

    def process_request(self, request: _Client, client_address: Any) -> None:
        """Hand a new connection to a thread."""
        self.connections.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Client) -> None:
        """Take leave of a connection."""
        super().shutdown_request(request)
        self.connections.closed(request)

    def _order(self, order: _Refuse | None) -> None:
        self._orders.put(order)
        self._bell_rope.send(b"!")

    def _serve(self) -> None:
        while (order := self._accept_until_ordered()) is not None:
            self._keep_shut(order)

    def _accept_until_ordered(self) -> _Refuse | None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.register(self.socket, selectors.EVENT_READ)
            while all(key.fileobj is not self._bell for key, _ in selector.select()):
                self.handle_request()
        self._bell.recv(1)
        return self._orders.get()

    def _keep_shut(self, order: _Refuse) -> None:
        self.socket.close()
        self.connections.close_idle()
        # A socket that is bound but does not listen refuses connections and keeps the port ours.
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        order.has_begun.set()
        self._stopping.wait(order.seconds)
        self.server_activate()
