"""Evaluate code in V8: the only module that imports mini_racer.

The process that :mod:`._v8_process` starts loads this module only. So it imports nothing of this package.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import faulthandler
import functools
import json
import os
import signal
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py_mini_racer import MiniRacer

# The memory that the process may take besides the heap of V8, until V8 notices what a script takes.
_MEMORY_BESIDES = 512 * 2**20
_MEMORY_USED = Path("/proc/self/statm")
# The time to answer after the time limit, before the process ends itself.
_SECONDS_TO_ANSWER = 1.0
_SECONDS_TO_CLOSE = 0.25


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

    V8 notices that too much memory is in use when it collects garbage. It cannot interrupt some built-in functions:
    then :meth:`close` waits until they end.

    Args:
        memory: how many bytes the heap may have, and how many characters a result.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._process = os.getpid()
        self._loop = _event_loop(self._process)
        racer = _new_racer(self._loop)
        racer.set_hard_memory_limit(memory)
        self._racer: MiniRacer | None = racer
        self._evaluations: set[asyncio.Task[Any]] = set()
        self._collected = weakref.finalize(self, _close_collected, racer, self._loop, self._process)
        self._collected.atexit = False
        _open_isolates.add(self)

    def evaluate(self, code: str, seconds: float) -> str:
        """Return the text that code gives; an empty one for a value of another type.

        Raises:
            EvaluationError: it does not compile, throws, or takes too long or too much memory.
        """
        from py_mini_racer import JSEvalException, JSOOMException, JSParseException

        racer = self._racer
        if racer is None:  # Python exits while another thread runs a script
            raise EvaluationError(FailureKind.TIME, "closed")
        running = self._evaluate(racer, code, seconds)
        try:
            value = asyncio.run_coroutine_threadsafe(running, self._loop).result()
            if not isinstance(value, str):
                return ""
            if len(value) <= self._memory:
                return value
            failure = FailureKind.MEMORY, ""
        except TimeoutError:
            failure = FailureKind.TIME, ""
        except JSOOMException:
            failure = FailureKind.MEMORY, ""
        except JSParseException as error:
            failure = FailureKind.SYNTAX, str(error)
        except JSEvalException as error:
            failure = FailureKind.THROWN, str(error)
        except CancelledError:  # closed meanwhile
            failure = FailureKind.TIME, ""
        raise EvaluationError(*failure)

    async def _evaluate(self, racer: MiniRacer, code: str, seconds: float) -> object:
        evaluation = asyncio.ensure_future(racer.eval_cancelable(code))
        self._evaluations.add(evaluation)
        evaluation.add_done_callback(self._evaluations.discard)
        return await asyncio.wait_for(evaluation, seconds)

    def exceeds_memory(self, seconds: float) -> bool:
        """Return whether too much memory is in use, after collecting garbage if it is more than half of the limit.

        Raises:
            EvaluationError: V8 is busy with what a script left behind.
        """
        # Only an evaluation has a time limit. (The statistics must not wait in another thread: mini_racer would use
        # freed memory if the isolate was closed meanwhile.)
        self.evaluate("", seconds)
        racer = self._racer
        assert racer is not None
        if not racer.was_hard_memory_limit_reached() and racer.heap_stats()["used_heap_size"] > self._memory / 2:
            racer.low_memory_notification()
        return racer.was_hard_memory_limit_reached()

    def close(self) -> None:
        """End the code that runs, and free the memory, once. A forked process does nothing."""
        racer = self._give_up()
        if racer is not None:
            asyncio.run_coroutine_threadsafe(self._cancel_evaluations(), self._loop).result()
            _free(racer)

    def close_at_exit(self, seconds: float) -> None:
        """Close within some time. No thread can be started at exit, and V8 may be busy."""
        racer = self._give_up()
        if racer is not None:
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._cancel_and_free(racer), self._loop).result(seconds)

    def _give_up(self) -> MiniRacer | None:
        """Return what has to be freed, once, and only in the process that made it."""
        racer, self._racer = self._racer, None
        is_open = self._collected.detach() is not None
        return racer if is_open and os.getpid() == self._process else None

    async def _cancel_and_free(self, racer: MiniRacer) -> None:
        await self._cancel_evaluations()
        _free(racer)

    async def _cancel_evaluations(self) -> None:
        """Cancel what runs: mini_racer would read a result in the memory that is freed."""
        for evaluation in self._evaluations:
            evaluation.cancel()
        await asyncio.gather(*self._evaluations, return_exceptions=True)


_open_isolates: weakref.WeakSet[Isolate] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Close all isolates: Python can hang at exit if a script runs."""
    for isolate in list(_open_isolates):
        isolate.close_at_exit(_SECONDS_TO_CLOSE)


def _new_racer(loop: asyncio.AbstractEventLoop) -> MiniRacer:
    async def made() -> MiniRacer:
        return _racer_class()()

    # Made in an event loop, a context uses that one, and not a thread of its own.
    racer = asyncio.run_coroutine_threadsafe(made(), loop).result()
    # Only `_free` frees it. Python would do so in any thread, also in V8's own, and in forked processes, which do not
    # have V8's thread: both wait forever.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(racer))
    return racer


def _free(racer: MiniRacer) -> None:
    racer.close()
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(racer))


def _close_collected(racer: MiniRacer, loop: asyncio.AbstractEventLoop, process: int) -> None:
    if os.getpid() == process:
        loop.call_soon_threadsafe(_free, racer)


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


def answer_requests(memory: int, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests, each with its time limit at its end, until the pipe is closed or the process dies.

    The first answer says that V8 has started.
    """
    isolate = Isolate(memory)
    _limit_memory()
    _write(answers, "", None)
    for line in requests:
        method, *arguments = json.loads(line)
        faulthandler.dump_traceback_later(arguments[-1] + _SECONDS_TO_ANSWER, exit=True)
        try:
            _write(answers, "", getattr(isolate, method)(*arguments))
        except EvaluationError as error:
            _write(answers, error.kind, str(error))
        faulthandler.cancel_dump_traceback_later()


def _write(answers: IO[bytes], failure: str, value: object) -> None:
    answers.write(json.dumps([failure, value]).encode() + b"\n")
    answers.flush()


def _limit_memory() -> None:
    """Limit the memory that this process takes from now on, and write no core dump. Only Linux can do that."""
    if not _MEMORY_USED.exists():
        return
    import resource

    data = int(_MEMORY_USED.read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # if the limit is lower already
        resource.setrlimit(resource.RLIMIT_DATA, (data + _MEMORY_BESIDES, data + _MEMORY_BESIDES))


def main(packages: str, memory: str, requests: int = 0, answers: int = 1) -> None:
    """Run the process of V8.

    Args:
        packages: the folder that contains mini_racer.
        memory: how many bytes the heap may have.
        requests: the file descriptor to read from.
        answers: the file descriptor to write to.
    """
    # Ctrl-C in a terminal reaches this process, too: the other one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.append(packages)
    try:
        with open(requests, "rb") as reader, open(answers, "wb") as writer:
            answer_requests(int(memory), reader, writer)
    finally:
        # V8 may still be busy.
        os._exit(0)
