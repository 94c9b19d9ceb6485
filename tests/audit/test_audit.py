"""Audits of a workspace: what is asked of the server, and what could not be checked."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegration, OutgoingIntegration, PermissionDeniedError
from rocketchat_integrations.audit import audit
from rocketchat_integrations.scripts import ProblemKind, _analysis
from rocketchat_integrations.scripts._analysis import static_problems
from rocketchat_integrations.testing import LocalRocketChat

LEAKING = "class Script { process_incoming_request() { x = 1; } }"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=getattr(request, "param", "9.0")) as server:
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    with Client(server.url, server.auth("admin")) as client:
        yield client


def hook(name: str = "ci", **fields: Any) -> IncomingIntegration:
    given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat", **fields}
    return IncomingIntegration(name, **given)


def bot(name: str = "bot", **fields: Any) -> OutgoingIntegration:
    given: dict[str, Any] = {"event": "sendMessage", "username": "rocket.cat", "urls": "https://bot.example/x"}
    given |= {"token": "secret", **fields}
    return OutgoingIntegration(name, **given)


def exists(host: str) -> bool:
    return True


def found(client: Client, **options: Any) -> list[tuple[str, str | None]]:
    """Return kinds and names of the findings; every host exists."""
    result = audit(client, resolve=exists, **options)
    return [(it.kind, it.name) for it in result.findings]


def requested(server: LocalRocketChat, *endpoints: str) -> list[int]:
    made = [request.endpoint for request in server.requests]
    return [made.count(endpoint) for endpoint in endpoints]


def test_a_workspace_without_faults_has_no_findings(client: Client) -> None:
    """Only what no audit can find out is noted."""
    client.create(hook())
    client.create(bot())
    result = audit(client, resolve=exists)
    assert (result.findings, result.integrations) == ((), 2)
    (note,) = result.notes
    assert "message-impersonate" in note
    client.remove(next(iter(client.list(type="incoming"))))
    assert audit(client, resolve=exists).notes == ()


def test_findings_are_sorted_by_kind_type_and_name(server: LocalRocketChat, client: Client) -> None:
    """Errors come first. Of a disabled integration, script, user and name are checked."""
    for name in ("b", "a"):
        client.create(hook(name, script=LEAKING, script_enabled=True))
    client.create(bot("b", token=None, urls=["http://gone.example", "https://bot.example"]))
    client.create(
        bot("off", token=None, urls="http://gone.example", enabled=False, script=LEAKING, script_enabled=True)
    )
    odd = server.insert({"type": "webhook-outgoing", "name": "odd", "urls": 7})
    result = audit(client, resolve=lambda host: host != "gone.example")
    assert [(it.kind, it.name) for it in result.findings] == [
        ("script-not-ready", "a"),
        ("script-not-ready", "b"),
        ("script-not-ready", "off"),
        ("unknown-host", "b"),
        ("plain-http", "b"),
        ("no-token", "b"),
        ("unreadable", None),
        ("disabled", "off"),
    ]
    assert (result.findings[6].id, result.integrations) == (odd, 5)


@pytest.mark.parametrize(("server", "tells"), [("9.0", True), ("6.14", False)], indirect=["server"])
def test_a_user_who_is_gone_is_found_from_8_on(server: LocalRocketChat, client: Client, tells: bool) -> None:
    """For both types, if the integration has a token."""
    server.add_user("eve", ["message-impersonate"])
    for definition in (hook("x", username="eve"), bot("y", username="eve"), bot("z", username="eve", token=None)):
        client.create(definition)
    server.remove_user("eve")
    gone = [name for kind, name in found(client) if kind == "user-gone"]
    assert gone == (["x", "y"] if tells else [])
    assert requested(server, "hooks.info") == [2]


def test_failed_calls_are_found(server: LocalRocketChat, client: Client) -> None:
    """With one request for each enabled outgoing integration. An entry that cannot be read does not count."""
    client.create(hook())
    ids = [client.create(bot(name, enabled=enabled)).id for name, enabled in (("a", True), ("b", True), ("c", False))]
    for id in ids:
        server.insert_history(id, {"_createdAt": "2126-01-01T00:00:00.000Z", "error": id != ids[1]})
    server.insert_history(ids[0], {"_createdAt": "2126-01-02T00:00:00.000Z", "error": False, "url": 7})
    assert [name for kind, name in found(client) if kind == "calls-failed"] == ["a"]
    assert requested(server, "integrations.history") == [2]


def test_what_costs_requests_can_be_left_out(server: LocalRocketChat, client: Client) -> None:
    """Then only the list is read. Otherwise the progress tells how many requests are left."""
    client.create(hook())
    client.create(bot())
    steps: list[tuple[int, int]] = []

    def on_progress(done: int, total: int) -> None:
        steps.append((done, total))

    found(client, users=False, history=False, on_progress=on_progress)
    assert (steps, requested(server, "hooks.info", "integrations.history")) == ([], [0, 0])
    audit(client, resolve=None, on_progress=on_progress)
    assert (steps, requested(server, "hooks.info", "integrations.history")) == ([(0, 3), (1, 3), (2, 3)], [2, 1])


def test_an_audit_only_reads(server: LocalRocketChat, client: Client) -> None:
    client.create(hook())
    client.create(bot())
    before = server.documents, len(server.requests)
    found(client)
    assert {request.method for request in server.requests[before[1] :]} == {"GET"}
    assert (server.documents, server.messages) == (before[0], ())


# What cannot be checked


def test_hosts_without_an_answer_are_noted(client: Client) -> None:
    """They are no finding: perhaps this machine has no name server."""
    client.create(bot())
    result = audit(client, resolve=lambda host: None)
    assert (result.findings, result.notes) == (
        (),
        ("Not checked: whether 1 of 1 hosts resolve: there was no answer.",),
    )


def test_without_the_permission_for_calls_a_note_names_it(server: LocalRocketChat, client: Client) -> None:
    """The rest is checked; the other histories are not asked for."""
    client.create(bot("a"))
    client.create(bot("b", token=None))
    incoming_only = ["manage-incoming-integrations"]
    result = audit(
        client,
        users=False,
        resolve=None,
        on_progress=lambda done, total: server.set_permissions("admin", incoming_only),
    )
    assert [it.kind for it in result.findings] == ["no-token"]
    (note,) = result.notes
    assert note.startswith("Not checked: whether the last calls failed: ")
    assert requested(server, "integrations.history") == [1]
    server.set_permissions("admin", [])
    with pytest.raises(PermissionDeniedError):
        audit(client)


def test_a_proxy_that_hides_webhooks_is_noted(server: LocalRocketChat, client: Client) -> None:
    """Nothing is known about the user then. The other integrations are asked for all the same."""
    client.create(hook("a"))
    client.create(hook("b"))
    server.fail_next("hooks.info", "html")
    result = audit(client, resolve=None)
    assert result.findings == ()
    assert result.notes[0].startswith("Not checked: whether users exist, for 1 of 2 integrations: ")
    assert requested(server, "hooks.info") == [2]


def test_odd_tokens_do_not_end_an_audit(server: LocalRocketChat, client: Client) -> None:
    """A blank one counts as none, and one that no URL can have is noted."""
    for token in (" ", "\ud800"):
        document = {"type": "webhook-incoming", "name": token, "userId": "rocket.cat", "token": token, "enabled": True}
        server.insert(document)
    result = audit(client, resolve=None)
    assert result.findings == ()
    assert "users exist, for 1 of 1 integrations" in result.notes[0]
    assert requested(server, "hooks.info") == [0]


def test_without_the_extra_a_note_says_that_scripts_were_not_checked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts that the server could not compile are found all the same."""
    client.create(hook("a", script=LEAKING, script_enabled=True))
    client.create(hook("b", script="class Script {", script_enabled=True))
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    _analysis._analyzer.cache_clear()  # pyright: ignore[reportPrivateUsage]
    result = audit(client, resolve=None)
    assert [(it.kind, it.name) for it in result.findings] == [("script-error", "b")]
    assert "rocketchat-integrations[scripts]" in result.notes[0]
    assert len(result.notes) == 2


def test_the_page_of_problems_shows_what_to_write_instead() -> None:
    """Of the two scripts for each kind of problem, the first has it, and the second has none."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "script-problems.rst").read_text(encoding="utf-8")
    sections = re.findall(r"^([a-z-]+)\n-+\n(.*?)(?=^[a-z-]+\n-+\n|\Z)", page, re.MULTILINE | re.DOTALL)
    assert {kind for kind, _ in sections} == set(ProblemKind)
    for kind, text in sections:
        if kind != ProblemKind.NOT_ANALYZED:
            before, after = map(dedent, re.findall(r"code-block:: javascript\n\n((?:(?:   .*)?\n)+)", text))
            assert {it.kind for it in static_problems(before.rstrip())} == {kind}
            assert static_problems(after.rstrip()) == ()


def test_no_secret_is_in_an_audit(server: LocalRocketChat, client: Client) -> None:
    """Neither tokens, nor URLs beyond the host, nor what a script contains."""
    canary = "canary-4711"
    record = client.create(
        bot(
            urls=f"http://u:{canary}@bot.example/{canary}",
            token=canary,
            script=f"'{canary}' canary",
            script_enabled=True,
        )
    )
    server.insert_history(record.id, {"_createdAt": "2126-01-01T00:00:00.000Z", "error": True, "url": canary})
    result = audit(client, resolve=lambda host: False)
    assert len(result.findings) >= 4
    assert "canary" not in repr(result)
    assert "canary" not in str([attrs.asdict(it) for it in result.findings])
