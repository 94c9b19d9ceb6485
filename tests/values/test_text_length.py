"""Texts are measured as the server measures them, and split or cut off where it hurts least."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations._text_length import length, split, truncate
from rocketchat_integrations._validation import trimmed

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
CLUSTERS = ["e\u0301", FAMILY, "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f"]


@pytest.mark.parametrize(("text", "size"), [("", 0), ("ü", 1), ("\U0001f600", 2), ("e\u0301", 2), ("\ud800", 1)])
def test_length_is_counted_in_utf_16(text: str, size: int) -> None:
    assert length(text) == size


def test_a_text_that_fits_stays_whole() -> None:
    """Without the white space around it, which the server removes."""
    assert split(" " + "x" * 100 + "\n", 100) == [truncate(" " + "x" * 100 + "\n", 100)] == ["x" * 100]


def test_parts_end_at_lines() -> None:
    lines = [f"{number} {'x' * 30}" for number in range(10, 20)]
    assert split("\n".join(lines), 100) == ["\n".join(lines[i : i + 2]) for i in range(0, 10, 2)]


def test_parts_of_a_long_line_end_at_words() -> None:
    words = [str(number) for number in range(1000, 1100)]
    parts = split(" ".join(words), 100)
    assert " ".join(parts) == " ".join(words)
    assert all(90 <= len(part) <= 100 for part in parts[:-1])


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_is_shown_as_one_character_is_not_cut(cluster: str) -> None:
    for shift in range(length(cluster)):
        text = "x" * (96 - shift) + cluster * 2 + "y" * 100
        first, second = split(text, 100)[:2]
        assert first.removeprefix("x" * (96 - shift)) in ("", cluster, cluster * 2)
        assert text.startswith(first + second)


def test_endless_accents_are_cut() -> None:
    """A letter may have any number of accents."""
    assert "".join(split("a" + "\u0301" * 500, 100)) == "a" + "\u0301" * 500


def test_a_code_block_is_closed_and_opened_again() -> None:
    """With its language. Indentation in it stays."""
    lines = [f"    line {number}" for number in range(20)]
    text = "\n".join(["before", "```python", *lines, "```", "after"])
    parts = split(text, 100)
    assert len(parts) > 2
    assert all(part.count("```") == 2 for part in parts)
    assert all(part.startswith("```python\n    line") for part in parts[1:])
    assert parts[-1].endswith("\n```\nafter")
    assert re.findall(r"    line \d+", "\n".join(parts)) == lines


def test_a_block_that_ends_at_the_cut_is_not_opened_again() -> None:
    block = "```\n" + "x" * 88 + "\n```"
    assert split(f"{block}\nafter", 97) == [block, "after"]
    assert split(f"{block}{' ' * 50}", 97) == [block]


@pytest.mark.parametrize(
    ("opening", "repeated"), [("```a-language-with-a-long-name", "```\n"), ("```x```", ""), ("``` js", "``` js\n")]
)
def test_the_line_that_opens_a_block_is_repeated_if_it_is_short(opening: str, repeated: str) -> None:
    second = split(f"{opening}\n{'x' * 60}\n{'y' * 60}", 120)[1]
    assert second == f"{repeated}{'y' * 60}"


def test_a_truncated_text_ends_with_a_mark() -> None:
    """And closes the code block that it ends in."""
    assert truncate("word " * 100, 100) == ("word " * 19).strip() + "…"
    assert truncate("```\n" + "x" * 200, 100) == "```\n" + "x" * 91 + "…\n```"


@settings(deadline=None, database=None)
@given(st.lists(st.sampled_from([*CLUSTERS, "```", "```js", "\n", " ", "\n\n", "@"]) | st.text(), max_size=400))
def test_no_part_is_blank_or_too_long_and_no_character_is_lost(pieces: list[str]) -> None:
    """Only white space and the fences of code blocks may differ."""
    text = "".join(pieces)
    parts = split(text, 100)
    assert all(0 < length(part) <= 100 and trimmed(part) for part in parts)
    assert length(truncate(text, 100)) <= 100

    def kept(text: str) -> str:
        return re.sub(r"[\s\ufeff]+|`{3}(js)?", "", text)

    assert kept("".join(parts)) == kept(text)
