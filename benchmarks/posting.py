"""Benchmark 10,000 posts through one webhook: connections, and memory in use afterwards."""

from __future__ import annotations

import functools
import gc
import tracemalloc

from rocketchat_integrations import IncomingWebhook, Message

from .measuring import Row, in_fresh_process
from .server import serving

_POSTS = 10_000
_WARM_UP = 500


def _grow(url: str) -> float:
    """Return the growth of memory in use after the first posts, in KiB."""
    with IncomingWebhook(url) as webhook:
        tracemalloc.start()
        before = _post(webhook, _WARM_UP)
        return (_post(webhook, _POSTS) - before) / 1024


def _post(webhook: IncomingWebhook, times: int) -> int:
    """Post a number of messages, and return the memory in use, in bytes."""
    for number in range(times):
        webhook.post(Message(f"post {number}", alias="benchmark"))
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@functools.cache
def _growth_and_connections() -> tuple[float, int]:
    with serving() as server:
        growth = in_fresh_process(_grow, f"{server.url}/hooks/659ea5b72dd9f928ad000000/t0ken")
        return growth, server.connections()


ROWS = (
    Row("post-connections", f"{_POSTS:,} posts", "connections accepted", 1, "", lambda _: _growth_and_connections()[1]),
    # The bound detects 7 bytes kept for each post.
    Row("post-memory", "the same", "memory in use after them", 64, " KiB", lambda _: _growth_and_connections()[0]),
)
