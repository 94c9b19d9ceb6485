"""The entry: hands the command line to whoever understands it, and loads no more for that than it has to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import cast

from rocketchat_integrations.exceptions import TransportError, TransportTimeout, UnsafePlan

from ._outcome import status_of

# What one can do about a failure, where its own message cannot know.
_HINTS: dict[type[Exception], str] = {
    TransportError: "is the address right, and the server up?",
    TransportTimeout: "is the address right, and the server up?",
    UnsafePlan: "--max-removals N allows more",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: what follows the program's name; None: the arguments of this process.

    Returns:
        The exit status: 0 when all is done or in line, 2 when ``plan`` finds something to do, else 1, or 128 and the
        number of a signal.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
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
