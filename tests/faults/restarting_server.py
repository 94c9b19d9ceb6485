"""Run an embedded server that restarts, forgets logins and limits calls when it is told to.

Run by path in another process, with three global names: ``pipe``, ``world`` and ``hooks``.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from rocketchat_integrations.testing import LocalRocketChat


def main(pipe: Connection, world: dict[str, Any], hooks: list[dict[str, Any]]) -> None:
    """Send the server's URL, then do what the other process says. After each start, the server has these hooks."""
    server = LocalRocketChat(world=world).start()
    port = int(server.url.rpartition(":")[2])
    server.stop()
    server = LocalRocketChat(world=world, port=port)

    def begin() -> None:
        server.reset()  # also the list of requests, which would grow
        for hook in hooks:
            server.insert(hook)
        server.start()

    begin()
    pipe.send(server.url)
    while True:
        match pipe.recv():
            case "restart":
                server.stop()
                begin()
            case "expiry":
                server.revoke_tokens("admin")
            case "limit":
                server.rate_limit = (300, 1.0)
            case _:
                server.rate_limit = None
        pipe.send(None)


given = globals()
main(given["pipe"], given["world"], given["hooks"])
