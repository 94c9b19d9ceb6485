"""Draw the picture of the README: `python -m docs.pictures.readme` runs `plan` in a workspace, and prints SVG.

SVG, and not HTML as in the pages: the package index and GitHub show only pictures. `nox -s picture` writes the file.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from html import escape
from pathlib import Path

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from .terminal import PROGRAM, command_output
from .workspaces import WORKSPACES

MANIFEST = """\
[[incoming]]
name = "builds"
channel = "#general"
username = "rocket.cat"
script_file = "builds.js"
script_enabled = true

[[incoming]]
name = "alerts"
channel = "#ops"
username = "rocket.cat"
"""
SCRIPT = """\
class Script {
  process_incoming_request({ request }) {
    return { content: { text: request.content.status } };
  }
}
"""
ARGUMENTS = "plan integrations.toml --prune-all"
COLUMNS = 80

# In pixels. A column has the width that monospaced fonts have at this size.
_SIZE, _COLUMN, _LINE, _MARGIN = 14, 8.4, 20, 20
# Of the ANSI colours, by number, and of plain text, on a dark background.
_COLORS = ("#484f58", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9")
_PLAIN, _BACKGROUND = "#c9d1d9", "#0d1117"


def picture() -> str:
    """Return the picture, made by a real run."""
    with (
        WORKSPACES["changed-by-hand"]() as environment,
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
    ):
        Path("integrations.toml").write_text(MANIFEST, encoding="utf-8")
        Path("builds.js").write_text(SCRIPT, encoding="utf-8")
        output = command_output(ARGUMENTS, environment=environment, width=COLUMNS)
    return terminal_svg(f"\x1b[2m$\x1b[0m \x1b[1m{PROGRAM} {ARGUMENTS}\x1b[0m\n{output}")


def terminal_svg(output: str) -> str:
    """Return SVG of text with ANSI colours. It uses no fonts but those of the reader."""
    console = Console(file=io.StringIO(), width=COLUMNS)
    lines = Text.from_ansi(output.rstrip("\n")).wrap(console, COLUMNS)
    width, height = round(COLUMNS * _COLUMN) + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    rows = [
        _row(list(line.render(console)), y=_MARGIN + _LINE * number + _SIZE)
        for number, line in enumerate(lines)
        if line
    ]
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{_SIZE}">'
    )
    title = f"<title>{escape(lines[-1].plain)}</title>"
    background = f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>'
    return "\n".join([start, title, background, *rows, "</svg>\n"])


def _row(segments: list[Segment], *, y: int) -> str:
    columns = sum(len(segment.text) for segment in segments)
    spans = "".join(map(_span, segments))
    return (
        f'<text x="{_MARGIN}" y="{y}" xml:space="preserve" textLength="{columns * _COLUMN:.1f}" fill="{_PLAIN}">'
        f"{spans}</text>"
    )


def _span(segment: Segment) -> str:
    text, style = escape(segment.text), segment.style
    attributes = ""
    if style and style.bold:
        attributes += ' font-weight="bold"'
    if style and style.dim:
        attributes += ' opacity="0.6"'
    if style and style.color and style.color.number is not None:
        attributes += f' fill="{_COLORS[style.color.number % len(_COLORS)]}"'
    elif style and style.color and style.color.triplet is not None:
        attributes += f' fill="{style.color.triplet.hex}"'
    return f"<tspan{attributes}>{text}</tspan>" if attributes else text


if __name__ == "__main__":
    sys.stdout.write(picture())
