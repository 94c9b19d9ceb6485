"""Write files that only their owner can read, completely or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

from .failures import CommandError

# File systems allow about 255 bytes; the temporary name is longer.
_NAME_LENGTH = 50


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


def write_private(files: Mapping[Path, bytes]) -> None:
    """Write files with mode 0600, replacing existing ones and links.

    Each file is written under another name in its folder. When all are complete, they are renamed in the given order.
    So a full disk leaves the old files as they were.

    Raises:
        OSError: if one cannot be written; the error has its path.
    """
    written: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            with _reported_as(path):
                descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_NAME_LENGTH]}.")
                written[path] = Path(name)
                _write(descriptor, content)
        for path, temporary in written.items():
            with _reported_as(path):
                temporary.replace(path)
    except BaseException:
        for temporary in written.values():
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())  # some file systems report a full disk only here


@contextlib.contextmanager
def _reported_as(path: Path) -> Generator[None, None, None]:
    """Report the target path, not the temporary file."""
    try:
        yield
    except OSError as error:
        problem = OSError(error.errno, error.strerror, str(path))
    else:
        return
    raise problem
