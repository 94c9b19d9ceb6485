"""A fast server with prepared answers, in another process."""

from __future__ import annotations

import json
import multiprocessing
import re
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import attrs

from . import samples

_CREATED = json.dumps({"integration": samples.record(0), "success": True}, separators=(",", ":")).encode()
_POSTED = b'{"success":true}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OFFSET = re.compile(rb"[?&]offset=(\d+)")
_ALL = re.compile(rb"[?&]count=0(&|$)")
_LONGEST_REST = 20_000


@attrs.frozen
class Server:
    """The server, as seen from the process that calls it."""

    url: str
    _pipe: Connection

    def connections(self) -> int:
        """Return how many connections it has accepted."""
        self._pipe.send("connections")
        return int(self._pipe.recv())


@contextmanager
def serving(*, records: int = 0, latency: float = 0.0) -> Generator[Server, None, None]:
    """Run a server.

    Args:
        records: the number of integrations in its list.
        latency: the time that each answer takes, in seconds.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, records, latency), daemon=True)
    process.start()
    try:
        yield Server(str(ours.recv()), ours)
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, records: int, latency: float) -> None:
    pages = [samples.page(offset, records) for offset in range(0, max(records, 1), samples.PAGE_SIZE)]
    # What the client requests at once, after the first page.
    tail = samples.page(samples.PAGE_SIZE, records, records) if records <= _LONGEST_REST else b""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = 0

    def accept() -> None:
        nonlocal accepted
        while True:
            connection, _ = listener.accept()
            accepted += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_talk, args=(connection, pages, tail, latency), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    while pipe.recv():
        pipe.send(accepted)


def _talk(connection: socket.socket, pages: list[bytes], tail: bytes, latency: float) -> None:
    """Answer the requests of one connection until it is closed."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
        head, ended, rest = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not ended or len(rest) < (int(length[1]) if length else 0):
            continue
        received = b""
        if latency:
            time.sleep(latency)
        body = _answer(head, pages, tail)
        connection.sendall(_HEAD % len(body) + body)


def _answer(head: bytes, pages: list[bytes], tail: bytes) -> bytes:
    target = head.split(b" ", 2)[1]
    if b"integrations.create" in target:
        return _CREATED
    if b"integrations.get" in target:
        return _CREATED
    if b"integrations.list" in target:
        if _ALL.search(target):
            return tail
        offset = _OFFSET.search(target)
        return pages[int(offset[1]) // samples.PAGE_SIZE if offset else 0]
    return _POSTED
