"""Run the handlers of a bot: in this thread, or under asyncio.

What happens around a handler is a generator that yields functions. Each is called, and its outcome is sent in. So the
same steps serve both ways; only calling a function differs.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from ._replies import is_async

T = TypeVar("T")
Step: TypeAlias = Callable[[], object]

# What a function may raise to fail. KeyboardInterrupt is not one of them: Ctrl-C ends the program.
FAILURES = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)

_USE_PARTIAL = "pass the `async` function itself, or a `functools.partial` of it"
NEEDS_ASYNCIO = "is async, so serve the app by `handle_async` or `asgi`"


class StepOutcome(NamedTuple):
    """What a function returned or raised.

    Not raised in the generator itself: when Python closes a generator, it raises GeneratorExit in it as well.
    """

    returned: object
    error: BaseException | None = None

    def result(self) -> object:
        """Return what the function returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.returned


Steps: TypeAlias = Generator[Step, StepOutcome, T]


def run(steps: Steps[T]) -> T:
    """Call the functions in this thread."""
    resume: Callable[[], Step] = partial(next, steps)
    while True:
        try:
            function = resume()
        except StopIteration as stop:
            return cast(T, stop.value)
        resume = partial(steps.send, _outcome_of(function))


async def run_async(steps: Steps[T]) -> T:
    """Call the functions under asyncio: plain ones in a worker thread."""
    resume: Callable[[], Step] = partial(next, steps)
    while True:
        try:
            function = resume()
        except StopIteration as stop:
            return cast(T, stop.value)
        outcome = await (_in_a_task(function) if is_async(function) else asyncio.to_thread(_outcome_of, function))
        resume = partial(steps.send, outcome)


def _plain(result: object) -> object:
    """Refuse the coroutine that a plain function has returned, and close it, else Python warns."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"a plain function must not return a coroutine; {_USE_PARTIAL}")
    return result


def _outcome_of(function: Step) -> StepOutcome:
    # StopIteration must not leave a worker thread: asyncio would hang.
    try:
        return StepOutcome(_plain(function()))
    except FAILURES as error:
        return StepOutcome(None, error)


async def _in_a_task(function: Step) -> StepOutcome:
    # In a task of its own, to tell a handler that was cancelled from within (it has failed) from a cancelled call.
    running = asyncio.ensure_future(_awaited(function))
    try:
        await asyncio.wait((running,))
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        raise
    try:
        return running.result()
    except asyncio.CancelledError as error:
        return StepOutcome(None, error)


async def _awaited(function: Step) -> StepOutcome:
    # SystemExit must not leave a task: asyncio would end the program.
    try:
        return StepOutcome(await cast("Awaitable[Any]", function()))
    except (Exception, SystemExit, GeneratorExit) as error:
        return StepOutcome(None, error)
