"""The rules of an audit: what is wrong with a record, its URLs, its script and its calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rocketchat_integrations import HistoryEntry, IntegrationRecord
from rocketchat_integrations.audit import FindingKind, Severity, _rules as rules
from rocketchat_integrations.models import ScriptError
from rocketchat_integrations.scripts import ProblemKind, ScriptProblem
from tests.audit.conftest import CHANGED_AT, incoming, outgoing

FAILED: dict[str, Any] = {"error": True, "step": "after-process-http-status-500"}


def test_only_what_does_not_work_is_an_error() -> None:
    severities = {kind: kind.severity for kind in FindingKind}
    errors = {"script-error", "script-not-ready", "user-gone", "invalid-url", "calls-failed"}
    assert {kind for kind, severity in severities.items() if severity is Severity.ERROR} == errors
    assert {kind for kind, severity in severities.items() if severity is Severity.INFO} == {"disabled"}


# Names and tokens


def test_integrations_of_one_type_and_name_are_duplicates() -> None:
    """Each names the ids of the others; the other type does not matter."""
    records: list[IntegrationRecord] = [
        incoming("a"),
        incoming("b"),
        incoming("c", "other"),
        outgoing("d", "ci"),
        incoming("e"),
    ]
    found = list(rules.duplicates(records))
    assert [(it.id, it.message.partition(" as ")[2]) for it in found] == [("a", "b, e"), ("b", "a, e"), ("e", "a, b")]
    assert {(it.kind, it.type, it.name) for it in found} == {("duplicate", "webhook-incoming", "ci")}


@pytest.mark.parametrize(("token", "missing"), [(None, True), ("", True), (" ", True), ("t", False)])
def test_a_token_must_have_text(token: str | None, missing: bool) -> None:
    assert [it.kind for it in rules.no_token(outgoing(token=token))] == [FindingKind.NO_TOKEN] * missing


# URLs


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://bot.example.com/hook", None),
        ("HTTP://user:canary@Bot.example.com:8080/canary?t=canary", "bot.example.com:8080"),
        ("http://10.0.0.7/hook", "10.0.0.7"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]:80"),
        *((f"http://{host}/", None) for host in ("localhost:3000", "bot.localhost", "127.9.9.9", "[::1]")),
    ],
)
def test_plain_http_is_found_unless_it_stays_on_the_machine(url: str, place: str | None) -> None:
    """Only host and port are shown: the rest of a URL may be secret."""
    found = [(it.kind, it.message) for it in rules.url_findings(outgoing(urls=url, token="canary"))]
    if place is None:
        assert found == []
    else:
        assert found == [("plain-http", f"messages and the token go to {place} without encryption")]


@pytest.mark.parametrize("url", ["canary", "ftp://canary/x", "https:///canary", "http://[canary", "http://canary:x/"])
def test_a_url_that_cannot_be_called_is_found(url: str) -> None:
    (found,) = rules.url_findings(outgoing(urls=url))
    assert found.kind is FindingKind.INVALID_URL
    assert "canary" not in repr(found)


def test_urls_of_one_address_are_one_finding() -> None:
    urls = ["http://a.example/1", "http://a.example/2", "http://b.example", "x", "y"]
    assert len(list(rules.url_findings(outgoing(urls=urls)))) == 3


def test_hosts_are_looked_up_unless_they_are_addresses() -> None:
    urls = ["https://A.example", "http://a.example:80", "https://10.0.0.7", "http://[::1]", "http://localhost", "x"]
    record = outgoing(urls=[*urls, "https://b.example"])
    assert rules.hosts(record) == {"a.example", "b.example"}
    (found,) = rules.unknown_hosts(record, {"b.example", "c.example"})
    assert (found.kind, found.message) == ("unknown-host", "the host b.example does not resolve from this machine")


def test_a_token_in_a_host_is_hidden() -> None:
    record = outgoing(urls="http://canary-1.example", token="canary-1")
    found = [*rules.url_findings(record), *rules.unknown_hosts(record, rules.hosts(record))]
    assert len(found) == 2
    assert all("<hidden>.example" in it.message and "canary" not in repr(it) for it in found)


# Scripts


def problem(kind: ProblemKind, message: str = "`x` is assigned") -> ScriptProblem:
    return ScriptProblem(kind, message, 3, 5, "Declare it.")


@pytest.mark.parametrize(("enabled", "script", "runs"), [(True, "x", True), (False, "x", False), (True, " ", False)])
def test_only_scripts_that_run_are_checked(enabled: bool, script: str, runs: bool) -> None:
    assert rules.runs_script(incoming(script_enabled=enabled, script=script)) is runs


def test_each_place_that_breaks_is_a_finding() -> None:
    """With its line and column, and what to write instead; a script that is too large gets a warning."""
    problems = [problem(ProblemKind.UNDECLARED_ASSIGNMENT), problem(ProblemKind.NOT_ANALYZED, "too large")]
    assert [(it.kind, it.message, it.instead) for it in rules.script_not_ready(incoming(), problems)] == [
        ("script-not-ready", "3:5 `x` is assigned", "Declare it."),
        ("script-not-checked", "too large", "Declare it."),
    ]


@pytest.mark.parametrize("kind_of_problem", [ProblemKind.SYNTAX_ERROR, ProblemKind.MISSING_LINE_BREAK])
def test_a_script_that_does_not_compile_is_one_finding(kind_of_problem: ProblemKind) -> None:
    """What the server says about it may quote a secret."""
    problems = [problem(kind_of_problem, "Unexpected token '{'")]
    refused = incoming(script_error=ScriptError("SyntaxError", "canary"))
    for record, kind, message in (
        (incoming(), "script-not-ready", "3:5 Unexpected token '{'"),
        (refused, "script-error", "the server cannot compile the script: 3:5 Unexpected token '{'"),
    ):
        found = [*rules.script_error(record, problems), *rules.script_not_ready(record, problems)]
        assert [(it.kind, it.message) for it in found] == [(kind, message)]
    assert [it.message for it in rules.script_error(refused, [])] == ["the server cannot compile the script"]


# Calls


def calls(*fields: dict[str, Any]) -> list[HistoryEntry]:
    """Calls after the last change, newest first."""
    times = [CHANGED_AT + timedelta(minutes=len(fields) - number) for number in range(len(fields))]
    given: list[dict[str, Any]] = [{"created_at": time, **each} for time, each in zip(times, fields, strict=True)]
    return [HistoryEntry(id=str(number), **each) for number, each in enumerate(given)]


FINE = {"step": "after-http-call"}
OLD = CHANGED_AT - timedelta(seconds=1)
HISTORIES: list[tuple[list[dict[str, Any]], str | None]] = [
    ([], None),
    ([FAILED], "the only call"),
    ([FAILED, {"http_error": {}}], "all 2 calls"),
    ([*[FAILED] * 5, FINE], "the last 5 calls"),
    ([*[FAILED] * 4, FINE, FAILED], None),
    ([FINE], None),
    ([{"step": "pre-http-call"}, FAILED], "the only call"),
    ([FAILED, {"created_at": OLD}], "the only call"),
    ([{**FAILED, "created_at": OLD}], None),
    ([{**FAILED, "created_at": None}], "the only call"),
]


@pytest.mark.parametrize(("history", "failed"), HISTORIES)
def test_the_last_calls_must_all_have_failed(history: list[dict[str, Any]], failed: str | None) -> None:
    """Those since the last change, at most 5. A call without a reply has only an HTTP error."""
    found = [it.message for it in rules.calls_failed(outgoing(), calls(*history))]
    assert found == ([] if failed is None else [f"{failed} since its last change failed"])


def test_all_calls_count_if_the_time_of_the_change_is_unknown() -> None:
    assert len(list(rules.calls_failed(outgoing(updated_at=None), calls(FAILED)))) == 1
