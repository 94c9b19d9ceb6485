"""The entry: hands the command line to whoever understands it, and loads no more for that than it has to."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import cast

from rocketchat_integrations.exceptions import TransportError, TransportTimeout, UpdateIncomplete

from ._messages import print_error
from ._outcome import status_of

# What one can do about a failure, where its own message cannot know.
_HINTS: dict[type[Exception], str] = {
    TransportError: "is the address right, and the server up?",
    TransportTimeout: "is the address right, and the server up?",
    UpdateIncomplete: "this server cannot change that; all else is as you said",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: what follows the program's name; None: the arguments of this process.

    Returns:
        The exit status: 0 when all is done or in line, 2 when ``plan`` finds something to do, else 1, or 128 and the
        number of a signal.
    """
    _open_closed_streams()
    try:
        given = list(map(_decoded, sys.argv[1:])) if arguments is None else list(arguments)
    except UnicodeError:
        print_error("error: the arguments must be UTF-8 text, whatever the locale")
        return 1
    if isinstance(output := cast(object, sys.stdout), TextIOWrapper):
        # What the terminal's encoding lacks is shown as an escape.
        output.reconfigure(errors="backslashreplace")
    if given[:1] == ["demo"]:
        from . import _demo

        return _demo.main(given[1:])

    def run() -> int | None:
        from . import _app

        return _app.run(given)

    return status_of(run, hints=_HINTS, debug="--debug" in given)


def _open_closed_streams() -> None:
    """Where a shell has closed a stream (``>&-``), Python has None, to which nothing can be written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            stream = open(nowhere, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _decoded(argument: str) -> str:
    """The argument; what the locale could not read is UTF-8 all the same, as all text that goes to the server is."""
    return os.fsencode(argument).decode() if any("\ud800" <= letter <= "\udfff" for letter in argument) else argument
