"""What bots reply, how calls fail, and when they are made again."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rocketchat_integrations.testing._delivery import _bot_calls as _calls, _chains as _deliveries
from tests.testing.conftest import Bot, Employ, says

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener

_PONG = says('{"text": "pong"}')


def test_looks_of_a_reply(both: Api, bot: Bot) -> None:
    """A reply is posted as the integration's user, with its looks, and marked as the integration's."""
    bot.reply = lambda call: says('{"text": " pong ", "tmid": "thread"}' if call["text"] == "ping" else "{}")
    integration = Employ(both)(bot, username="bob", alias="Deployer", emoji=":ship:", triggerWords=["ping"])
    both.server.say("alice", "general", "ping")
    reply = both.server.messages[1]
    assert (reply.room, reply.user, reply.text) == ("general", "bob", "pong")
    assert (reply.alias, reply.avatar, reply.emoji) == ("Deployer", None, ":ship:")
    assert reply.document["bot"] == {"i": integration["_id"]}
    assert reply.document["tmid"] == "thread"


@pytest.mark.parametrize(
    ("target", "channel", "room"),
    [
        (None, None, "general"),
        ("", "", "general"),
        ("#random", None, "random"),
        ("@bob", None, "@bob"),
        ("#random", "#ops", "ops"),
        (None, "ops", "ops"),
        (None, "@alice", "@alice"),
        (None, "#nowhere", "general"),
        ("#random", "@nobody", "general"),
    ],
)
def test_room_of_a_reply(both: Api, bot: Bot, target: str | None, channel: str | None, room: str) -> None:
    """A reply goes to its channel, else to the target room, else to where it all began, as to unknown channels."""
    bot.reply = lambda _: says(json.dumps({"text": "pong", "channel": channel}))
    Employ(both)(bot, targetRoom=target, triggerWords=["ping"])
    both.server.say("alice", "general", "ping")
    assert [message.room for message in both.server.messages] == ["general", room]


def test_replies_in_direct_rooms(both: Api, bot: Bot) -> None:
    """A reply to a direct message stays between the two, also if a third one posts it."""
    bot.reply = lambda call: says("{}") if call["bot"] else _PONG
    integration = Employ(both)(bot, channel="@rocket.cat,@bob")
    both.server.say("alice", "@rocket.cat", "ping")
    both.server.say("alice", "@bob", "ping")
    rooms = [(message.user, message.room) for message in both.server.messages]
    assert rooms == [
        ("alice", "@rocket.cat"),
        ("rocket.cat", "@alice"),
        ("alice", "@bob"),
        ("rocket.cat", "@alice,@bob"),
    ]
    assert [call["channel_id"] for call in bot.calls[:1]] == [both.server.messages[1].document["rid"]]
    sent = Employ(both).history(integration)[-1]["resultMessage"][0]
    assert sent["channel"] == f"@{sent['message']['rid']}"


def test_replies_where_there_is_no_room(old: Api, bot: Bot) -> None:
    """A reply about a new user goes to the target room."""
    bot.reply = lambda call: says(json.dumps({"text": f"welcome, {call['user_name']}"}))
    Employ(old)(bot, event="userCreated", targetRoom="#general")
    old.server.register_user("carol")
    assert [(message.room, message.text) for message in old.server.messages] == [("general", "welcome, carol")]


def test_replies_of_nobody(both: Api, bot: Bot) -> None:
    """Where the integration's user is unknown, nothing is posted, and the call counts as finished."""
    bot.reply = lambda _: _PONG
    stored = both.server.insert(
        {"type": "webhook-outgoing", "event": "sendMessage", "enabled": True, "urls": [bot.url], "username": "carol"}
    )
    both.server.say("alice", "general", "ping")
    assert len(both.server.messages) == 1
    (record,) = both.server.history_documents
    assert (record["integration"]["_id"], record["step"], record["finished"]) == (
        stored,
        "url-response-sent-message",
        True,
    )
    assert "resultMessage" not in record


def test_replies_as_the_user_who_said_it(both: Api, bot: Bot) -> None:
    """With impersonateUser, a reply is posted as the author of the message."""
    bot.reply = lambda _: _PONG
    Employ(both)(bot, impersonateUser=True, triggerWords=["ping"])
    both.server.say("alice", "general", "ping")
    assert [message.user for message in both.server.messages] == ["alice", "alice"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"text": "x", "channel": "#secret"}, "not in the private group"),
        ({"text": "x", "channel": 5}, "channel must be text"),
        ({"text": 5}, "text must be text"),
    ],
)
def test_replies_that_cannot_be_posted(both: Api, bot: Bot, body: dict[str, Any], reason: str) -> None:
    """A reply for a private group of others, or with odd values, is not posted, and history says why."""
    bot.reply = lambda _: says(json.dumps(body))
    integration = Employ(both)(bot)
    both.server.say("alice", "general", "x")
    assert len(both.server.messages) == 1
    (record,) = Employ(both).history(integration)
    assert reason in record["httpError"]["message"]
    assert record["step"] == "after-http-call"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "application/json;"])
def test_content_types_that_count(both: Api, bot: Bot, content_type: str) -> None:
    """JSON says what it is, with parameters or without."""
    bot.reply = lambda _: (202, content_type, '{"text": "pong"}')
    Employ(both)(bot, triggerWords=["ping"])
    both.server.say("alice", "general", "ping")
    assert len(both.server.messages) == 2


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/jsonp", '{"text": "pong"}'),
        ("application/vnd.x+json", '{"text": "pong"}'),
        ("application/json", '["text"]'),
        ("application/json", '{"text": NaN}'),
        ("application/json", '{"text": ""}'),
        ("application/json", "[" * 100_000),
        ("application/json", b"\xff"),
    ],
)
def test_replies_that_say_nothing(both: Api, bot: Bot, content_type: str, body: bytes | str) -> None:
    """What is no JSON object with a text or attachments is fine, and posts nothing."""
    bot.reply = lambda _: (200, content_type, body)
    integration = Employ(both)(bot, retryFailedCalls=True)
    both.server.say("alice", "general", "ping")
    assert len(both.server.messages) == len(bot.calls) == 1
    (record,) = Employ(both).history(integration)
    assert record["step"] == "after-http-call"
    assert "error" not in record


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["text", "msg", "attachments", "channel", "alias", "avatar", "icon_url", "emoji", "tmid", "customFields", "x"]
_MESSAGES = st.dictionaries(st.sampled_from(_NAMES), _JSON).map(json.dumps)
_ANYTHING = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_ANYTHING
@given(
    status=st.sampled_from([200, 201, 202, 203, 400, 410, 500, 503]),
    body=_MESSAGES | _JSON.map(json.dumps) | st.binary(max_size=50),
)
def test_any_reply_is_dealt_with(api: Api, bot: Bot, status: int, body: bytes | str) -> None:
    """Whatever a bot replies, the server takes it, and has a record of it that can be read."""
    api.server.reset()
    bot.reply = lambda call: says("{}") if call["bot"] else (status, "application/json", body)
    integration = Employ(api)(bot)
    api.server.say("alice", "general", "x")
    record = Employ(api).history(integration)[-1]
    text = body if isinstance(body, str) else body.decode(errors="replace")
    assert json.loads(record["httpResult"]) == text


@_ANYTHING
@given(st.text())
def test_any_text_is_a_url(api: Api, nowhere: str, text: str) -> None:
    """Whatever stands in a URL, calling it is a call that failed."""
    api.server.reset()
    _no_reply(api, f"/{text}")
    api.server.reset()
    _no_reply(api, f"{nowhere}{text}")


def test_an_empty_list_of_attachments_is_an_empty_message(both: Api, bot: Bot) -> None:
    """A reply with no attachments in a list posts an empty message."""
    bot.reply = lambda call: says("{}" if call["bot"] else '{"attachments": []}')
    Employ(both)(bot)
    both.server.say("alice", "general", "ping")
    assert [message.text for message in both.server.messages] == ["ping", ""]


def test_gone_is_gone_for_all_urls(both: Api, bot: Bot, other_bot: Bot) -> None:
    """A 410 switches the integration off: its other URLs are not called, not even again."""
    bot.reply = lambda _: (410, "text/plain", "gone")
    other_bot.reply = lambda _: (503, "text/plain", "down")
    integration = Employ(both)(bot, urls=[other_bot.url, bot.url, other_bot.url], retryFailedCalls=True)
    both.server.say("alice", "general", "x")
    both.server.say("alice", "general", "y")
    assert (len(bot.calls), len(other_bot.calls)) == (1, 1)
    stored = both.stored(integration)
    assert stored["enabled"] is False
    assert stored["_updatedAt"] > integration["_createdAt"]


def test_gone_twice(both: Api, bot: Bot) -> None:
    """A 410 of an integration that was removed meanwhile is no harm."""

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        both("POST", "integrations.remove", {"type": "webhook-outgoing", "integrationId": integration["_id"]})
        return 410, "text/plain", "gone"

    bot.reply = reply
    integration = Employ(both)(bot)
    both.server.say("alice", "general", "x")
    assert both.server.documents == ()


# Calls that are made again


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries; nobody waits."""
    waits: list[float] = []

    def pause(_: threading.Event, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(_deliveries, "pause", pause)
    return waits


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        ("powers-of-ten", [0.1, 1, 10, 100, 1000]),
        ("powers-of-two", [2, 4, 8, 16, 32]),
        ("increments-of-two", [2, 4, 6, 8, 10]),
    ],
)
def test_schedules(serve: Opener, bot: Bot, waits: list[float], delay: str, expected: list[float]) -> None:
    """At the pace of the real server, calls are tried again after its waits, and as often as is asked for."""
    api = serve(retry_pace=1.0)
    bot.reply = lambda _: (503, "text/plain", "down")
    integration = Employ(api)(bot, retryFailedCalls=True, retryCount=5, retryDelay=delay)
    api.server.say("alice", "general", "x")
    assert waits == pytest.approx(expected)
    assert bot.calls == [bot.calls[0]] * 6
    steps = [record["step"] for record in Employ(api).history(integration)]
    assert steps == ["too-many-retries", *(f"going-to-retry-{number}" for number in (5, 4, 3, 2, 1))]


def test_pace(serve: Opener, bot: Bot, waits: list[float]) -> None:
    """The waits can be shortened, and are left out unless they are asked for."""
    bot.reply = lambda _: (503, "text/plain", "down")
    for pace, expected in (({"retry_pace": 0.01}, [0.001, 0.01]), ({}, [])):
        api = serve(**pace)
        Employ(api)(bot, retryFailedCalls=True, retryCount=2)
        waits.clear()
        bot.calls.clear()
        api.server.say("alice", "general", "x")
        assert len(bot.calls) == 3
        assert waits == pytest.approx(expected)


def test_a_wait_really_passes(serve: Opener, bot: Bot) -> None:
    """A pace above zero waits, and then goes on."""
    api = serve(retry_pace=0.001)
    bot.reply = lambda _: _PONG if len(bot.calls) > 1 else (503, "text/plain", "down")
    Employ(api)(bot, retryFailedCalls=True, triggerWords=["ping"])
    api.server.say("alice", "general", "ping")
    assert api.server.messages[-1].text == "pong"


def test_tries_do_not_hold_up_other_calls(serve: Opener, bot: Bot, other_bot: Bot, waits: list[float]) -> None:
    """While a call waits for its next try, others are made; their waits pass together."""
    api = serve(retry_pace=1.0)
    order: list[str] = []

    def failing(name: str) -> Callable[[dict[str, Any]], tuple[int, str, str]]:
        def reply(_: dict[str, Any]) -> tuple[int, str, str]:
            order.append(name)
            return 503, "text/plain", "down"

        return reply

    bot.reply, other_bot.reply = failing("slow"), failing("fast")
    Employ(api)(bot, retryFailedCalls=True, retryCount=1, retryDelay="powers-of-two")
    Employ(api)(other_bot, retryFailedCalls=True, retryCount=2, retryDelay="powers-of-ten")
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
def test_what_ends_the_tries(both: Api, bot: Bot, outgoing: dict[str, Any], changes: Any, step: str) -> None:
    """Unknown delays, and nulls, mean that a call is not made again."""
    bot.reply = lambda _: (503, "text/plain", "down")
    retries = {"retryFailedCalls": True, "retryCount": 4, "retryDelay": "powers-of-ten", **changes}
    both.server.insert({**outgoing, "_id": "i", "channel": ["#general"], "urls": [bot.url], **retries})
    both.server.say("alice", "general", "x")
    assert len(bot.calls) == 1
    assert [record["step"] for record in both.server.history_documents] == [step]


def test_a_room_event_is_dated_anew(old: Api, bot: Bot) -> None:
    """When a call about a room is made again, only its time differs."""
    bot.reply = lambda _: (503, "text/plain", "down")
    Employ(old)(bot, event="roomJoined", retryFailedCalls=True, retryCount=1)
    old.server.join_room("bob", "general")
    first, second = bot.calls
    assert first.pop("timestamp") < second.pop("timestamp")
    assert first == second


@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_what_is_switched_off_is_not_called_again(both: Api, bot: Bot, how: str) -> None:
    """An integration that is disabled or removed between two tries is left alone."""

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        if how == "disabled":
            assert both.update(integration, enabled=False).status == 200
        else:
            both("POST", "integrations.remove", {"type": "webhook-outgoing", "integrationId": integration["_id"]})
        return 503, "text/plain", "down"

    bot.reply = reply
    integration = Employ(both)(bot, retryFailedCalls=True)
    both.server.say("alice", "general", "x")
    assert len(bot.calls) == 1


def test_a_changed_token_is_used_from_the_next_event_on(both: Api, bot: Bot) -> None:
    """What is tried again is what was sent before; history keeps the token of that time."""

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        both.update(integration, urls=[bot.url], token="new")
        return 503, "text/plain", "down"

    bot.reply = reply
    integration = Employ(both)(bot, retryFailedCalls=True, retryCount=1, token="old")
    both.server.say("alice", "general", "x")
    both.server.say("alice", "general", "y")
    assert [call["token"] for call in bot.calls] == ["old", "old", "new", "new"]
    records = Employ(both).history(integration)
    assert [record["integration"]["token"] for record in records] == ["new", "new", "old", "old"]


# No reply


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The address of a port that refuses connections."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def _no_reply(api: Api, url: str) -> str:
    """Call a URL that does not reply, and return what history says of it."""
    employ = Employ(api)
    integration = api.create(event="sendMessage", type="webhook-outgoing", urls=[url], retryFailedCalls=True)
    api.server.say("alice", "general", "x")
    (record,) = employ.history(integration)
    assert record["step"] == "after-http-call"
    assert not {"httpResult", "error", "finished"} & record.keys()
    assert len(api.server.messages) == 1
    return str(record["httpError"]["message"])


def test_refused_connections(both: Api, nowhere: str) -> None:
    """A bot that is not there is not called again."""
    assert "refused" in _no_reply(both, nowhere)


@pytest.mark.parametrize(
    "url",
    [
        "no address",
        "ftp://127.0.0.1/",
        "http://",
        "http://[::1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        f"http://{'x' * 64}.example/",
        "//127.0.0.1/",
    ],
)
def test_unreadable_urls(both: Api, url: str) -> None:
    """Any text can be a URL; what leads nowhere is a failed call."""
    assert "failed, reason: " in _no_reply(both, url)


def test_broken_connections(both: Api, bot: Bot) -> None:
    """A bot that breaks off is not called again."""
    bot.reply = lambda _: None
    assert "without response" in _no_reply(both, bot.url)
    assert len(bot.calls) == 1


def test_tls_without_tls(both: Api, bot: Bot) -> None:
    """A bot that does not speak TLS under https fails like one that is not there."""
    assert "SSL" in _no_reply(both, bot.url.replace("http:", "https:"))
    assert bot.calls == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(both: Api, bot: Bot, other_bot: Bot, status: int) -> None:
    """A redirect is a failed call."""
    bot.reply = lambda _: (status, f"text/plain\r\nLocation: {other_bot.url}", "there")
    integration = Employ(both)(bot)
    both.server.say("alice", "general", "x")
    assert other_bot.calls == []
    assert Employ(both).history(integration)[0]["step"] == "failed-and-not-configured-to-retry"


class _Talker:
    """A listener that sends bytes, and keeps the connection open."""

    def __init__(self, *parts: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/ä b?ö"
        self.head = b""
        self._parts = parts
        self._thread = threading.Thread(target=self._talk)

    def _talk(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as stream:
            self.head = stream.readline()
            for part in self._parts:
                connection.sendall(part)
            while stream.read(2**16):
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
    """A bot that has not replied to the end in time is not called again."""
    api = serve(reply_timeout=0.05)
    with _Talker(sent) as bot:
        assert "timeout" in _no_reply(api, bot.url)


def test_time_runs_out_for_the_whole_reply(serve: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that goes on sending bytes gets no more time for that."""
    api = serve()
    times = iter([0.0, 1.0, 2.0, 30.0])
    monkeypatch.setattr(_calls, "time", SimpleNamespace(monotonic=lambda: next(times)))
    with _Talker(_HEAD + b"Content-Length: 5\r\n\r\n{") as bot:
        assert "timeout" in _no_reply(api, bot.url)


def test_a_reply_that_breaks_off(both: Api) -> None:
    """Half a reply is none."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def break_off() -> None:
            connection, _ = listener.accept()
            with connection:
                while not connection.recv(2**16).endswith(b"}"):
                    pass
                connection.sendall(_HEAD + b'Content-Length: 50\r\n\r\n{"text": "pong"}')

        thread = threading.Thread(target=break_off)
        thread.start()
        assert "IncompleteRead" in _no_reply(both, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()


def test_replies_without_end(both: Api, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that is too long is not read to its end."""
    monkeypatch.setattr(_calls, "_MAX_REPLY_BYTES", 10)
    bot.reply = lambda _: says('{"text": "pong"}')
    assert "longer than 10 bytes" in _no_reply(both, bot.url)


def test_urls_are_quoted(both: Api) -> None:
    """What a URL must not contain is quoted on the way."""
    with _Talker(_HEAD + b"Content-Length: 2\r\n\r\n{}") as bot:
        both.create(type="webhook-outgoing", event="sendMessage", urls=[f" {bot.url} "])
        both.server.say("alice", "general", "x")
    assert bot.head == b"POST /%C3%A4%20b?%C3%B6 HTTP/1.1\r\n"
