"""A traceback shows no secret where a user made a mistake, and the guilty line where we made one."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rocketchat_integrations
from rocketchat_integrations import IncomingIntegration, OutgoingIntegration, OutgoingIntegrationRecord, models
from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.outgoing import parse

PACKAGE = Path(rocketchat_integrations.__file__).parent
OUTGOING: dict[str, Any] = {"name": "bot", "event": "sendMessage", "username": "u", "urls": "u", "token": "canary"}

parse_anything: Any = parse
define_anything: Any = OutgoingIntegration
make_record: Any = OutgoingIntegrationRecord


def names_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of this package in the traceback, with their local variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [
        frame
        for frame in shown.stack
        if Path(frame.filename).is_relative_to(PACKAGE) or frame.filename.startswith("<attrs generated")
    ]


DELIBERATE: dict[str, Callable[[], object]] = {
    "an error of ours": lambda: parse_anything(5, token="canary", event="sendMessage"),
    "a ValueError of a definition": lambda: define_anything(**{**OUTGOING, "token": "canary\ud800"}),
    "a TypeError of a definition": lambda: define_anything(**{**OUTGOING, "username": 5}),
    "an unknown field of a record": lambda: make_record(**OUTGOING, id="1", nope=1),
    "an unknown field": lambda: define_anything(**OUTGOING, nope=1),
    "a missing argument": lambda: parse_anything(b"canary"),
}


@pytest.mark.parametrize("fail", DELIBERATE.values(), ids=list(DELIBERATE))
def test_a_mistake_of_the_user_shows_no_frame_with_a_secret(fail: Callable[[], object]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        fail()
    frames = frames_of(caught.value)
    assert {frame.name for frame in frames} <= {"guard", "init"}
    assert "canary" not in f"{caught.value!r} {[frame.locals for frame in frames]}"
    assert caught.value.__context__ is None


def broken_urls() -> Iterator[str]:
    yield "https://bot.example"
    raise RuntimeError("the generator failed")


@pytest.mark.parametrize("make", [define_anything, functools.partial(make_record, id="1")])
def test_an_iterable_that_raises_shows_no_token(make: Callable[..., object]) -> None:
    """The traceback leads to the caller's iterable, without the constructor's frame."""
    with pytest.raises(RuntimeError) as caught:
        make(**{**OUTGOING, "urls": broken_urls()})
    assert "canary" not in str([frame.locals for frame in frames_of(caught.value)])
    assert names_of(caught.value)[-1] == "broken_urls"


def fail_elsewhere(*_: object) -> None:
    raise ValueError("nope")


BUGS: dict[str, Callable[..., object]] = {
    "KeyError": lambda *_: {"a": 1}["b"],
    "AttributeError": lambda *_: parse_anything.nope,
    "TypeError": lambda *_: len(parse_anything),
    "ValueError": lambda *_: int("nope"),
    "raised by another package": fail_elsewhere,
}


@pytest.mark.parametrize("guilty", BUGS.values(), ids=list(BUGS))
def test_a_bug_shows_every_frame_down_to_the_guilty_line(
    guilty: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of any class keeps its frames, so `--debug` shows where it is."""
    monkeypatch.setattr("rocketchat_integrations.outgoing._parsing.check_size", guilty)
    for function in (parse_anything, sealed(parse_anything)):
        with pytest.raises((KeyError, AttributeError, TypeError, ValueError)) as caught:
            function(b"{}", token="T0K3N", event="sendMessage")
        assert names_of(caught.value)[-3:] == ["guard", "parse", guilty.__name__]


def test_a_bug_in_a_constructor_shows_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "problems", BUGS["KeyError"])
    with pytest.raises(KeyError) as caught:
        IncomingIntegration("hook", channel="#a", username="u")
    assert names_of(caught.value)[-3:] == ["init", "<lambda>", "<lambda>"]


def test_a_sealed_function_keeps_its_name_its_text_and_its_result() -> None:
    @sealed
    def half(number: int, *, by: int = 2) -> int:
        """Halve."""
        return number // by

    assert (half(4), half(9, by=3), half.__name__, half.__doc__) == (2, 3, "half", "Halve.")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_sealed_function_can_be_interrupted(stop: type[BaseException]) -> None:
    def interrupted() -> None:
        raise stop

    with pytest.raises(stop):
        sealed(interrupted)()
