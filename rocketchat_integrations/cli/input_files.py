"""Read the files that options name, and standard input: regular files only, and not without end."""

from __future__ import annotations

import os
import stat
import sys

from .failures import CommandError

_MAX_SIZE = 16 * 2**20


def read_file(path: str) -> bytes:
    """Read a regular file.

    Raises:
        CommandError: if it is a folder, a device or a pipe, or is too large.
        OSError: if it cannot be read.
    """
    with open(path, "rb", opener=_open_without_blocking) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise CommandError(f"{path} is not a regular file and cannot be read")
        return _limited(stream.read(_MAX_SIZE + 1), path)


def read_file_or_stdin(path: str) -> bytes:
    """Read a regular file, or standard input for ``-``.

    Raises:
        CommandError: if the file is not a regular one, or the content is too large.
        OSError: if the file cannot be read.
    """
    return _limited(sys.stdin.buffer.read(_MAX_SIZE + 1), "standard input") if path == "-" else read_file(path)


def _limited(content: bytes, source: str) -> bytes:
    if len(content) > _MAX_SIZE:
        raise CommandError(f"{source} is larger than {_MAX_SIZE // 2**20} MiB")
    return content


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # opening a pipe would wait for its writer
