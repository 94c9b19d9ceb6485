"""The calls of the embedded server against what the real one was recorded to send, and to make of replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.testing.conftest import Employ

if TYPE_CHECKING:
    from rocketchat_integrations.testing import LocalRocketChat
    from tests.testing.conftest import Api, Bot

_RECORDED = json.loads((Path(__file__).parent.parent / "outgoing-webhooks.json").read_text(encoding="utf-8"))
_PAYLOADS: Mapping[str, dict[str, Any]] = _RECORDED["payloads"]
_WITHOUT_CONTENT = ["roomArchived", "roomCreated", "roomJoined", "roomLeft", "userCreated"]

_DEEDS: Mapping[str, Callable[[LocalRocketChat], Any]] = {
    "sendMessage": lambda server: server.say("alice", "general", "!deploy web"),
    "fileUploaded": lambda server: server.upload("alice", "general", "a.txt"),
    "roomArchived": lambda server: server.archive_room("alice", "general"),
    "roomCreated": lambda server: server.create_room("alice", "new"),
    "roomJoined": lambda server: server.join_room("bob", "general"),
    "roomLeft": lambda server: server.leave_room("alice", "general"),
    "userCreated": lambda server: server.register_user("carol"),
}


def _called(api: Api, bot: Bot, event: str) -> dict[str, Any]:
    """The payload of an event."""
    Employ(api)(bot, event=event, triggerWords=["!deploy"], targetRoom="#random", token="3yZ8KpWqTnV5sRbXcM7dFgHj")
    _DEEDS[event](api.server)
    (payload,) = bot.calls
    return payload


def _form(value: Any) -> Any:
    """The names and JSON types of a value."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: _form(item) for name, item in items.items()}
    if isinstance(value, list):
        return [_form(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return type(value).__name__  # pyright: ignore[reportUnknownArgumentType]


def test_every_event_was_recorded() -> None:
    """There is a recording of everything that the methods of the server set off."""
    assert _DEEDS.keys() == _PAYLOADS.keys()


@pytest.mark.parametrize("event", _DEEDS)
def test_payloads_of_the_older_dialect(old: Api, bot: Bot, event: str) -> None:
    """In the 6.14 dialect, the payload of an event has the recorded names and types."""
    assert _form(_called(old, bot, event)) == _form(_PAYLOADS[event])


@pytest.mark.parametrize("event", _WITHOUT_CONTENT)
def test_payloads_without_content(api: Api, bot: Bot, event: str) -> None:
    """In the 8.8 dialect, events that are no messages come with the token and nothing else."""
    assert _called(api, bot, event) == {"token": "3yZ8KpWqTnV5sRbXcM7dFgHj", "bot": False}


@pytest.mark.parametrize("event", ["sendMessage", "fileUploaded"])
def test_payloads_of_messages(api: Api, bot: Bot, event: str) -> None:
    """In the 8.8 dialect, messages come as they always have."""
    assert _form(_called(api, bot, event)) == _form(_PAYLOADS[event])


def test_the_payload_of_a_message_says_what_was_said(both: Api, bot: Bot) -> None:
    """A payload has the values of the message that the server holds."""
    payload = _called(both, bot, "sendMessage")
    document = both.server.messages[0].document
    made_up = {"message_id": document["_id"], "timestamp": document["ts"], "siteUrl": f"{both.server.url}/"}
    assert payload == {**_PAYLOADS["sendMessage"], **made_up}


def test_headers(both: Api, bot: Bot) -> None:
    """A call looks like one of the real server."""
    _called(both, bot, "sendMessage")
    assert _RECORDED["request"]["headers"].items() <= bot.headers[0].items()


@pytest.mark.parametrize("line", _RECORDED["replies"], ids=lambda line: "{status} {body}".format(**line["your_reply"]))
def test_what_replies_do(both: Api, bot: Bot, line: dict[str, Any]) -> None:
    """A reply does to messages, history and integration what it was recorded to do."""
    employ, reply = Employ(both), line["your_reply"]
    bot.reply = lambda _: (reply["status"], reply["content_type"], reply["body"])
    integration = employ(bot, triggerWords=["!go"])
    both.server.say("alice", "general", "!go")
    posted = both.server.messages[1:]
    (record,) = employ.history(integration)
    assert {
        "your_reply": reply,
        "message_posted": bool(posted),
        "history_step": record["step"],
        "history_error": record.get("error", False),
        "history_finished": record.get("finished", False),
        "integration_enabled_after": both.stored(integration)["enabled"],
    } == line
    assert json.loads(record["httpResult"]) == reply["body"]
    for message in posted:
        body = json.loads(reply["body"])
        assert (message.room, message.user, message.text) == ("general", "rocket.cat", body.get("text", ""))
        assert list(message.attachments) == body.get("attachments", [])


def test_history_as_recorded(old: Api, bot: Bot) -> None:
    """A history record has the recorded names and types, when it began, and the trigger word."""
    employ = Employ(old)
    bot.reply = lambda _: (200, "application/json", '{"text":"pong"}')
    integration = employ(bot, triggerWords=["x"])
    old.server.say("alice", "general", "x")
    (record,) = employ.history(integration)
    assert record.pop("_createdAt") <= record["_updatedAt"]
    assert record.pop("triggerWord") == record["httpCallData"].pop("trigger_word") == "x"
    assert record["integration"].pop("triggerWords") == ["x"]
    assert _form(record) == _form(_RECORDED["history_record"])
    assert record["httpCallData"]["token"] == record["integration"]["token"] == "t"
    assert record["resultMessage"][0]["channel"] == "#GENERAL"
    assert record["resultMessage"][0]["message"] == old.server.messages[1].document
