"""Sphinx directives that run a script or a command when the documentation is built, and show the result."""

from __future__ import annotations

import contextlib
import html
import json
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinxcontrib.svgbob._svgbob import to_svg

from rocketchat_integrations.scripts import Script, ready_made_script

from .chat import message_html
from .command_help import command_helps
from .playground import serve_output
from .terminal import command_output, terminal_html
from .workspaces import WORKSPACES

PAYLOADS = Path(__file__).parents[2] / "tests" / "scripts" / "payloads"


class ScriptMessage(SphinxDirective):
    """Show the message that a ready-made script makes of a recorded payload.

    The argument is the payload, such as ``grafana/firing``; the content is the caption.
    """

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {"alias": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the message and its caption as a figure."""
        self.assert_has_content()
        self.env.note_reread()  # Scripts and payloads can change without the page.
        path = PAYLOADS / f"{self.arguments[0]}.json"
        request = json.loads(path.read_text(encoding="utf-8"))
        script = Script(ready_made_script(path.parent.name).source)
        message = script.process_incoming_request(request["content"], headers=request["headers"]).message
        if message is None:
            raise self.error(f"the script posts nothing for {self.arguments[0]}")
        caption, _ = self.parse_inline(" ".join(self.content))
        message_as_html = message_html(message, alias=self.options["alias"])
        picture = nodes.raw("", message_as_html, format="html")
        return [nodes.figure("", picture, nodes.caption("", "", *caption), classes=["chat-figure"])]


class Terminal(SphinxDirective):
    """Run a command, and show it with its output in colours.

    The argument is what follows the program's name. The command finds the code blocks before it in the page that have a
    file's name as caption. Options: ``workspace``, one of :data:`WORKSPACES` that the command gets; ``width``, the
    columns of the terminal.
    """

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {
        "workspace": lambda name: directives.choice(name, tuple(WORKSPACES)),
        "width": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        """Return the command and its output."""
        self.env.note_reread()  # Commands can change without the page.
        arguments, width = self.arguments[0], self.options.get("width", 80)
        with self._files(), WORKSPACES[self.options.get("workspace", "none")]() as environment:
            output = command_output(arguments, environment=environment, width=width)
        return [nodes.raw("", terminal_html(arguments, output, width=width), format="html")]

    @contextlib.contextmanager
    def _files(self) -> Generator[None, None, None]:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            # A card is added to the document when it has been parsed.
            for caption in (*self.state.document.findall(nodes.caption), *self.state.parent.findall(nodes.caption)):
                block = caption.next_node(nodes.literal_block, descend=False, siblings=True)
                if block is not None:
                    Path(caption.astext()).write_text(block.astext(), encoding="utf-8")
            yield


class Diagram(SphinxDirective):
    """Draw a diagram of text: boxes of ``+--+`` and ``|``, arrows of ``-->``.

    The SVG is a part of the page, whose style gives it colours for light and dark mode. The option ``alt`` says what it
    shows, for those who cannot see it.
    """

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        self.assert_has_content()
        svg = to_svg("\n".join(self.content), include_styles=False)
        label = html.escape(self.options["alt"])
        picture = f'<div class="diagram" role="img" aria-label="{label}" tabindex="0">{svg}</div>'
        return [nodes.raw("", picture, format="html")]


class Playground(SphinxDirective):
    """Run ``serve`` while its server is used, and show what it prints."""

    def run(self) -> list[nodes.Node]:
        """Return the command and its output."""
        self.env.note_reread()  # Commands can change without the page.
        return [nodes.raw("", terminal_html("serve", serve_output(width=100), width=100), format="html")]


class CommandHelp(SphinxDirective):
    """Show the help of every command, each in a section of its own."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        self.env.note_reread()  # Commands can change without the page.
        return [self._section(command, text) for command, text in command_helps()]

    def _section(self, command: str, text: str) -> nodes.section:
        section = nodes.section("", nodes.title("", command), names=[command])
        section += nodes.literal_block(text, text, language="text")
        self.state.document.note_implicit_target(section, section)
        return section


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directives and their style."""
    app.add_directive("script-message", ScriptMessage)
    app.add_directive("terminal", Terminal)
    app.add_directive("playground", Playground)
    app.add_directive("diagram", Diagram)
    app.add_directive("command-help", CommandHelp)
    app.add_css_file("pictures.css")
    return {"parallel_read_safe": True}
