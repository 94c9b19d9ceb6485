"""Write files that only their owner can read, completely or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .failures import CommandError


def check_writable(path: Path, *, sources: Iterable[str]) -> None:
    """Check whether a file can be written, before the work begins.

    Args:
        path: the file.
        sources: input files, which must not be overwritten.

    Raises:
        CommandError: if its folder does not exist, or something is there that must not be replaced.
    """
    if not path.parent.is_dir():
        raise CommandError(f"{path}: there is no folder {path.parent}; make it first")
    if not os.path.lexists(path):
        return
    # Links are not followed: /dev/stdout is one, and may lead to a regular file.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise CommandError(f"{path} is not a regular file and cannot be replaced; use another name")
    if any(Path(source).exists() and path.samefile(source) for source in sources):
        raise CommandError(f"{path} is the manifest and would be overwritten; use another name")


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, replacing an existing one.

    Raises:
        OSError: if it cannot be written; an existing file stays as it was.
    """
    try:
        _replace(path, content)
    except OSError as error:
        # Report the target path, not the temporary file.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
