"""Replies of bots, failed calls, and retries."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rocketchat_integrations.testing._delivery import _bot_calls, _chains
from tests.testing.conftest import OUTGOING, is_down, says

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Bot, Opener

_PONG = says('{"text": "pong"}')


def test_looks_of_a_reply(api: Api, bot: Bot) -> None:
    """A reply is posted as the integration's user, with its looks and the mark of the integration."""
    bot.reply = lambda call: says('{"text": " pong ", "tmid": "thread"}' if call["text"] == "ping" else "{}")
    api.server.add_user("cat", ["message-impersonate"])
    integration = api.create_for(bot, username="cat", alias="Deployer", emoji=":ship:", triggerWords=["ping"])
    api.server.say("alice", "general", "ping")
    reply = api.server.messages[1]
    assert (reply.room, reply.user, reply.text) == ("general", "cat", "pong")
    assert (reply.alias, reply.avatar, reply.emoji) == ("Deployer", None, ":ship:")
    assert reply.document["bot"] == {"i": integration["_id"]}
    assert (reply.id, reply.tmid) == (reply.document["_id"], "thread")


@pytest.mark.parametrize(
    ("target", "channel", "room"),
    [
        (None, None, "general"),
        ("", "", "general"),
        ("#random", None, "random"),
        ("@bob", None, "@bob"),
        ("#random", "#ops", "ops"),
        (None, "ops", "ops"),
        ("#nowhere", None, "general"),
    ],
)
def test_room_of_a_reply(both: Api, bot: Bot, target: str | None, channel: str | None, room: str) -> None:
    """A reply goes to its channel, else to the target room; without them, or if that is unknown, to the event's."""
    bot.reply = lambda _: says(json.dumps({"text": "pong", "channel": channel}))
    both.create_for(bot, targetRoom=target, triggerWords=["ping"])
    both.server.say("alice", "general", "ping")
    assert [message.room for message in both.server.messages] == ["general", room]
    if "@" not in room:
        both.server.leave_room("rocket.cat", room)


def test_an_unknown_channel_of_a_reply(api: Api, old: Api, bot: Bot) -> None:
    """8.x posts nothing (recorded), 6.14 to the room of the event."""
    bot.reply = lambda _: says(json.dumps({"text": "pong", "channel": "#nowhere"}))
    for each, posted in ((api, []), (old, ["general"])):
        each.create_for(bot, targetRoom="#random", triggerWords=["ping"])
        each.server.say("alice", "general", "ping")
        assert [message.room for message in each.server.messages[1:]] == posted


@pytest.mark.parametrize(
    ("room_id", "posted"), [("RANDOM00000000001", ["random"]), (["#ops", "random"], ["ops", "random"])]
)
def test_room_id_of_a_reply(api: Api, bot: Bot, room_id: Any, posted: list[str]) -> None:
    """`roomId` is used like `channel` (recorded, 8.x), and may be several (read)."""
    bot.reply = lambda _: says(json.dumps({"text": "pong", "roomId": room_id}))
    integration = api.create_for(bot, triggerWords=["ping"])
    api.server.say("alice", "general", "ping")
    assert [message.room for message in api.server.messages[1:]] == posted
    assert len(api.history(integration)[0]["resultMessage"]) == len(posted)


def test_replies_to_direct_messages(api: Api, bot: Bot) -> None:
    """A reply stays in the room, also if a third user posts it."""
    bot.reply = lambda call: says("{}") if call["bot"] else _PONG
    integration = api.create_for(bot, channel="@rocket.cat,@bob")
    api.server.say("alice", "@rocket.cat", "ping")
    api.server.say("alice", "@bob", "ping")
    assert [(message.user, message.room) for message in api.server.messages] == [
        ("alice", "@rocket.cat"),
        ("rocket.cat", "@alice"),
        ("alice", "@bob"),
        ("rocket.cat", "@alice,@bob"),
    ]
    sent = api.history(integration)[-1]["resultMessage"][0]
    assert sent["channel"] == f"@{sent['message']['rid']}"


def test_replies_to_events_without_a_room(old: Api, bot: Bot) -> None:
    """A reply about a new user goes to the target room."""
    bot.reply = lambda call: says(json.dumps({"text": f"welcome, {call['user_name']}"}))
    old.create_for(bot, event="userCreated", targetRoom="#general")
    old.server.register_user("carol")
    assert [(message.room, message.text) for message in old.server.messages] == [("general", "welcome, carol")]


@pytest.mark.parametrize(
    ("named", "author_on_8"), [({}, "rocket.cat"), ({"user_name": "Bob"}, "bob"), ({"user_name": 5}, "rocket.cat")]
)
def test_impersonation(api: Api, old: Api, bot: Bot, named: dict[str, Any], author_on_8: str) -> None:
    """With `impersonateUser`, 8.x posts as the user whom the reply names (recorded), 6.14 as the message's author."""
    bot.reply = lambda _: says(json.dumps({"text": "pong", **named}))
    for each, author in ((api, author_on_8), (old, "alice")):
        each.create_for(bot, impersonateUser=True, triggerWords=["ping"])
        each.server.say("alice", "general", "ping")
        assert [message.user for message in each.server.messages] == ["alice", author]


def test_unknown_authors(api: Api, bot: Bot) -> None:
    """Without a known user, nothing is posted."""
    bot.reply = lambda _: _PONG
    unknown = api.server.insert({**OUTGOING, "channel": [], "urls": [bot.url], "username": "carol"})
    api.server.say("alice", "general", "ping")
    assert len(api.server.messages) == 1
    (record,) = api.history({"_id": unknown})
    assert (record["step"], record["finished"]) == ("url-response-sent-message", True)
    assert "resultMessage" not in record


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "x", "channel": "#secret"}, "not in the private group"),
        ({"text": "x", "channel": 5}, "channel must be text"),
        ({"text": 5}, "text must be text"),
    ],
)
def test_replies_that_cannot_be_posted_on_6(old: Api, bot: Bot, body: dict[str, Any], reason: str) -> None:
    """The history says why."""
    bot.reply = lambda _: says(json.dumps(body))
    integration = old.create_for(bot)
    old.server.say("alice", "general", "x")
    assert len(old.server.messages) == 1
    (record,) = old.history(integration)
    assert reason in record["httpError"]["message"]
    assert record["step"] == "after-http-call"


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        ({"channel": "#secret"}, "Error", "error-not-allowed"),
        ({"channel": "@ghost"}, "Error", "[invalid-channel]"),
        ({"channel": 5}, "TypeError", "nameOrId.startsWith is not a function"),
        ({"roomId": [5]}, "TypeError", "channel.slice is not a function"),
        ({"text": "x" * 5001}, "Error", "error-message-size-exceeded"),
        ({"attachments": [{"title_link": "/x"}]}, "Error", "Invalid href value provided"),
        ({"alias": "CI"}, "Error", "Not enough permission"),
        ({"avatar": "/avatar/a"}, "Error", "Not enough permission"),
    ],
)
def test_replies_that_cannot_be_posted_on_8(api: Api, bot: Bot, body: dict[str, Any], name: str, message: str) -> None:
    """History ends at `after-http-call`, as if there were no reply (recorded, 8.x)."""
    bot.reply = lambda _: says(json.dumps({"text": "x", **body}))
    integration = api.create_for(bot, username="bob")
    api.server.say("alice", "general", "x")
    assert len(api.server.messages) == 1
    (record,) = api.history(integration)
    assert record["httpError"] == {"name": name, "message": message}
    assert (record["step"], record["httpResult"]) == ("after-http-call", "null")


@pytest.mark.parametrize(
    ("content_type", "body", "posted"),
    [
        ("application/json; charset=utf-8", '{"text": "pong"}', ["pong"]),
        ("application/json", '{"attachments": []}', [""]),
        ("application/jsonp", '{"text": "pong"}', []),
        ("application/json", '["text"]', []),
        ("application/json", '{"text": NaN}', []),
        ("application/json", '{"text": ""}', []),
        ("application/json", "[" * 100_000, []),
        ("application/json", b"\xff", []),
        # Recorded of 8.x, or read.
        ("text/javascript", '{"text": "pong"}', ["pong"]),
        ("application/javascript", '{"text": "pong"}', ["pong"]),
        ("application/x-javascript;", '{"text": "pong"}', ["pong"]),
    ],
)
def test_what_counts_as_a_message(api: Api, bot: Bot, content_type: str, body: bytes | str, posted: list[str]) -> None:
    """A JSON object with a text or attachments is posted; any other reply is a success without a message."""
    bot.reply = lambda call: says("{}") if call["bot"] else (202, content_type, body)
    integration = api.create_for(bot, retryFailedCalls=True)
    api.server.say("alice", "general", "ping")
    assert [message.text for message in api.server.messages[1:]] == posted
    record = api.history(integration)[-1]
    assert record["step"] == ("url-response-sent-message" if posted else "after-http-call")
    assert "error" not in record


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["text", "msg", "attachments", "channel", "alias", "avatar", "icon_url", "emoji", "tmid", "customFields", "x"]
_MESSAGES = st.dictionaries(st.sampled_from(_NAMES), _JSON).map(json.dumps)


def test_scripts_are_no_messages_on_6(old: Api, bot: Bot) -> None:
    """Only JSON is."""
    bot.reply = lambda _: (200, "text/javascript", '{"text": "pong"}')
    old.create_for(bot)
    old.server.say("alice", "general", "x")
    assert len(old.server.messages) == 1


_ANYTHING = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_ANYTHING
@given(status=st.sampled_from([200, 203, 410, 500, 503]), body=_MESSAGES | st.binary(max_size=50))
def test_any_reply_is_recorded(api: Api, bot: Bot, status: int, body: bytes | str) -> None:
    """Whatever a bot replies, the server goes on, and has a readable record of it, or of why it was not posted."""
    api.server.reset()
    bot.reply = lambda call: says("{}") if call["bot"] else (status, "application/json", body)
    integration = api.create_for(bot)
    api.server.say("alice", "general", "x")
    text = body if isinstance(body, str) else body.decode(errors="replace")
    record = api.history(integration)[-1]
    assert json.loads(record["httpResult"]) == (None if "httpError" in record else text)


def test_410_disables_the_integration(api: Api, old: Api, bot: Bot, other_bot: Bot) -> None:
    """Its other URLs are not called again, and on 6.14 not at all after that; on 8.x all are called at once."""
    bot.reply, other_bot.reply = lambda _: (410, "text/plain", "gone"), is_down
    for each, others in ((old, 1), (api, 3)):
        integration = each.create_for(bot, urls=[other_bot.url, bot.url, other_bot.url], retryFailedCalls=True)
        each.server.say("alice", "general", "x")
        each.server.say("alice", "general", "y")
        assert len(other_bot.calls) == others
        stored = each.stored(integration)
        assert stored["enabled"] is False
        assert stored["_updatedAt"] > integration["_createdAt"]
    assert len(bot.calls) == 2


def test_several_urls_are_called_at_once(api: Api, bot: Bot, other_bot: Bot) -> None:
    """On 8.x calls overlap (recorded), also of several integrations; replies are posted in the order of the calls."""
    meeting = threading.Barrier(3)

    def reply(call: dict[str, Any]) -> tuple[int, str, str]:
        meeting.wait(10)
        return says(f'{{"text": "{call["token"]}"}}')

    bot.reply = other_bot.reply = reply
    api.create_for(bot, urls=[bot.url, other_bot.url], token="a", triggerWords=["x"])
    api.create_for(bot, token="b", triggerWords=["x"])
    api.server.say("alice", "general", "x")
    assert [message.text for message in api.server.messages] == ["x", "a", "a", "b"]


# Retries


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits before retries, which take no time."""
    waits: list[float] = []

    def pause(_: threading.Event, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(_chains, "pause", pause)
    return waits


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        ("powers-of-ten", [0.1, 1, 10]),
        ("powers-of-two", [2, 4, 8]),
        ("increments-of-two", [2, 4, 6]),
    ],
)
def test_schedules(serve: Opener, bot: Bot, waits: list[float], delay: str, expected: list[float]) -> None:
    """With a pace of 1, calls are retried after the waits of the real server, as often as configured."""
    api = serve(retry_pace=1.0)
    bot.reply = is_down
    integration = api.create_for(bot, retryFailedCalls=True, retryCount=3, retryDelay=delay)
    api.server.say("alice", "general", "x")
    assert waits == pytest.approx(expected)
    assert bot.calls == [bot.calls[0]] * 4
    steps = [record["step"] for record in api.history(integration)]
    assert steps == ["too-many-retries", *(f"going-to-retry-{number}" for number in (3, 2, 1))]


def test_pace(serve: Opener, bot: Bot, waits: list[float]) -> None:
    """The waits can be shortened; by default there are none."""
    bot.reply = is_down
    for pace, expected in (({"retry_pace": 0.01}, [0.001, 0.01]), ({}, [])):
        api = serve(**pace)
        api.create_for(bot, retryFailedCalls=True, retryCount=2)
        waits.clear()
        bot.calls.clear()
        api.server.say("alice", "general", "x")
        assert len(bot.calls) == 3
        assert waits == pytest.approx(expected)


def test_a_retry_after_a_real_wait(serve: Opener, bot: Bot) -> None:
    api = serve(retry_pace=0.001)
    bot.reply = lambda call: _PONG if len(bot.calls) > 1 else is_down(call)
    api.create_for(bot, retryFailedCalls=True, triggerWords=["ping"])
    api.server.say("alice", "general", "ping")
    assert api.server.messages[-1].text == "pong"


def test_retries_do_not_delay_other_calls(serve: Opener, bot: Bot, other_bot: Bot, waits: list[float]) -> None:
    """While a call waits for its retry, others are made; their waits pass together."""
    api = serve(retry_pace=1.0, version="6.14")
    order: list[str] = []

    def failing(name: str) -> Callable[[dict[str, Any]], tuple[int, str, str]]:
        def reply(call: dict[str, Any]) -> tuple[int, str, str]:
            order.append(name)
            return is_down(call)

        return reply

    bot.reply, other_bot.reply = failing("slow"), failing("fast")
    api.create_for(bot, retryFailedCalls=True, retryCount=1, retryDelay="powers-of-two")
    api.create_for(other_bot, retryFailedCalls=True, retryCount=2, retryDelay="powers-of-ten")
    api.server.say("alice", "general", "x")
    assert order == ["slow", "fast", "fast", "fast", "slow"]
    assert waits == pytest.approx([0.1, 1, 0.9])


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"retryDelay": "fibonacci"}, "failed-and-retry-delay-is-invalid"),
        ({"retryDelay": 5}, "failed-and-retry-delay-is-invalid"),
        ({"retryDelay": None}, "too-many-retries"),
        ({"retryCount": None}, "too-many-retries"),
        ({"retryCount": 0}, "too-many-retries"),
        ({"retryFailedCalls": False}, "failed-and-not-configured-to-retry"),
    ],
)
def test_calls_that_are_not_retried(api: Api, bot: Bot, changes: Any, step: str) -> None:
    """Unknown delays, and nulls, prevent retries."""
    bot.reply = is_down
    retries = {"retryFailedCalls": True, "retryCount": 4, "retryDelay": "powers-of-ten", **changes}
    api.server.insert({**OUTGOING, "channel": ["#general"], "urls": [bot.url], **retries})
    api.server.say("alice", "general", "x")
    assert len(bot.calls) == 1
    assert [record["step"] for record in api.server.history_documents] == [step]


def test_the_time_of_a_retried_room_event(old: Api, bot: Bot) -> None:
    """When a call about a room is retried, only its time differs."""
    bot.reply = is_down
    old.create_for(bot, event="roomJoined", retryFailedCalls=True, retryCount=1)
    old.server.join_room("bob", "general")
    first, second = bot.calls
    assert first.pop("timestamp") < second.pop("timestamp")
    assert first == second


@pytest.mark.parametrize("status", [410, 503])
@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_changes_during_a_call(api: Api, bot: Bot, how: str, status: int) -> None:
    """An integration that is disabled or removed during its call is not called again."""

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        changed = api.update(integration, enabled=False) if how == "disabled" else api.remove(integration)
        assert changed.status == 200
        return status, "text/plain", "down"

    bot.reply = reply
    integration = api.create_for(bot, retryFailedCalls=True)
    api.server.say("alice", "general", "x")
    assert len(bot.calls) == 1


def test_an_integration_that_is_enabled_during_a_call(api: Api, bot: Bot, other_bot: Bot) -> None:
    """It is called from the next event on."""

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        api.update(other, urls=[other_bot.url], enabled=True)
        return says("{}")

    bot.reply = reply
    api.create_for(bot)
    other = api.create_for(other_bot, enabled=False)
    api.server.say("alice", "general", "x")
    api.server.say("alice", "general", "y")
    assert other_bot.texts == ["y"]


def test_a_changed_token_is_used_from_the_next_event_on(api: Api, bot: Bot) -> None:
    """A retry sends the same body, and the history keeps the token of that time."""

    def reply(call: dict[str, Any]) -> tuple[int, str, str]:
        api.update(integration, urls=[bot.url], token="new", retryFailedCalls=True, retryCount=1)
        return is_down(call)

    bot.reply = reply
    integration = api.create_for(bot, retryFailedCalls=True, retryCount=1, token="old")
    api.server.say("alice", "general", "x")
    api.server.say("alice", "general", "y")
    assert [call["token"] for call in bot.calls] == ["old", "old", "new", "new"]
    assert [record["integration"]["token"] for record in api.history(integration)] == ["new", "new", "old", "old"]


# Calls without a reply


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a port that refuses connections."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def _error_of_call(api: Api, url: str) -> str:
    """Call a URL that does not reply, and return the error in the history. The call is not retried."""
    integration = api.create(OUTGOING, urls=[url], retryFailedCalls=True)
    api.server.say("alice", "general", "x")
    (record,) = api.history(integration)
    assert record["step"] == "after-http-call"
    assert not {"error", "finished"} & record.keys()
    assert record["httpResult"] == "null"
    assert record["httpError"]["name"] in ("FetchError", "TypeError")
    assert len(api.server.messages) == 1
    return str(record["httpError"]["message"])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        f"http://{'x' * 64}.example/",
    ],
)
def test_unusable_urls(api: Api, url: str) -> None:
    """One that cannot be called gives a failed call."""
    assert _error_of_call(api, url).startswith(f"request to {url} failed, reason: ")


@pytest.mark.parametrize("url", ["no address", "http://", "http://[::1/", "http://127.0.0.1:99999/"])
def test_texts_that_are_no_urls(api: Api, url: str) -> None:
    """Any text can be stored as a URL; the call fails (recorded, 8.x)."""
    assert _error_of_call(api, url) == f"Failed to parse URL from {url}"


def test_calls_without_a_reply_on_6(old: Api) -> None:
    """The history has an error and no result."""
    integration = old.create(OUTGOING, urls=["no address"])
    old.server.say("alice", "general", "x")
    (record,) = old.history(integration)
    assert record["httpError"] == {"message": "Failed to parse URL from no address"}
    assert "httpResult" not in record


@_ANYTHING
@given(st.text())
def test_any_text_is_a_url(api: Api, nowhere: str, text: str) -> None:
    """Also as the path of a bot that refuses connections."""
    for url in (f"/{text}", f"{nowhere}{text}"):
        api.server.reset()
        assert re.search("failed, reason: |Failed to parse", _error_of_call(api, url))


def test_broken_connections(api: Api, bot: Bot) -> None:
    """A bot that closes the connection, or does not speak TLS under https, is not called again."""
    bot.reply = lambda _: None
    assert "failed, reason: " in _error_of_call(api, bot.url)
    assert len(bot.calls) == 1
    api.server.reset()
    assert "failed, reason: " in _error_of_call(api, bot.url.replace("http:", "https:"))
    assert len(bot.calls) == 1


def test_redirects_are_not_followed(api: Api, bot: Bot, other_bot: Bot) -> None:
    """A redirect is a failed call."""
    bot.reply = lambda _: (307, f"text/plain\r\nLocation: {other_bot.url}", "there")
    integration = api.create_for(bot)
    api.server.say("alice", "general", "x")
    assert other_bot.calls == []
    assert api.history(integration)[0]["step"] == "failed-and-not-configured-to-retry"


class _Talker:
    """A listener that sends bytes after a request, and keeps the connection open or closes it."""

    def __init__(self, sent: bytes, *, closes: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/ä b?ö"
        self.request_line = b""
        self._sent, self._closes = sent, closes
        self._thread = threading.Thread(target=self._talk)

    def _talk(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            request = b""
            while not request.endswith(b"}"):
                request += connection.recv(2**16)
            self.request_line = request.partition(b"\r\n")[0]
            connection.sendall(self._sent)
            while not self._closes and connection.recv(2**16):
                pass

    def __enter__(self) -> _Talker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("sent", [b"", _HEAD, _HEAD + b"Content-Length: 5\r\n\r\n{"])
def test_late_replies(serve: Opener, sent: bytes) -> None:
    """A bot that has not replied completely in time is not called again."""
    api = serve(reply_timeout=0.05)
    with _Talker(sent) as bot:
        assert "timeout" in _error_of_call(api, bot.url)


def test_the_timeout_is_for_the_whole_reply(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that goes on sending bytes gets no more time."""
    times = iter([0.0, 1.0, 2.0, 30.0])
    monkeypatch.setattr(_bot_calls, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with _Talker(_HEAD + b"Content-Length: 5\r\n\r\n{") as bot:
        assert "timeout" in _error_of_call(api, bot.url)


def test_incomplete_replies(api: Api) -> None:
    """Half a reply counts as none."""
    with _Talker(_HEAD + b'Content-Length: 50\r\n\r\n{"text": "pong"}', closes=True) as bot:
        assert "failed, reason: " in _error_of_call(api, bot.url)


def test_very_long_replies(api: Api, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that is too long counts as none."""
    monkeypatch.setattr(_bot_calls, "_MAX_REPLY_BYTES", 10)
    bot.reply = lambda _: _PONG
    assert "longer than 10 bytes" in _error_of_call(api, bot.url)


def test_replies_over_10_megabytes(api: Api, bot: Bot) -> None:
    """Such a reply is none (read, 8.x)."""
    bot.reply = lambda _: says(json.dumps({"text": "x", "y": "y" * 10 * 2**20}))
    assert "longer than 10485760 bytes" in _error_of_call(api, bot.url)


def test_urls_are_quoted(api: Api) -> None:
    """What a URL must not contain is quoted, and white space around it dropped."""
    with _Talker(_HEAD + b"Content-Length: 2\r\n\r\n{}") as bot:
        api.create(OUTGOING, urls=[f" {bot.url} "])
        api.server.say("alice", "general", "x")
    assert bot.request_line == b"POST /%C3%A4%20b?%C3%B6 HTTP/1.1"
