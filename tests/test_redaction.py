"""Secrets are removed from text and JSON, in whatever spelling they are there."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from rocketchat_integrations._redaction import mask, mask_url, redacted, spellings

TOKENS = [
    "canary",
    "canary'single\0",
    'canary"double',
    "canary'both\"",
    "canary\\back\\\\slash\\'",
    "canary ä 😀 \u2028 blank",
    "canary%25+ /?#&<>:@",
    "canary\nlines\ttabs\0",
    "canary half \ud800",
    "Canary",
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON in Unicode": lambda token: json.dumps(token, ensure_ascii=False),
    "JSON in JSON": lambda token: json.dumps(json.dumps({"token": token})),
    "JSON in a URL": lambda token: quote(json.dumps({"token": token})),
    "repr": lambda token: repr((token, [token])),
    "repr with other quotes": lambda token: repr(f"{token} ' \" {token}"),
    "repr of JSON": lambda token: repr(json.dumps({"token": token})),
    "ascii": ascii,
    "bytes": lambda token: repr(token.encode(errors="replace")),
    "bytes of JSON": lambda token: repr(json.dumps({"token": token}, ensure_ascii=False).encode(errors="replace")),
    "HTML": html.escape,
    "URL": lambda token: quote(token, errors="replace"),
    "URL, every character": lambda token: quote(token, safe="", errors="replace"),
    "URL, lower case": lambda token: re.sub("%..", lambda octet: octet[0].lower(), quote(token, errors="replace")),
    "form": lambda token: quote_plus(token, errors="replace"),
    "URL in a URL": lambda token: quote(quote(token, safe="", errors="replace"), safe=""),
}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, "None"),
        ("https://bot.example.com", "'https://bot.example.com'"),
        ("https://bot.example.com:8443/", "'https://bot.example.com:8443/'"),
        ("https://hooks.example.com/services/T0KEN", "'https://hooks.example.com/<hidden>'"),
        ("https://bot.example.com?key=T0KEN", "'https://bot.example.com<hidden>'"),
        ("https://me:T0KEN@bot.example.com/", "<hidden>"),
        ("https://me:T0/KEN@bot.example.com/", "<hidden>"),
        ("T0KEN", "<hidden>"),
    ],
)
def test_of_a_url_only_the_host_is_shown(url: str | None, shown: str) -> None:
    assert mask_url(url) == shown


def hide(value: Any, *secrets: str) -> Any:
    return redacted(value, spellings(secrets, levels=3))


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=list(SPELLINGS))
def test_a_secret_is_hidden_in_every_spelling(spell: Callable[[str], str]) -> None:
    for token in TOKENS:
        shown = hide(f"<{spell(token)}>", token)
        assert "<hidden>" in shown
        assert "canary" not in shown.lower()
        assert hide(spell("other"), token) == spell("other")


@pytest.mark.parametrize(
    ("secret", "logged"),
    [
        ("/hooks/i/a%2fb", "/hooks/i/a%2Fb"),
        ("/hooks/i/a b:c@d", "/hooks/i/a%20b:c@d"),
        ("/hooks/i/ä%2f", "/hooks/i/%C3%A4%2F"),
        ("/hooks/i/100%x:y", "/hooks/i/100%25x:y"),
        ("/hooks/i/100%x%2f", "/hooks/i/100%25x%252F"),
    ],
)
def test_a_path_is_hidden_as_http_libraries_log_it(secret: str, logged: str) -> None:
    """They encode what has to be encoded, and write octets in upper case."""
    assert redacted(f"POST {logged} HTTP/1.1", spellings([secret], levels=2)) == "POST <hidden> HTTP/1.1"


def test_the_longest_spelling_is_hidden_first() -> None:
    """Else a part of it would be left over."""
    assert hide("a secret-token", "secret", "secret-token") == "a <hidden>"


def test_short_words_stay_readable_unless_they_are_asked_for() -> None:
    assert redacted("token 12345 of 123456", spellings(["token", "12345", "123456"])) == "token 12345 of <hidden>"
    assert redacted("a 12345", spellings(["12345"], shortest=5)) == "a <hidden>"


def test_a_secret_that_is_a_part_of_the_mask_is_hidden_once() -> None:
    assert hide("canary and hidden", "canary", "hidden") == "<hidden> and <hidden>"


def test_a_long_secret_is_hidden_in_its_simple_spellings() -> None:
    """Nested ones would take seconds, and Rocket.Chat waits 20 for a bot."""
    odd = "'\"€%é\\"
    assert len(spellings([odd], levels=3, shortest=1)) > 100
    long = spellings([odd * 50], levels=3)
    assert {odd * 50, quote(odd * 50), json.dumps(odd * 50)[1:-1]} <= set(long)
    assert len(long) < 25


def test_json_is_redacted_in_depth_and_stays_json() -> None:
    document = {"canary": [{"error": "no canary", "code": 5, "none": None}], "ok": True}
    assert hide(document, "canary") == {"<hidden>": [{"error": "no <hidden>", "code": 5, "none": None}], "ok": True}


def test_json_is_cut_off_where_it_is_too_deep() -> None:
    assert redacted([[["canary"]], {"a": []}], ("canary",), levels=2) == [["…"], {"a": "…"}]


def test_a_masked_value_shows_only_whether_it_is_there() -> None:
    assert (mask("canary"), mask(""), mask(None)) == ("<hidden>", "<hidden>", "None")
