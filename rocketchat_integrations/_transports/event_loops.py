"""What the asynchronous driver needs of the event loop that runs: asyncio's, or trio's."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Protocol, cast


def running_trio() -> Any:
    """Return the module trio if it runs the current task, otherwise None."""
    trio: Any = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_task() else None


def running_loop() -> object:
    """Return the event loop that runs, or trio's token for it."""
    trio = running_trio()
    return asyncio.get_running_loop() if trio is None else trio.lowlevel.current_trio_token()


def has_ended(loop: object) -> bool:
    """Return whether an event loop of asyncio is closed."""
    return isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


class Lock(Protocol):
    """What asyncio's and trio's locks have in common."""

    async def __aenter__(self) -> object: ...
    async def __aexit__(self, *error: object) -> None: ...
    def locked(self) -> bool: ...


def new_lock() -> Lock:
    """Return a lock for the tasks of the event loop that runs."""
    trio = running_trio()
    return cast("Lock", asyncio.Lock() if trio is None else trio.Lock())


async def sleep(seconds: float) -> None:
    """Sleep for a number of seconds."""
    trio = running_trio()
    await (asyncio.sleep(seconds) if trio is None else trio.sleep(seconds))
