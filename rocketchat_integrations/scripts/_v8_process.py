"""Evaluate code in V8 in a process of its own, which can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ._v8 import EvaluationError, FailureKind, Isolate, require_v8

# What a script can take before V8 notices.
_MEMORY_BESIDES = 512 * 2**20
_MEMORY_USED = Path("/proc/self/statm")


class IsolateProcess:
    """An isolate in a process of its own. It has the methods of :class:`Isolate`.

    Closing it kills the process, whatever runs there. A process that dies has taken too much memory.
    """

    def __init__(self, memory: int) -> None:
        require_v8()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; "
            f"main({memory}, sys.stdin.buffer, sys.stdout.buffer)"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # V8 prints the code when it dies.
            stderr=subprocess.DEVNULL,
        )
        self._close = weakref.finalize(self, _kill, self._process)
        # Starting the process is no time of the script.
        self._ask("exceeds_memory")

    def evaluate(self, code: str, seconds: float) -> str:
        """Return the text that code gives. Raise EvaluationError as :meth:`Isolate.evaluate` does."""
        return str(self._ask("evaluate", code, seconds))

    def exceeds_memory(self) -> bool:
        """Return whether too much memory is in use."""
        return bool(self._ask("exceeds_memory"))

    def close(self) -> None:
        """Kill the process."""
        self._close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        with suppress(BrokenPipeError):
            requests.write(json.dumps([method, *arguments]).encode() + b"\n")
            requests.flush()
        line = answers.readline()
        if not line:
            raise EvaluationError(FailureKind.MEMORY, "the process of V8 died")
        kind, value = json.loads(line)
        if kind:
            raise EvaluationError(FailureKind(kind), value)
        return value


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def main(memory: int, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer the requests of the process that started this one, until it closes the pipe or dies."""
    # Ctrl-C in a terminal reaches this process, too: the other one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    isolate = Isolate(memory)
    _limit_memory()
    for line in requests:
        method, *arguments = json.loads(line)
        try:
            answer = ["", getattr(isolate, method)(*arguments)]
        except EvaluationError as error:
            answer = [error.kind, str(error)]
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
    # V8 may still be busy.
    os._exit(0)


def _limit_memory() -> None:
    """Limit the memory that this process takes from now on, and write no core dump. Only Linux can do that."""
    if not _MEMORY_USED.exists():
        return
    import resource

    data = int(_MEMORY_USED.read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError):  # if the limit is lower already
        resource.setrlimit(resource.RLIMIT_DATA, (data + _MEMORY_BESIDES, data + _MEMORY_BESIDES))
