"""Writing files: whole or not at all, and what is secret for nobody else to read."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ._outcome import Failure


def check_writable(path: Path, *, sources: Iterable[str]) -> None:
    """See, before the work begins, whether a file can take its place there.

    Args:
        path: where it is to be.
        sources: files from which the work begins, and which are not to be lost.

    Raises:
        Failure: if there is no folder for it, or something is there that it must not replace.
    """
    if not path.parent.is_dir():
        raise Failure(f"{path}: there is no folder {path.parent}; make it first")
    if not os.path.lexists(path):
        return
    # A link counts as what it is: /dev/stdout is one, and may lead to a regular file.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Failure(f"{path} is no regular file, and is not replaced by one; give another name")
    if any(Path(source).exists() and path.samefile(source) for source in sources):
        raise Failure(f"{path} is the manifest, and would be lost; give another name")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read (mode 0600), also where there was another before.

    Raises:
        OSError: if it cannot be written; what was there before stays.
    """
    try:
        _replace(path, content)
    except OSError as error:
        # The file that nobody has heard of is our affair.
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
