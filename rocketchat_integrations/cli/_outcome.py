"""What becomes of a run: its exit status, and its failure in one line."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping

from rocketchat_integrations.exceptions import RocketChatError

from ._messages import print_error, told

# What is not installed, by the module that is missed: the extra that brings it, and what it is for.
_EXTRAS = {
    "click": ("cli", "this command"),
    "rich": ("cli", "this command"),
    "yaml": ("cli", "YAML"),
    "werkzeug": ("testing", "the embedded server"),
}


class Failure(Exception):
    """Why a command cannot do what it was asked for, and what to do about it."""


def status_of(run: Callable[[], int | None], *, hints: Mapping[type[Exception], str], debug: bool) -> int:
    """The exit status of a run: what it raises is told.

    Args:
        run: what to do; it returns an exit status, or None for 0.
        hints: what one can do about a failure, where its own message cannot know.
        debug: whether to show the traceback of a failure.

    Returns:
        The status that the run returned; 1 after a failure, and what a shell gives after a signal.
    """
    try:
        status = run() or 0
        sys.stdout.flush()
        return status
    except KeyboardInterrupt as interruption:
        return _interrupted(interruption)
    except BrokenPipeError:
        _forget_output()
        return 1
    except ModuleNotFoundError as error:
        failure: Exception = error
        problem = _missing_extra(error) or _unforeseen(error)
    except (Failure, RocketChatError, OSError) as error:
        failure, problem = error, told(error)
        if hint := hints.get(type(error)):
            problem = f"{problem} ({hint})"
    except Exception as error:
        failure, problem = error, _unforeseen(error)
    if debug:
        traceback.print_exception(failure)
    print_error(f"error: {problem}")
    return 1


def _interrupted(interruption: KeyboardInterrupt) -> int:
    number = getattr(interruption, "signal", signal.SIGINT)
    if sys.stderr.isatty():
        print_error("")  # the terminal has shown ^C, and stays on that line
    print_error(": ".join([f"interrupted by {number.name}", *map(str, interruption.args)]))
    return 128 + int(number)


def _forget_output() -> None:
    """Nobody reads (``| head``): keep the interpreter from trying once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _unforeseen(error: Exception) -> str:
    # Not with its own words: nobody has looked whether these quote a secret.
    return f"{type(error).__name__}: that is a mistake in this program; --debug shows where, please report it"


def _missing_extra(error: ModuleNotFoundError) -> str | None:
    module = (error.name or "").partition(".")[0]
    if module not in _EXTRAS:
        return None
    extra, what = _EXTRAS[module]
    return f'{what} needs an extra: python -m pip install "rocketchat-integrations[{extra}]"'
