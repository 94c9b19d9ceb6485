"""Tell the drivers when the process has forked."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """A driver, which shares neither locks nor connections with the parent process."""

    def enter_child(self) -> None:
        """Continue in a child process."""
        ...


_drivers: WeakSet[Forkable] = WeakSet()


def enter_child_after_fork(driver: Forkable) -> None:
    """Call the driver's method in each process that is forked from now on."""
    _drivers.add(driver)


def _enter_child() -> None:
    for driver in _drivers:
        driver.enter_child()


if hasattr(os, "register_at_fork"):  # pragma: no branch - it is missing on Windows
    os.register_at_fork(after_in_child=_enter_child)
