"""The JSON of a response: whole, cut off, too large in memory, too deep, or something else."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations._protocol.json_bodies import Flaw, parse_object

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

_EVERY_TOKEN = {"a": [1, -2.5e10, True, False, None, 'x\\"é\n'], "b": {"c": "d", "€": "😀"}, "n": 1.25e-7}


@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_that_ends_early_is_cut_off(is_ascii: bool, indent: int | None) -> None:
    """Wherever it ends: between two tokens, in a string, an escape, a number, a word or a character."""
    body = json.dumps(_EVERY_TOKEN, ensure_ascii=is_ascii, indent=indent).encode()
    assert parse_object(body) == _EVERY_TOKEN
    assert [length for length in range(1, len(body)) if parse_object(body[:length]) is not Flaw.CUT] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1",
        b"[1]",
        b'"te',
        b"{oops}",
        b'{"a" 1}',
        b'{"a": 1}}',
        b'{"a": "b"; "c',
        b'{"\xff": 1}',
        b"\xe2",
    ],
)
def test_another_text_is_not_cut_off(body: bytes) -> None:
    """Text that no end would make an object: it is not an answer of the API."""
    assert parse_object(body) is None


def test_a_number_of_thousands_of_digits_is_no_json() -> None:
    """Python refuses to convert it."""
    assert parse_object(b'{"total": ' + b"9" * 10_000 + b"}") is None


@pytest.mark.parametrize("begin", [b"[", b'{"a":'])
def test_deep_nesting_is_a_flaw_and_takes_no_memory(begin: bytes) -> None:
    tracemalloc.start()
    try:
        assert parse_object(begin * 100_000) is Flaw.DEEP
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("item", [b"[],", b"{},", b'{"":1},', b"[[[1]]],", b'{"":{"":0}},'])
def test_an_object_that_would_grow_in_memory_is_not_decoded(item: bytes) -> None:
    """16 MiB of empty arrays would take 350 MB. A small body may be like this: it cannot take much."""
    body = b'{"a": [' + item * (2**24 // len(item)) + b"0]}"
    assert isinstance(parse_object(b'{"a": [' + item * 1000 + b"0]}"), dict)
    tracemalloc.start()
    try:
        assert parse_object(body) is Flaw.LARGE
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_long_lists_and_dense_scripts_are_decoded(wire: Wire) -> None:
    """A script's brackets and commas are counted although they take no memory of their own."""
    script = "function f0(a) { if (a[0]) { return { text: `${a[1]}`, fields: [1, 2] }; } } " * 20
    for records in ([wire.record()] * 5000, [wire.record(script=script, scriptCompiled=script)] * 500):
        body = json.dumps({"integrations": records}).encode()
        assert len(body) > 2**20
        assert parse_object(body) == {"integrations": records}
