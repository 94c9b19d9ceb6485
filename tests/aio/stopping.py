"""Cancel a coroutine at a chosen await."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Awaits:
    """Runs a coroutine in the current task, and cancels the task at one of the awaits where it waits."""

    def __init__(self, cancel_at: int) -> None:
        self.count = 0
        self._cancel_at = cancel_at

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await self._steps(coroutine)

    @types.coroutine
    def _steps(self, coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        interruption: BaseException | None = None
        while True:
            try:
                awaited = coroutine.send(None) if interruption is None else coroutine.throw(interruption)
            except StopIteration as stop:
                result: T = stop.value
                return result
            interruption = None
            self.count += 1
            if self.count == self._cancel_at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield awaited
            except BaseException as error:
                interruption = error


async def cancelled(cancel_at: int, coroutine: Coroutine[Any, Any, object]) -> bool:
    """Cancel a coroutine at this await; return False if it ended before."""
    awaits = Awaits(cancel_at)
    try:
        await asyncio.create_task(awaits.run(coroutine))
    except asyncio.CancelledError:
        return True
    assert awaits.count < cancel_at, "the cancellation was lost"
    return False
