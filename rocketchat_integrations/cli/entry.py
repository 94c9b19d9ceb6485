"""Run the command line, and turn failures into one line and an exit status. Loads only what the command needs."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Any, cast

from rocketchat_integrations._validation import is_unicode

from .failures import failure_text
from .interruptions import signal_of
from .terminal import one_line, print_error, printable

_OUTPUT_CLOSED = 141  # what a shell shows for a program that SIGPIPE has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: what follows the program's name; None: the arguments of this process.

    Returns:
        The exit status: 0 if the command succeeded, 2 if ``plan``, ``validate``, ``doctor``, ``script check`` or
        ``script test`` found something, 1 after a failure, 130 after Ctrl-C, 141 if standard output was closed,
        128 and the number of the signal after SIGTERM or SIGHUP during ``apply``.
    """
    _open_closed_streams()
    try:
        given = list(map(_decoded, sys.argv[1:])) if arguments is None else list(arguments)
    except UnicodeError:
        print_error("error: the arguments must be UTF-8 text in every locale")
        return 1
    if isinstance(stdout := cast(object, sys.stdout), TextIOWrapper):
        stdout.reconfigure(errors="backslashreplace")  # characters that the terminal's encoding lacks

    def run() -> int | None:
        from . import command_line

        return command_line.run(given)

    with warnings.catch_warnings():
        warnings.showwarning = _print_warning
        return _exit_status(run, debug="--debug" in given)


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print_error(f"warning: {one_line(str(message))}")


def _open_closed_streams() -> None:
    """Open the null device where a shell has closed a stream (``>&-``) and Python has None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            stream = open(null, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - it stays open
            setattr(sys, name, stream)


def _decoded(argument: str) -> str:
    """Decode an argument as UTF-8 where the locale could not decode it."""
    return argument if is_unicode(argument) else os.fsencode(argument).decode()


def _exit_status(run: Callable[[], int | None], *, debug: bool) -> int:
    """Run a command, and print why it failed.

    Args:
        run: the command; it returns an exit status, or None for 0.
        debug: whether to print the traceback of a failure.
    """
    try:
        status = run() or 0
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as interrupt:
        if sys.stderr.isatty():
            print_error("")  # the terminal shows ^C without a line break
        number = signal_of(interrupt)
        print_error(": ".join([f"interrupted by {number.name}", *map(str, interrupt.args)]))
        return 128 + number
    except BrokenPipeError:
        _discard_output()
        return _OUTPUT_CLOSED
    except Exception as error:
        if debug:
            for line in "".join(traceback.format_exception(error)).split("\n"):
                print_error(printable(line))
        print_error(f"error: {failure_text(error)}")
    return 1


def _discard_output() -> None:
    """Redirect stdout to the null device, so that the interpreter's last flush does not fail (``| head``)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
