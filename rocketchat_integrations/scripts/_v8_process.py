"""Evaluate code in V8 in a process of its own, which can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from rocketchat_integrations.exceptions import ConfigurationError

from ._v8 import EvaluationError, FailureKind

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); import _v8; _v8.main(*sys.argv[2:])"


class IsolateProcess:
    """An isolate in a process of its own. It has the methods of :class:`Isolate`.

    Closing it kills the process, whatever runs there.

    Args:
        memory: how many bytes the heap may have.
        packages: the folder that contains mini_racer.

    Raises:
        ConfigurationError: Python cannot start the process.
    """

    def __init__(self, memory: int, packages: Path) -> None:
        # Isolated, and without site-packages: Python starts faster, and nothing else runs there. The code goes through
        # a pipe, and so does not show in the list of processes.
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(Path(__file__).parent), str(packages), str(memory)]
        problem = "it ended at once"
        try:
            # V8 prints the code to stderr when it dies.
            process = subprocess.Popen(  # noqa: S603 - all arguments are our own
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            problem = str(error)
        else:
            self._requests, self._answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            self._close = weakref.finalize(self, _end, process, os.getpid())
            # Waits for the process, whose start is no time of the script.
            if self._answers.readline():
                return
            self.close()
        advice = "own_process=False runs scripts in this process"
        raise ConfigurationError(f"cannot start {sys.executable} to run scripts ({advice}): {problem}")

    def evaluate(self, code: str, seconds: float) -> str:
        """Return the text that code gives. Raise EvaluationError as :meth:`Isolate.evaluate` does."""
        return str(self._ask("evaluate", code, seconds))

    def exceeds_memory(self, seconds: float) -> bool:
        """Return whether too much memory is in use. Raise EvaluationError if V8 is busy."""
        return bool(self._ask("exceeds_memory", seconds))

    def close(self) -> None:
        """Kill the process. A forked process only closes its pipes."""
        self._close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        """Return an answer of the process. One that died took too long, or else too much memory."""
        began = time.monotonic()
        line = b""
        with suppress(OSError, ValueError):  # a ValueError if another thread closed the pipes
            self._requests.write(json.dumps([method, *arguments]).encode() + b"\n")
            self._requests.flush()
            line = self._answers.readline()
        if not line.endswith(b"\n"):
            late = time.monotonic() - began > arguments[-1]
            raise EvaluationError(FailureKind.TIME if late else FailureKind.MEMORY, "the process of V8 died")
        failure, value = json.loads(line)
        if failure:
            raise EvaluationError(FailureKind(failure), value)
        return value


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill the process, and close its pipes. The pipes of a forked process are its own."""
    is_ours = os.getpid() == owner
    if is_ours:
        process.kill()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # of what was not sent
            cast("IO[bytes]", pipe).close()
    if is_ours:
        process.wait()
    else:
        process.returncode = 0  # or else Python warns that it still runs
