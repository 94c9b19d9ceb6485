"""Compare the calls of the embedded server, and what it makes of replies, with recordings of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rocketchat_integrations.testing import LocalRocketChat
    from tests.testing.conftest import Api, Bot

_RECORDED = json.loads((Path(__file__).parent.parent / "outgoing-webhooks.json").read_text(encoding="utf-8"))
_PAYLOADS: Mapping[str, dict[str, Any]] = _RECORDED["payloads"]
_TOKEN = "3yZ8KpWqTnV5sRbXcM7dFgHj"

_ACTIONS: Mapping[str, Callable[[LocalRocketChat], Any]] = {
    "sendMessage": lambda server: server.say("alice", "general", "!deploy web"),
    "fileUploaded": lambda server: server.upload("alice", "general", "a.txt"),
    "roomArchived": lambda server: server.archive_room("alice", "general"),
    "roomCreated": lambda server: server.create_room("alice", "new"),
    "roomJoined": lambda server: server.join_room("bob", "general"),
    "roomLeft": lambda server: server.leave_room("alice", "general"),
    "userCreated": lambda server: server.register_user("carol"),
}


def _called(api: Api, bot: Bot, event: str) -> dict[str, Any]:
    """Trigger an event and return the body of the call."""
    api.create_for(bot, event=event, triggerWords=["!deploy"], targetRoom="#random", token=_TOKEN)
    _ACTIONS[event](api.server)
    return bot.calls[-1]


def _form(value: Any) -> Any:
    """Return the names and JSON types in a value."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: _form(item) for name, item in items.items()}
    if isinstance(value, list):
        return [_form(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return type(value).__name__  # pyright: ignore[reportUnknownArgumentType]


@pytest.mark.parametrize("event", _PAYLOADS)
def test_bodies_of_calls(api: Api, old: Api, bot: Bot, event: str) -> None:
    """A body has the recorded names and types on 6.14, and for messages on 8.8; there, other events have no content."""
    assert _form(_called(old, bot, event)) == _form(_PAYLOADS[event])
    body = _called(api, bot, event)
    if event in ("sendMessage", "fileUploaded"):
        assert _form(body) == _form(_PAYLOADS[event])
    else:
        assert body == {"token": _TOKEN, "bot": False}


def test_the_body_has_the_values_of_the_message(both: Api, bot: Bot) -> None:
    """The headers are the recorded ones, too."""
    body = _called(both, bot, "sendMessage")
    document = both.server.messages[0].document
    generated = {"message_id": document["_id"], "timestamp": document["ts"], "siteUrl": f"{both.server.url}/"}
    assert body == {**_PAYLOADS["sendMessage"], **generated}
    assert _RECORDED["request"]["headers"].items() <= bot.headers[0].items()


@pytest.mark.parametrize("line", _RECORDED["replies"], ids=lambda line: "{status} {body}".format(**line["your_reply"]))
def test_effects_of_replies(api: Api, bot: Bot, line: dict[str, Any]) -> None:
    """A reply has the recorded effect on messages, history and integration."""
    reply = line["your_reply"]
    bot.reply = lambda _: (reply["status"], reply["content_type"], reply["body"])
    integration = api.create_for(bot, triggerWords=["!go"])
    api.server.say("alice", "general", "!go")
    posted = api.server.messages[1:]
    (record,) = api.history(integration)
    assert {
        "your_reply": reply,
        "message_posted": bool(posted),
        "history_step": record["step"],
        "history_error": record.get("error", False),
        "history_finished": record.get("finished", False),
        "integration_enabled_after": api.stored(integration)["enabled"],
    } == line
    assert json.loads(record["httpResult"]) == reply["body"]
    for message in posted:
        body = json.loads(reply["body"])
        assert (message.room, message.user, message.text) == ("general", "rocket.cat", body.get("text", ""))
        assert list(message.attachments) == body.get("attachments", [])


def test_history(old: Api, bot: Bot) -> None:
    """A history record has the recorded names and types, and also a creation time and the trigger word."""
    bot.reply = lambda _: (200, "application/json", '{"text":"pong"}')
    integration = old.create_for(bot, triggerWords=["x"])
    old.server.say("alice", "general", "x")
    (record,) = old.history(integration)
    assert record.pop("_createdAt") <= record["_updatedAt"]
    assert record.pop("triggerWord") == record["httpCallData"].pop("trigger_word") == "x"
    assert record["integration"].pop("triggerWords") == ["x"]
    assert _form(record) == _form(_RECORDED["history_record"])
    assert record["httpCallData"]["token"] == record["integration"]["token"] == "t"
    assert record["resultMessage"][0]["channel"] == "#GENERAL"
    assert record["resultMessage"][0]["message"] == old.server.messages[1].document
