"""Texts of the chat in exceptions: they cannot forge lines of a log, or control the terminal that shows it."""

from __future__ import annotations

from typing import Any

import pytest

from rocketchat_integrations.outgoing import Answer, MessageSent

from .conftest import app_with
from .test_app import JSON, Way, body_of, each_way

TEXT = "hi\n2026-11-24 10:00:00 CRITICAL forged\r\x1b[2J\x9b\u2028\u202e"
SHOWN = r"hi\n2026-11-24 10:00:00 CRITICAL forged\r\x1b[2J\x9b\u2028\u202e"


def raise_it(message: MessageSent) -> None:
    raise ValueError(message.text)


def raise_with_a_note(message: MessageSent) -> None:
    error = ValueError("no")
    error.add_note(f"{message.text}")
    raise error


def raise_with_a_cause(message: MessageSent) -> None:
    try:
        raise_it(message)
    except ValueError as error:
        raise LookupError("second") from error


def raise_with_a_context(message: MessageSent) -> None:
    try:
        raise_it(message)
    except ValueError:
        raise LookupError("second")  # noqa: B904


def raise_a_group(message: MessageSent) -> None:
    raise ExceptionGroup("several", [ValueError(message.text)])


def exit_with_it(message: MessageSent) -> None:
    raise SystemExit(message.text)


@pytest.mark.parametrize(
    "handler", [raise_it, raise_with_a_note, raise_with_a_cause, raise_with_a_context, raise_a_group, exit_with_it]
)
@each_way
def test_a_text_in_an_exception_is_one_line(answer: Way, handler: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Control characters are shown as text, also in a note, a cause, a context and a group."""
    answer(app_with(handler), body_of(text=TEXT), JSON)
    (message,) = caplog.messages
    assert SHOWN in message
    assert all(line.isprintable() for line in message.split("\n"))
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize(
    ("handler", "link"),
    [
        (raise_with_a_cause, "The above exception was the direct cause of the following exception:"),
        (raise_with_a_context, "During handling of the above exception, another exception occurred:"),
    ],
)
def test_the_traceback_keeps_its_lines(handler: Any, link: str, caplog: pytest.LogCaptureFixture) -> None:
    app_with(handler).handle(body_of(), JSON)
    lines = caplog.messages[0].split("\n")
    assert lines[:2] == ["the handler of sendMessage failed:", "Traceback (most recent call last):"]
    assert lines.index("ValueError: hi") < lines.index(link) < lines.index("LookupError: second")
    assert "    raise ValueError(message.text)" in lines


def test_a_context_that_is_suppressed_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def handler(message: MessageSent) -> None:
        try:
            raise_it(message)
        except ValueError:
            raise LookupError("second") from None

    app_with(handler).handle(body_of(), JSON)
    assert "LookupError: second" in caplog.text
    assert "ValueError: hi" not in caplog.text


def test_the_exceptions_of_a_group_are_indented(caplog: pytest.LogCaptureFixture) -> None:
    app_with(raise_a_group).handle(body_of(), JSON)
    lines = caplog.messages[0].split("\n")
    assert lines[-2:] == ["ExceptionGroup: several (1 sub-exception)", "    ValueError: hi"]


def test_an_exception_of_a_store_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def find(self, key: str) -> None:
            raise LookupError(TEXT)

        def add(self, key: str, answer: Answer) -> None: ...

    app_with(raise_it, repeats=Broken()).handle(body_of(), JSON)
    assert caplog.messages[0].endswith(f"LookupError: {SHOWN}")
