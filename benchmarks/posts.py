"""10,000 posts through one webhook: how many connections they take, and how much memory they leave in use.

Run it in a checkout, with the extra `testing`: `python benchmarks/posts.py`. It fails if they take more than one
connection, or if memory grows with the posts.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import tracemalloc
from multiprocessing.connection import Connection

from rocketchat_integrations import IncomingWebhook, Message
from rocketchat_integrations.testing import LocalRocketChat

POSTS = 10_000
WARM_UP = 500
LIMIT = 64 * 1024  # bytes: whoever keeps 7 of each post is found out


def serve(pipe: Connection) -> None:
    """Be a server in a process of its own, whose memory does not count: it keeps every message."""
    hook = {"type": "webhook-incoming", "channel": ["#general"], "token": "t0ken", "enabled": True}
    with LocalRocketChat() as server:
        id = server.insert({**hook, "userId": "rocket.cat", "username": "rocket.cat", "scriptEnabled": False})
        pipe.send(f"{server.url}/hooks/{id}/t0ken")
        pipe.recv()
        pipe.send((server.connections, len(server.messages)))


def post(webhook: IncomingWebhook, times: int) -> int:
    """Post that often, and return how many bytes the program then has in use."""
    for number in range(times):
        webhook.post(Message(f"post {number}", alias="benchmark"))
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def main() -> int:
    """Measure, print, and judge."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    with IncomingWebhook(pipe.recv()) as webhook:
        tracemalloc.start()
        before = post(webhook, WARM_UP)
        growth = post(webhook, POSTS) - before
        tracemalloc.stop()
    pipe.send("done")
    connections, messages = pipe.recv()
    process.join()
    print(f"posts        {POSTS:,}, and {WARM_UP:,} before them; {messages:,} have arrived")
    print(f"connections  {connections}")
    print(f"memory       {growth / 1024:+.1f} KiB in use (at most {LIMIT // 1024:+} KiB)")
    return 0 if (connections, messages) == (1, WARM_UP + POSTS) and growth <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
