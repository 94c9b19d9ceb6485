"""Run a command of the command line as on a terminal, and draw what it prints as HTML."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from collections.abc import Mapping
from html import escape
from unittest import mock

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from rocketchat_integrations.cli import main

PROGRAM = "rocketchat-integrations"
# Of the ANSI colours, by number; the bright ones look the same.
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


class Terminal(io.StringIO):
    """Keeps what is printed, with colours."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def terminal_variables(width: int) -> dict[str, str]:
    """Return the environment variables of a terminal with colours."""
    return {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(width)}


def command_output(arguments: str, *, environment: Mapping[str, str], width: int) -> str:
    """Run a command in this process, and return what a terminal gets: stdout with colours, then stderr.

    Args:
        arguments: what follows the program's name.
        environment: variables to set in addition.
        width: the columns of the terminal.

    Raises:
        RuntimeError: if the command fails; an exit status of 2 means that it found something.
    """
    out, err = Terminal(), io.StringIO()
    variables = {**terminal_variables(width), **environment}
    with mock.patch.dict(os.environ, variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        os.environ.pop("NO_COLOR", None)
        status = main(shlex.split(arguments))
    if status not in (0, 2):
        raise RuntimeError(f"{PROGRAM} {arguments} failed: {err.getvalue()}")
    return out.getvalue() + err.getvalue()


def terminal_html(arguments: str, output: str, *, width: int) -> str:
    """Return HTML for a command and its output with ANSI colours, with the classes of ``pictures.css``.

    Lines that are longer than the terminal are wrapped.
    """
    console = Console(file=io.StringIO(), width=width)
    lines = Text.from_ansi(output).wrap(console, width)
    spans = "\n".join("".join(map(_span, line.render(console))) for line in lines)
    return (
        '<div class="highlight-console terminal" role="region" aria-label="Terminal" tabindex="0">'
        '<div class="highlight"><pre>'
        f'<span class="terminal-dim">$</span> <span class="terminal-bold">{escape(f"{PROGRAM} {arguments}")}</span>\n'
        f"{spans}</pre></div></div>"
    )


def _span(segment: Segment) -> str:
    text, style = escape(segment.text), segment.style
    if not style or not text.strip():
        return text
    names = [name for name, is_set in (("bold", style.bold), ("dim", style.dim)) if is_set]
    own_color = ""
    if style.color is not None and style.color.triplet is not None:
        own_color = f' style="color: {style.color.triplet.hex}"'
    elif style.color is not None and style.color.number is not None:
        names.append(_NAMES[style.color.number % len(_NAMES)])
    classes = " ".join(f"terminal-{name}" for name in names)
    return f'<span class="{classes}"{own_color}>{text}</span>'
