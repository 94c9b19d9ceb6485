"""What `docs/how-to/migrate-from-rocketchat-api.rst` says about `rocketchat_API`, beside what this package does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import requests

from rocketchat_integrations import (
    Client,
    ConfigurationError,
    IncomingIntegration,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PermissionDeniedError,
    RetryPolicy,
    TransportError,
    UnexpectedResponse,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.foreign.conftest import DIALECTS, ERRORS, INCOMING, LIBRARY, OUTGOING

if TYPE_CHECKING:
    from tests.foreign.conftest import Connect

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "migrate-from-rocketchat-api.rst"
PROGRAM = ROOT / "examples" / "migrating" / "line_by_line.py"
SCRIPT = "class Script { process_incoming_request({ request }) { return { content: { text: 'hi' } }; } }"


EACH_DIALECT = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture
def dialect() -> str:
    """One version, for what does not depend on it."""
    return "9.0"


def test_the_page_names_methods_that_exist() -> None:
    """Each method of the table is one of the clients'; where the page has none for `rocketchat_API`, it has none."""
    theirs = re.findall(r"^   \* - ``(\w+)\(", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    ours = re.findall(r"^     - ``client\.(\w+)\(", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(theirs) == 8
    assert [name for name in theirs if not hasattr(LIBRARY.RocketChat, name)] == []
    assert len(ours) == 10
    assert [name for name in ours if not hasattr(Client, name)] == []
    assert not re.search(r"clear_?history|replay", " ".join(dir(LIBRARY.RocketChat)), re.IGNORECASE)


@EACH_DIALECT
def test_the_program_with_both_packages_runs(server: LocalRocketChat, dialect: str) -> None:
    """It prints the same for both but for the differences that it names, and leaves nothing behind."""
    login = {"URL": server.url, "USER": "admin", "PASSWORD": server.password("admin")}
    environment = {**os.environ, **{f"ROCKETCHAT_{name}": value for name, value in login.items()}}
    process = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM)], env=environment, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert process.returncode == 0
    lines = process.stdout.splitlines()
    printed = list(zip(lines[::2], lines[1::2], strict=True))
    is_old = dialect == "6.14"
    bots, all_of_them = ["new-bot", "old-bot"], ["new-bot", "new-ci", "old-bot", "old-ci"]
    assert printed[:5] == [
        ("get: ['#general']", "get: ('#general',)"),
        ("update: Bot", "update: Bot"),
        (f"list: {all_of_them if is_old else bots}", f"list: {bots}"),
        (f"channel: {all_of_them if is_old else 'refused'}", f"channel: {all_of_them}"),
        ("history: []", "history: []"),
    ]
    assert [line.split(":")[0] for line in printed[5]] == ["removed", "removed"]
    assert [message.text for message in server.messages] == ["hello", "hello"]
    assert server.documents == ()


def test_the_program_has_each_call_of_the_page() -> None:
    """Except for the list of a private group, which is called as that of a channel."""
    named = re.findall(r"^   \* - ``(\w+)\(", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    program = PROGRAM.read_text(encoding="utf-8")
    assert [name for name in named if f"rocket.{name}(" not in program] == ["groups_get_integrations"]


@EACH_DIALECT
def test_an_update_loses_what_it_does_not_repeat(
    server: LocalRocketChat, dialect: str, rocket: Any, client: Client
) -> None:
    """The script of an outgoing integration is gone on 8.x, and no longer runs on 6.x."""
    fields = {**OUTGOING, "script_enabled": True}
    created = rocket.integrations_create(**fields, script=SCRIPT, alias="Bot")["integration"]
    assert created["scriptCompiled"]
    id: str = created["_id"]
    record = client.get(id)
    assert isinstance(record, OutgoingIntegrationRecord)
    record = client.update(record.id, attrs.evolve(record, name="cd"))
    assert (record.script, record.alias) == (SCRIPT, "Bot")
    assert record.script_compiled
    rocket.integrations_update(integration_id=record.id, **fields)
    (stored,) = server.documents
    assert not stored.get("scriptCompiled")
    lost = dialect != "6.14"
    assert (stored["script"], stored["alias"]) == ((None, None) if lost else (SCRIPT, "Bot"))


def test_an_update_needs_the_token_and_the_urls(rocket: Any, client: Client) -> None:
    """Without them it is refused: `integrations_update` has no arguments for them, only further keywords."""
    created = rocket.integrations_create(**OUTGOING)["integration"]
    with pytest.raises(ERRORS.RocketApiException):
        rocket.integrations_update(integration_id=created["_id"], **{**INCOMING, "integrations_type": created["type"]})
    id: str = created["_id"]
    record = client.get(id)
    assert client.update(record.id, attrs.evolve(record, alias="Bot")).token == "the bot's"


def test_an_update_with_the_wrong_type_overwrites(server: LocalRocketChat, rocket: Any, client: Client) -> None:
    """The token of an incoming integration is replaced, so that its address no longer works."""
    hook = client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
    wrong = OutgoingIntegration(
        "ci", event="sendMessage", channel="#general", username="rocket.cat", urls=["https://bot.example/"]
    )
    with pytest.raises(ConfigurationError):
        client.update(hook.id, wrong)
    assert server.documents[0]["token"] == hook.token
    rocket.integrations_update(integration_id=hook.id, **OUTGOING)
    assert server.documents[0]["token"] == "the bot's"


def test_a_list_ends_early(server: LocalRocketChat, rocket: Any, client: Client) -> None:
    """It ends with the first page that is shorter than asked for, as all are where the server's cap is lower."""
    for number in range(120):
        client.create(IncomingIntegration(str(number), channel="#general", username="rocket.cat"))
    assert len(list(rocket.integrations_list(count=200))) == 100
    server.settings["API_Upper_Count_Limit"] = 40
    assert len(list(rocket.integrations_list())) == 40
    assert len(list(client.list())) == 120


def test_removing_while_listing_skips(server: LocalRocketChat, rocket: Any, client: Client) -> None:
    """What follows a removal moves up by one, past the beginning of the next page."""
    for number in range(4):
        rocket.integrations_create(**{**INCOMING, "name": str(number)})
    for each in rocket.integrations_list(count=2):
        rocket.integrations_remove(each["type"], each["_id"])
    assert len(server.documents) == 2
    server.settings["API_Upper_Count_Limit"] = 1
    for record in client.list():
        client.remove(record)
    assert not server.documents


def test_a_name_is_not_quoted(server: LocalRocketChat, rocket: Any, client: Client) -> None:
    """Of `R#D` it asks for `R`, and so gets other integrations as well."""
    for name in ("R", "R#D"):
        rocket.integrations_create(**{**INCOMING, "name": name})
    assert len(list(rocket.integrations_list(name="R#D"))) == 2
    assert server.requests[-1].query["name"] == "R"
    assert [each.name for each in client.list(name="R#D")] == ["R#D"]


def test_all_refusals_are_one_exception(server: LocalRocketChat, connect: Connect, rocket: Any, client: Client) -> None:
    """Not found and no permission are told apart by their texts only."""
    hook = rocket.integrations_create(**INCOMING)["integration"]
    auth = server.auth("bob")
    bob = connect(server_url=server.url, user_id=auth.user_id, auth_token=auth.token)
    for user, identifier in ((rocket, "nothing"), (bob, hook["_id"])):
        with pytest.raises(ERRORS.RocketApiException) as caught:
            user.integrations_get(identifier)
        assert type(caught.value) is ERRORS.RocketApiException
    with pytest.raises(NotFoundError):
        client.get("nothing")
    with Client(server.url, auth) as of_bob, pytest.raises(PermissionDeniedError):
        of_bob.get(hook["_id"])


@EACH_DIALECT
def test_a_wrong_token_has_an_exception_by_version(server: LocalRocketChat, dialect: str, connect: Connect) -> None:
    """8.x and 6.x answer with different bodies, and so it raises different exceptions."""
    rocket = connect(server_url=server.url, user_id="nobody", auth_token="wrong")
    wanted = ERRORS.RocketApiException if dialect != "6.14" else ERRORS.RocketBadStatusCodeException
    with pytest.raises(wanted) as caught:
        rocket.integrations_get("nothing")
    assert type(caught.value) is wanted


def test_a_web_page_is_a_value(server: LocalRocketChat, connect: Connect, rocket: Any) -> None:
    """With a wrong address, it returns the text of the page that answers."""
    connected = connect(server_url=f"{server.url}/chat", user_id="nobody", auth_token="x")
    assert "<html" in connected.integrations_get("nothing")
    with Client(f"{server.url}/chat", server.auth("admin")) as client, pytest.raises(UnexpectedResponse):
        client.get("nothing")


def test_a_lost_answer_is_an_exception_of_requests(server: LocalRocketChat, rocket: Any) -> None:
    server.fail_next("integrations.get", "reset-before", times=2)
    with pytest.raises(requests.ConnectionError):
        rocket.integrations_get("nothing")
    never = RetryPolicy.never()
    with Client(server.url, server.auth("admin"), retry=never) as client, pytest.raises(TransportError):
        client.get("nothing")
