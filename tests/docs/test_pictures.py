"""The pictures in the documentation: messages and output of commands as HTML."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rocketchat_integrations import Attachment, AttachmentField, Message
from rocketchat_integrations.scripts import ready_made

DOCS = Path(__file__).parents[2] / "docs"
message_html: Callable[..., str] = runpy.run_path(str(DOCS / "pictures" / "chat.py"))["message_html"]
_terminal = runpy.run_path(str(DOCS / "pictures" / "terminal.py"))
command_output: Callable[..., str] = _terminal["command_output"]
terminal_html: Callable[..., str] = _terminal["terminal_html"]

HOSTILE = '<script>alert("1")</script>'


class Reader(HTMLParser):
    """The tags, with attributes, and the text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def attachment_html(**fields: object) -> str:
    return message_html(Message(attachments=[Attachment(**fields)]), alias="CI")  # type: ignore[arg-type]


def test_the_guides_have_a_picture_of_each_ready_made_script() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "how-to").glob("connect-*.rst"))
    shown = re.findall(r"^\.\. script-message:: ([\w-]+)/", pages, re.MULTILINE)
    assert set(shown) == {script.name for script in ready_made()}


def test_texts_of_a_message_are_escaped_and_nothing_is_loaded() -> None:
    """Not even a text that Markdown would make a picture or a link of."""
    text = f"{HOSTILE} ![x](https://evil.example/x.png) [y](https://evil.example/) https://evil.example"
    cell = AttachmentField(title=text, value=text)
    attachment = Attachment(
        title=text, title_link=text, text=text, author_name=text, color='red" onload="x', fields=[cell], image_url=text
    )
    reader = Reader(message_html(Message(text, alias=text, emoji=text, attachments=[attachment]), alias="CI"))
    assert {tag for tag, _ in reader.tags} <= {"a", "dd", "div", "dl", "dt", "p", "small", "span", "strong"}
    assert {name for _, attributes in reader.tags for name in attributes} == {"class", "aria-hidden"}
    assert reader.text.count(HOSTILE) == 8


def test_the_name_is_the_messages_alias_or_else_the_integrations() -> None:
    assert "Grafana @rocket.cat" in Reader(message_html(Message("up"), alias="Grafana")).text
    html = message_html(Message("up", alias="CI", emoji=":robot:"), alias="Grafana", username="bot")
    assert Reader(html).text.startswith("\N{ROBOT FACE}CI @bot")


@pytest.mark.parametrize("markup", ["*up*", "**up**"])
def test_asterisks_are_bold_as_in_rocket_chat(markup: str) -> None:
    assert "<strong>up</strong>" in message_html(Message(markup), alias="CI")


@pytest.mark.parametrize("markup", ["_up_", "__up__"])
def test_underscores_are_italic_as_in_rocket_chat(markup: str) -> None:
    assert "<em>up</em>" in message_html(Message(markup), alias="CI")


def test_a_line_break_in_an_attachment_needs_two_spaces_before_it() -> None:
    assert "<br" in message_html(Message("a\nb"), alias="CI")
    assert "<br" not in attachment_html(text="a\nb")
    assert "<br" in attachment_html(text="a  \nb")


def test_an_attachment_has_its_colour_and_a_heading_is_none_of_the_page() -> None:
    html = attachment_html(color="#d32f2f", text="# Up", title="CI", title_link="https://ci.example")
    assert 'style="border-color: #d32f2f"' in html
    assert "<p><strong>Up</strong></p>" in html
    assert "<a>CI</a>" in html


def test_short_fields_share_a_line() -> None:
    cells = [AttachmentField("Host", "db-1", short=True), AttachmentField("Log", "long")]
    classes = [attributes["class"] for tag, attributes in Reader(attachment_html(fields=cells)).tags if tag == "div"]
    assert classes[-2:] == ["chat-short", "chat-long"]


def test_a_command_runs_as_on_a_terminal_with_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the environment of the build asks for no colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    attachments = "[{ color: 'green', text: '<b>' }]"
    script = (
        f"class Script {{ process_incoming_request() {{ return {{ content: {{ attachments: {attachments} }} }} }} }}"
    )
    (tmp_path / "builds.js").write_text(script)
    (tmp_path / "payload.json").write_text(json.dumps({"job": "web"}))
    monkeypatch.chdir(tmp_path)
    arguments = "script run builds.js --payload payload.json"
    html = terminal_html(arguments, command_output(arguments, environment={}, width=40), width=40)
    assert f"$ rocketchat-integrations {arguments}\n\N{LEFT HALF BLOCK} <b>" in Reader(html).text
    assert '<span class="terminal-green">\N{LEFT HALF BLOCK} </span>' in html


def test_a_command_that_fails_ends_the_build() -> None:
    with pytest.raises(RuntimeError, match="script run missing.js failed"):
        command_output("script run missing.js", environment={}, width=40)


def test_output_of_a_command_keeps_its_colours_and_is_wrapped() -> None:
    html = terminal_html("list", "\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mown\x1b[0m \x1b[2mdim\x1b[0m", width=8)
    for span in ('class="terminal-bold terminal-red">red', 'style="color: #010203">own', 'class="terminal-dim">dim'):
        assert span in html
    assert re.search(r"\nred own *\ndim$", Reader(html).text)


def test_the_picture_of_the_readme_is_what_the_command_prints() -> None:
    """After a change of the command, `nox -s picture` draws it again."""
    drawn = subprocess.run(
        [sys.executable, "-m", "docs.pictures.readme"], cwd=DOCS.parent, capture_output=True, text=True, check=True
    )
    assert drawn.stdout == (DOCS / "_static" / "plan.svg").read_text(encoding="utf-8")
