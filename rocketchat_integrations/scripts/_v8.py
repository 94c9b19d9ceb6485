"""Evaluate code in V8: the only module that imports mini_racer."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from rocketchat_integrations.exceptions import ConfigurationError

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

# How long to wait for V8, which may be busy: a script can leave callbacks behind, which run at any time.
_SECONDS_TO_CLOSE = 0.25
_SECONDS_FOR_GARBAGE = 3.0

T = TypeVar("T")


class FailureKind(StrEnum):
    """The reason why code could not be evaluated."""

    TIME = "time"
    MEMORY = "memory"
    SYNTAX = "syntax"
    THROWN = "thrown"


class EvaluationError(Exception):
    """Code could not be evaluated. V8's report is its text."""

    def __init__(self, kind: FailureKind, report: str) -> None:
        super().__init__(report)
        self.kind = kind


class Isolate:
    """V8 with a heap of its own, in this process.

    V8 notices that too much memory is in use when it collects garbage. It cannot interrupt some built-in functions.

    Args:
        memory: how many bytes the heap may have.

    Raises:
        ConfigurationError: the extra ``scripts`` is not installed.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._loop = _event_loop(os.getpid())
        racer = _new_racer(self._loop)
        racer.set_hard_memory_limit(memory)
        self._racer: MiniRacer | None = racer
        _open_isolates.add(self)

    def evaluate(self, code: str, seconds: float) -> str:
        """Return the text that code gives; an empty one for a value of another type.

        Raises:
            EvaluationError: it does not compile, throws, or takes too long or too much memory.
        """
        from py_mini_racer import JSEvalException, JSOOMException, JSParseException

        assert self._racer is not None
        running = asyncio.wait_for(self._racer.eval_cancelable(code), seconds)
        future = asyncio.run_coroutine_threadsafe(running, self._loop)
        try:
            value = future.result()
            return value if isinstance(value, str) else ""
        except TimeoutError:
            failure = FailureKind.TIME, ""
        except JSOOMException:
            failure = FailureKind.MEMORY, ""
        except JSParseException as error:
            failure = FailureKind.SYNTAX, str(error)
        except JSEvalException as error:
            failure = FailureKind.THROWN, str(error)
        raise EvaluationError(*failure)

    def exceeds_memory(self) -> bool:
        """Return whether too much memory is in use, after collecting garbage if it is more than half of the limit.

        Raises:
            EvaluationError: V8 is busy with what a script left behind.
        """
        assert self._racer is not None
        if not self._racer.was_hard_memory_limit_reached():
            heap = _wait_for(self._racer.heap_stats, _SECONDS_FOR_GARBAGE)
            if heap["used_heap_size"] > self._memory / 2:
                _wait_for(self._racer.low_memory_notification, _SECONDS_FOR_GARBAGE)
        return self._racer.was_hard_memory_limit_reached()

    def close(self) -> None:
        """End the code that runs, and free the memory, once."""
        racer, self._racer = self._racer, None
        if racer is not None:
            with suppress(EvaluationError):
                _wait_for(racer.close, _SECONDS_TO_CLOSE)


def _wait_for(function: Callable[[], T], seconds: float) -> T:
    """Return what a function of mini_racer returns, which has no time limit of its own."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()
    thread.join(seconds)
    if not results:
        raise EvaluationError(FailureKind.TIME, "")
    return results[0]


_open_isolates: weakref.WeakSet[Isolate] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Close all isolates: Python can hang at exit if one is open when modules are cleared."""
    for isolate in list(_open_isolates):
        isolate.close()


def require_v8() -> None:
    """Raise ConfigurationError if the extra ``scripts`` is not installed."""
    try:
        import py_mini_racer  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        pass
    else:
        return
    raise ConfigurationError(
        "running scripts needs the package mini-racer: pip install 'rocketchat-integrations[scripts]'"
    )


def _new_racer(loop: asyncio.AbstractEventLoop) -> MiniRacer:
    require_v8()

    async def made() -> MiniRacer:
        return _racer_class()()

    # Made in an event loop, a context uses that one, and not a thread of its own.
    return asyncio.run_coroutine_threadsafe(made(), loop).result()


@functools.cache
def _racer_class() -> type[MiniRacer]:
    from py_mini_racer import MiniRacer

    class PlainRacer(MiniRacer):
        """A context without ``setTimeout``, which the constructor of mini_racer adds with ``eval``."""

        def eval(self, *_: Any, **__: Any) -> Any:
            return None

    return PlainRacer


@functools.cache
def _event_loop(_: int) -> asyncio.AbstractEventLoop:
    """Return the event loop of all contexts of a process. It runs in a thread, which ends with the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="rocketchat-integrations scripts", daemon=True).start()
    return loop
