"""Web servers in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT = 60


@contextmanager
def web_server(folder: Path, *command: str, **environment: str) -> Generator[int, None, None]:
    """Run a module of Python, which must print its address on standard error; yield the port. End it as Ctrl-C does."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            found = (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in process.stderr)
            yield int(next(match[1] for match in found if match))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextmanager
def gunicorn(folder: Path, *options: str, **environment: str) -> Generator[int, None, None]:
    """Run ``application`` in ``bot.py``."""
    with web_server(folder, "gunicorn", "--bind", "127.0.0.1:0", *options, "bot:application", **environment) as port:
        yield port


@contextmanager
def uvicorn(folder: Path) -> Generator[int, None, None]:
    """Run ``application`` in ``bot.py``."""
    with web_server(folder, "uvicorn", "--port", "0", "bot:application") as port:
        yield port
