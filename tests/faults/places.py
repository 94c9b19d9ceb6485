"""Base URLs that no request gets through to: nobody listens, nobody answers, or TLS fails."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import attrs
import trustme

from .proxy import Proxy


@attrs.frozen
class Site:
    """What places are made from: the proxy, and an authority that the clients trust."""

    proxy: Proxy
    authority: trustme.CA
    bundle: Path
    """The authority's certificate, as a file."""


Place: TypeAlias = Callable[[Site], AbstractContextManager[str]]
"""Gives the base URL of a client."""


@contextmanager
def behind_the_proxy(site: Site) -> Generator[str, None, None]:
    """The server, behind the proxy."""
    yield f"http://127.0.0.1:{site.proxy.port}"


@contextmanager
def refused(_: Site) -> Generator[str, None, None]:
    """A port that is bound, so that no other program takes it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def unknown_name(_: Site) -> Generator[str, None, None]:
    """A host name that is reserved for never existing."""
    yield "https://chat.invalid"  # a client warns of http


@contextmanager
def full_backlog(_: Site) -> Generator[str, None, None]:
    """A port whose queue is full, so that the system drops further attempts to connect."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def tls(
    host: str = "127.0.0.1", *, trusted: bool = True, expired: bool = False
) -> Callable[[Site], AbstractContextManager[str]]:
    """A proxy with TLS, whose certificate is for this host."""

    @contextmanager
    def place(site: Site) -> Generator[str, None, None]:
        authority = site.authority if trusted else trustme.CA()
        days_ago = [datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=number) for number in (9, 2)]
        not_before, not_after = days_ago if expired else (None, None)
        certificate = authority.issue_cert(host, not_before=not_before, not_after=not_after)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        proxy = Proxy(site.proxy.upstream_url, context)
        try:
            yield f"https://127.0.0.1:{proxy.port}"
        finally:
            proxy.stop()

    return place


def handshake(act: Callable[[socket.socket], object]) -> Callable[[Site], AbstractContextManager[str]]:
    """A port that takes connections and does this instead of a TLS handshake."""

    @contextmanager
    def place(_: Site) -> Generator[str, None, None]:
        with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        stack.enter_context(connection)
                        act(connection)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

    return place
