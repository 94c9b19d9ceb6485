"""The body of a list is parsed piece by piece, with the same result as at once."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from rocketchat_integrations import DecodingError
from rocketchat_integrations._protocol import list_bodies

_PIECES = 3  # at least, in a body of _long()
_TEXT = st.text(st.sampled_from('[]{},:"\\ é\ud83d'), max_size=8)
_VALUE = st.recursive(_TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3))


def _body(elements: list[Any], **others: Any) -> bytes:
    answer = {"integrations": elements, **others, "total": 7, "success": True}
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _long() -> list[Any]:
    return [{"_id": str(number), "script": "x" * 1000} for number in range(20 * _PIECES)]


def _read(body: bytes) -> tuple[list[Any], int]:
    answer: Any = list_bodies.decode_list(body)
    return list(answer["integrations"]), answer["total"]


@settings(deadline=None)
@example([{"a": [{}, {}, {}]}, {"b": "},{"}, {}], {"c": [{}, {}]})
@given(st.lists(st.dictionaries(_TEXT, _VALUE, max_size=4) | _VALUE, max_size=6), st.dictionaries(_TEXT, _VALUE))
def test_any_list_is_read_in_pieces_as_at_once(elements: list[Any], others: dict[str, Any]) -> None:
    """Also if elements, or what follows them, contain what looks like the border of a piece or the end."""
    body = _body(elements, **others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_bodies, "_PIECE", 1)
        assert _read(body) == (json.loads(body)["integrations"], 7)


def test_a_list_of_many_pieces_is_read_to_its_end() -> None:
    """No element is lost or doubled at the borders."""
    for others in ({}, {"more": [{"a": 1}, {"b": 2}]}):
        body = _body(_long(), **others)
        assert _read(body) == (json.loads(body)["integrations"], 7)


def test_a_list_of_scripts_is_not_split_within_a_script() -> None:
    """Otherwise the pieces would grow large, and be refused because of the many brackets in the scripts."""
    script = json.dumps([{"a": 1}] * 400, separators=(",", ":"))
    body = _body([{"_id": str(number), "script": script} for number in range(400)])
    assert len(body) > 2**20
    assert _read(body) == (json.loads(body)["integrations"], 7)


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (b'"_id":59"', "integrations: must be a JSON array"),
        (b'"_id":"\xff"', "integrations: must be a JSON array"),
        (b'"_id":' + b"[" * 10_000, "the response is nested too deeply"),
    ],
    ids=["JSON", "UTF-8", "nested"],
)
def test_the_first_records_do_not_wait_for_the_last(broken: bytes, error: str) -> None:
    """A piece is parsed when it is reached; what cannot be parsed raises there, without the error of the parser."""
    body = _body(_long()).replace(b'"_id":"59"', broken)
    answer: Any = list_bodies.decode_list(body)
    elements = iter(answer["integrations"])
    assert next(elements)["_id"] == "0"
    with pytest.raises(DecodingError, match="a page of integrations cannot be read") as caught:
        list(elements)
    assert caught.value.errors == (error,)
    assert caught.value.__context__ is None


def test_a_record_that_would_grow_in_memory_is_not_decoded() -> None:
    """A million empty arrays, 3 MB, would take 64 MB. The records before it are read."""
    answer: Any = list_bodies.decode_list(_body([*_long(), {"x": [[]] * 1_000_000}, {"_id": "last"}]))
    elements = iter(answer["integrations"])
    assert next(elements)["_id"] == "0"
    tracemalloc.start()
    try:
        with pytest.raises(DecodingError, match="would take more than 16 times its size"):
            list(elements)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        '{"integrations":[{"_id":"1","channel":[],"total":7,"success":true}',
        '{"integrations":[{"_id":"1","channel":[],"total":7,"success":true}}',
        '{"integrations":[1,],"total":7,"success":true}',
        '{"integrations":[1],"integrations":5,"more":[],"total":7,"success":true}',
    ],
)
def test_what_only_looks_like_a_list_is_none(body: str) -> None:
    """A body that breaks off in a record, and other text that starts and ends like a list."""
    with pytest.raises((ValueError, DecodingError)):
        _read(body.encode())


_USUAL: dict[str, Any] = {"integrations": [{}], "total": 7, "success": True}


@pytest.mark.parametrize(
    "answer",
    [
        {**_USUAL, "total": None},
        {**_USUAL, "success": False},
        {**_USUAL, "more": []},
        {"total": 7, **_USUAL},
        {"history": [1], "total": 7, "success": True},
    ],
)
def test_only_the_usual_answer_of_a_list_is_read_in_pieces(answer: dict[str, Any]) -> None:
    """Any other JSON is parsed at once."""
    assert list_bodies.decode_list(json.dumps(answer, separators=(",", ":")).encode()) == answer


def test_the_last_of_two_equal_names_counts() -> None:
    """As everywhere in JSON."""
    answer: Any = list_bodies.decode_list(b'{"integrations":[],"integrations":5,"total":7,"success":true}')
    assert answer["integrations"] == 5
    answer = list_bodies.decode_list(_body(_long()).replace(b'"total"', b'"integrations":[1],"total"'))
    with pytest.raises(DecodingError, match="integrations: must be a JSON array"):
        list(answer["integrations"])
