"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys

from ._messages import print_error
from ._outcome import Failure


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so.

    Args:
        question: what to ask, on the terminal.
        yes: whether that was said already.

    Raises:
        Failure: if the answer is not yes, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure(f"{question} There is no terminal to ask on: say --yes. Nothing was changed")
    print_error(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure("not confirmed: nothing was changed")
