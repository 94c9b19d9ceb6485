"""Compare what the embedded server does with outgoing integrations to recordings of 8.x."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from tests.testing.recorded import assert_like

if TYPE_CHECKING:
    from rocketchat_integrations.testing import StoredMessage
    from tests.testing.conftest import Answer, Api, Bot, Opener

Scenario: TypeAlias = dict[str, Any]

_TESTS = Path(__file__).parent.parent
_SCENARIOS: list[Scenario] = json.loads((_TESTS / "outgoing-8x.json").read_text(encoding="utf-8"))["scenarios"]
_WORLD = json.loads((_TESTS / "recordings-8x.json").read_text(encoding="utf-8"))["world"]
_ROOMS = [room["_id"] for room in _WORLD["rooms"]]

_FIELDS = (
    *("step", "error", "finished", "triggerWord", "httpResult", "ranPrepareScript", "data", "event", "httpError"),
    *("prepareSentMessage", "url"),
)


class _Replay:
    """A scenario on a server, and what it led to, in the form of the recordings."""

    def __init__(self, api: Api, bot: Bot, scenario: Scenario) -> None:
        self.api, self.bot, self.scenario = api, bot, scenario
        self.base = bot.url.removesuffix("/hook")
        self.seen: dict[str, list[Any]] = {"create": []}
        self.integrations: list[dict[str, Any]] = []
        self.asked: dict[str, int] = {}
        bot.reply_to = self._reply

    def _reply(self, path: str) -> tuple[int, str | None, str]:
        number = self.asked[path] = self.asked.get(path, 0) + 1
        replies = self.scenario["replies"].get(path)
        if not replies:
            return 200, "application/json", "{}"
        reply = replies[min(number, len(replies)) - 1]
        return reply["status"], reply["content_type"], reply["body"]

    def run(self) -> Mapping[str, Any]:
        """Do what was done, and return what was recorded."""
        for body in self.scenario["create"]:
            answer = self.api("POST", "integrations.create", self._with_address(body))
            self.seen["create"].append(answer.status)
            self.integrations.append(answer.json["integration"])
        for kind, *arguments in self.scenario["acts"]:
            self._act(kind, *arguments)
            self.api.server.wait_until_quiet()
        return {
            **self.seen,
            "history": [self._history(each) for each in self.integrations if each["type"] == "webhook-outgoing"],
            "calls": self._calls(),
            "messages": [_message(message) for message in self.api.server.messages],
            "enabled": [self.api.stored(integration)["enabled"] for integration in self.integrations],
        }

    def _act(self, kind: str, *arguments: Any) -> None:
        server = self.api.server
        match kind, *arguments:
            case "say", user, room, text:
                server.say(user, room, text)
            case "event", "roomArchived", user, room:
                server.archive_room(user, room)
            case "event", "roomCreated", user, _:
                server.create_room(user, "new")
            case "event", "roomJoined", user, room:
                server.join_room(user, room)
            case "event", "roomLeft", user, room:
                server.leave_room(user, room)
            case "event", "userCreated", _, _:
                server.register_user("new")
            case "event", "fileUploaded", user, room:
                server.upload(user, room, "a.txt")
            case "hook", int(number), body:
                self._answered("hook", self.api.post(self.integrations[number], body))
            case "api", method, endpoint, request:
                request = self._with_ids(request)
                query = request.get("query", {})
                self._answered("api", self.api(method, endpoint, request.get("json"), **query))
            case "replay", *_:
                # Only the calls of the replay are recorded.
                for kept in (self.bot.calls, self.bot.headers, self.bot.targets):
                    kept.clear()
                record = self.api.history(self.integrations[0])[-1]
                body = {"integrationId": self.integrations[0]["_id"], "historyId": record["_id"]}
                self._answered("replay", self.api("POST", "integrations.replayOutgoing", body))
            case unknown:
                raise AssertionError(unknown)

    def _answered(self, kind: str, answer: Answer) -> None:
        seen = [answer.status, _without_updates(self._without_address(answer.json))]
        if kind == "api":
            self.seen.setdefault(kind, []).append(seen)
        else:
            self.seen[kind] = seen

    def _with_address(self, value: Any) -> Any:
        return json.loads(json.dumps(value).replace("BOT", self.base))

    def _without_address(self, value: Any) -> Any:
        return json.loads(json.dumps(value).replace(self.base, "BOT"))

    def _with_ids(self, value: Any) -> Any:
        text = re.sub(r"\{i(\d+)\._id\}", lambda found: str(self.integrations[int(found[1])]["_id"]), json.dumps(value))
        return json.loads(text)

    def _history(self, integration: dict[str, Any]) -> list[dict[str, Any]]:
        records = [
            each for each in self.api.server.history_documents if each["integration"]["_id"] == integration["_id"]
        ]
        return [self._without_address(_record(record)) for record in records]

    def _calls(self) -> list[dict[str, Any]]:
        """Return the calls, in the order of their paths where several are made at once."""
        calls = [
            {"path": path, "body": body, "ct": headers["Content-Type"], "ua": headers["User-Agent"]}
            for path, body, headers in zip(self.bot.targets, self.bot.calls, self.bot.headers, strict=True)
        ]
        return calls if len(self.asked) < 2 else sorted(calls, key=lambda call: str(call["path"]))


def _record(document: dict[str, Any]) -> dict[str, Any]:
    sent = document.get("resultMessage")
    result = sent and [{"channel": each["channel"], "msg": each["message"]["msg"]} for each in sent]
    return {
        **{name: document.get(name, "MISSING") for name in _FIELDS},
        "httpCallData": document["httpCallData"],
        "resultMessage": result,
        # The recordings have these two apart.
        "fields": sorted(document.keys() - {"error", "httpError"}),
    }


def _without_updates(value: Any) -> Any:
    """Return an answer without `_updatedAt`, which the recordings have only among the fields of stored records."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: _without_updates(item) for name, item in items.items() if name != "_updatedAt"}
    if isinstance(value, list):
        return [_without_updates(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _with_direct_rooms(value: Any) -> Any:
    """Return a value with a placeholder for each id of a direct room, which a server makes up."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {
            name: "<direct>" if name in ("rid", "channel_id") and item not in _ROOMS else _with_direct_rooms(item)
            for name, item in items.items()
        }
    if isinstance(value, list):
        return [_with_direct_rooms(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _message(message: StoredMessage) -> dict[str, Any]:
    document = message.document
    return {
        "rid": document["rid"],
        "msg": message.text,
        "by": message.user,
        "alias": message.alias,
        "avatar": message.avatar,
        "emoji": message.emoji,
        "att": list(message.attachments) or None,
        "bot": "bot" in document,
    }


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=[scenario["name"] for scenario in _SCENARIOS])
def test_calls_and_replies_as_recorded(serve: Opener, bot: Bot, scenario: Scenario) -> None:
    """In the 8.8 dialect, calls, messages and history are the recorded ones."""
    seen = _Replay(serve(world=_WORLD, version="8.8"), bot, scenario).run()
    assert_like(_with_direct_rooms(scenario["expect"]), _with_direct_rooms(seen), "")
