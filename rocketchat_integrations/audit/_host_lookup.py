"""Look up the addresses of hosts: several at a time, within a limit of time."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable

THREADS = 8
SECONDS = 10.0
"""How long all hosts together may take."""

# What getaddrinfo says if there is no such host, and not if it could not ask.
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def host_exists(host: str) -> bool | None:
    """Return whether a host has an address, as seen from this machine; None if that cannot be found out."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror as error:
        return False if error.errno in _NO_SUCH_HOST else None
    except UnicodeError:  # a name that Python cannot encode
        return None
    return True


def look_up(
    hosts: Iterable[str], resolve: Callable[[str], bool | None], *, seconds: float = SECONDS
) -> dict[str, bool | None]:
    """Return for each host whether it exists; None if that was not found out within the limit of time."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[str, bool | None]] = queue.SimpleQueue()
    result: dict[str, bool | None] = dict.fromkeys(hosts)
    for host in result:
        waiting.put(host)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                host = waiting.get_nowait()
                answers.put((host, resolve(host)))

    for _ in range(min(THREADS, len(result))):
        # Daemons: a lookup cannot be interrupted, and must not delay the end of the program.
        threading.Thread(target=work, name="host lookup", daemon=True).start()
    deadline = time.monotonic() + seconds
    with contextlib.suppress(queue.Empty):
        for _ in range(len(result)):
            host, exists = answers.get(timeout=max(0.0, deadline - time.monotonic()))
            result[host] = exists
    return result
