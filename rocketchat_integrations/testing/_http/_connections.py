"""Open connections: count them, and close them all."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any


class Connections:
    """The open connections of a server, and how many it has accepted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[Any] = set()  # sockets, untyped as in socketserver
        self.accepted = 0

    def opened(self, connection: Any) -> None:
        """Add a connection."""
        with self._changed:
            self._open.add(connection)
            self.accepted += 1

    def closed(self, connection: Any) -> None:
        """Remove a connection."""
        with self._changed:
            self._open.remove(connection)
            self._changed.notify_all()

    def close_all(self) -> None:
        """Close every connection, and return once their threads have ended."""
        with self._changed:
            for connection in self._open:
                # The client may have closed it already.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open)
