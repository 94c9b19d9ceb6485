"""The strategies generate what is allowed, in great variety, and shrink to plain examples."""

from __future__ import annotations

import copy
import functools
import importlib
import json
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings, strategies as st

from rocketchat_integrations import (
    Attachment,
    AttachmentField,
    Client,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    differences,
)
from rocketchat_integrations._protocol.codec import _INCOMING, _OUTGOING, integration
from rocketchat_integrations._protocol.normalization import changed_fields
from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.models import EVERYWHERE, validate
from rocketchat_integrations.testing import LocalRocketChat, strategies
from rocketchat_integrations.testing._world._scripts import compile_script
from rocketchat_integrations.testing.strategies import (
    attachment_fields,
    attachments,
    incoming_integrations,
    incoming_records,
    integrations,
    messages,
    outgoing_integrations,
    outgoing_records,
    records,
    updates,
)

Strategy: TypeAlias = st.SearchStrategy[Any]
Condition: TypeAlias = Callable[[Any], object]

# A slow machine must not fail a test.
calm = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(calm, max_examples=40)
GENERATE = settings(calm, max_examples=5000, phases=[Phase.generate])


def test_public_names() -> None:
    assert strategies.__all__ == [
        "attachment_fields",
        "attachments",
        "incoming_integrations",
        "incoming_records",
        "integrations",
        "messages",
        "outgoing_integrations",
        "outgoing_records",
        "records",
        "updates",
    ]


def test_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, strategies.__name__)
    with pytest.raises(ImportError, match=r"pip install 'rocketchat-integrations\[hypothesis\]'"):
        importlib.import_module(strategies.__name__)


# Allowed


def known_to(version: str) -> Mapping[str, Strategy]:
    """Return strategies for the fields that name something on the server, or that its version lacks."""
    return {
        "channel": st.sampled_from(["#general", "#general, @alice", ["\t#GENERAL "]]),
        # 6.x ignores another user of an incoming integration.
        "username": st.sampled_from(["rocket.cat"] if version == "6.14" else ["rocket.cat", "cat"]),
    }


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=getattr(request, "param", "9.0")) as server:
        server.add_user("cat", ["message-impersonate"])
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    with Client(server.url, server.auth("admin")) as client:
        yield client


@pytest.mark.parametrize("server", ["9.0", "8.8", "6.14"], indirect=True)
def test_definitions_and_updates_work_on_a_server(client: Client) -> None:
    """Every definition can be created, every update applied, and both come back as they were asked for."""
    unchanged = ("name", "username", "enabled", "alias", "avatar", "emoji", "script")
    known = known_to(client.server_version())

    @many
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        wanted: IntegrationDefinition = data.draw(integrations(**known))
        record = client.get(client.create(wanted).id)
        assert differences(record, wanted) == ()
        assert [getattr(record, field) for field in unchanged] == [getattr(wanted, field) for field in unchanged]
        wanted = data.draw(updates(record, **known))
        assert differences(client.update(record.id, wanted), wanted) == ()

    holds()


@pytest.mark.parametrize("server", ["9.0", "6.14"], indirect=True)
def test_messages_work_on_a_server(server: LocalRocketChat, client: Client) -> None:
    hook = client.create(
        IncomingIntegration("ci", channel="#general", username="rocket.cat", override_destination_channel_enabled=True)
    )
    channels = st.sampled_from([None, "#general", "@alice", ("#random", "@alice")])

    with client.webhook(hook) as webhook:

        @many
        @given(messages(channel=channels))
        def holds(message: Message) -> None:
            webhook.post(message)
            posted = server.messages[-1]
            assert posted.text == trimmed(message.text or "")
            assert len(posted.attachments) == len(message.attachments)

        holds()


@many
@given(records().flatmap(lambda record: st.tuples(st.just(record), updates(record))))
def test_updates_obey_the_rules(pair: tuple[IntegrationRecord, Any]) -> None:
    """However odd a record is, what an update changes is valid, and no field that only a server sets."""
    record, wanted = pair
    validate(wanted, changed_fields(record, wanted))
    assert wanted.type is record.type
    if isinstance(wanted, type(record)):
        of_definition = {field.name for field in attrs.fields(type(record.definition))}
        of_record = {field.name for field in attrs.fields(type(record))} - of_definition
        assert [getattr(wanted, field) for field in of_record] == [getattr(record, field) for field in of_record]


def on_the_wire(record: IntegrationRecord) -> dict[str, Any]:
    """Return the document that a client reads as the record."""
    is_incoming = record.type is IntegrationType.INCOMING
    values = {key: getattr(record, field) for key, (field, _) in (_INCOMING if is_incoming else _OUTGOING).items()}
    for key in ("_createdBy", "_updatedBy"):
        user = values[key]
        values[key] = user and {"_id": user.id, "username": user.username}
    values["scriptError"] = values["scriptError"] and attrs.asdict(values["scriptError"])
    for key in ("_createdAt", "_updatedAt"):
        time = values[key]
        values[key] = time and time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
    return {**values, **record.extra, "_id": record.id, "type": record.type}


@many
@given(records())
def test_records_are_such_as_a_server_holds(record: IntegrationRecord) -> None:
    """They can be written as JSON and read again, and can be copied, pickled and hashed."""
    stored = json.dumps(on_the_wire(record), ensure_ascii=False).encode()
    for twin in (integration(json.loads(stored)), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert twin == record
        assert hash(twin) == hash(record)
    characters = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
    assert set(record.id) <= set({17: characters, 24: "0123456789abcdef"}[len(record.id)])


# Varied

HOOK = IncomingIntegrationRecord(
    "ci", channel="#general", username="rocket.cat", alias="Bot", script="class Script {}", id="1", token="t"
)
BOT = OutgoingIntegrationRecord(
    "bot",
    event="sendMessage",
    channel="#general",
    username="rocket.cat",
    urls="https://bot.example",
    trigger_words="!deploy",
    target_room="#general",
    retry_failed_calls=True,
    retry_count=2,
    retry_delay="powers-of-two",
    id="1",
)


def drawn(strategy: Strategy, number: int) -> list[Any]:
    """Return the first values, which are the same in each run."""
    values: list[Any] = []

    @seed(1)
    @settings(GENERATE, max_examples=number)
    @given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    return values


def is_blank(text: str) -> bool:
    return not trimmed(text)


def compiles(script: str | None) -> bool:
    return script is not None and "scriptCompiled" in compile_script(script)


def changes(record: Any, wanted: Any) -> tuple[str, ...]:
    """Return the changed fields; none for an unrelated definition."""
    return changed_fields(record, wanted) if isinstance(wanted, type(record)) else ()


def has(field: str, value: object) -> Condition:
    return lambda it: getattr(it, field) == value and type(getattr(it, field)) is type(value)


def listens_in(channel: str) -> Condition:
    return lambda it: channel in it.channel


def clears(field: str) -> Condition:
    return lambda wanted: field in changes(BOT, wanted) and not getattr(wanted, field)


def is_found(strategy: Strategy, condition: Condition) -> bool:
    """Return whether a value that meets the condition is among very many."""
    return bool(condition(find(strategy, lambda value: bool(condition(value)), settings=GENERATE, random=Random(1))))


OF_BOTH: dict[str, Condition] = {
    "an empty name": has("name", ""),
    "a name that is not ASCII": lambda it: not it.name.isascii(),
    "a very long name": lambda it: len(it.name) > 1000,
    "disabled": lambda it: not it.enabled,
    "an empty script": has("script", ""),
    "a blank script": lambda it: it.script and is_blank(it.script),
    **{f"{field}: {text!r}": has(field, text) for field in ("alias", "avatar", "emoji") for text in ("", " ", None)},
    "an alias": lambda it: it.alias,
    "a script that compiles": lambda it: it.script_enabled and compiles(it.script),
    "a script that does not": lambda it: it.script_enabled and it.script and not compiles(it.script),
    "a script that is not enabled": lambda it: not it.script_enabled and compiles(it.script),
    "no script, but enabled": lambda it: it.script_enabled and it.script is None,
    **{f"engine {engine}": has("script_engine", engine) for engine in ("isolated-vm", None)},
    **{f"skip_transpile {skip}": has("skip_transpile", skip) for skip in (None, False, True)},
    "several channels": lambda it: len(it.channel) > 1,
    "white space around a channel": lambda it: any(part != trimmed(part) and trimmed(part) for part in it.channel),
    "a user as channel": lambda it: any(part.startswith("@") for part in it.channel),
}
OF_INCOMING: dict[str, Condition] = {
    f"override {enabled}": has("override_destination_channel_enabled", enabled) for enabled in (True, False)
}
OF_OUTGOING: dict[str, Condition] = {
    **{f"event {event}": has("event", event) for event in EventType},
    **{f"channel {word}": listens_in(word) for word in EVERYWHERE},
    "no channel": has("channel", ()),
    "a blank channel beside another": lambda it: any(map(is_blank, it.channel)) and it.event.uses_channel,
    "an odd channel that is not used": lambda it: "general" in it.channel,
    "a blank URL": lambda it: any(map(is_blank, it.urls)),
    "trigger words": lambda it: it.event is EventType.SEND_MESSAGE and it.trigger_words,
    "a blank trigger word": lambda it: any(map(is_blank, it.trigger_words)),
    "no target room": has("target_room", None),
    "no token": has("token", None),
    "a token to be quoted": lambda it: it.token and set("/=%") <= set(it.token),
    "a token that is not ASCII": lambda it: it.token and not it.token.isascii(),
    "retries": lambda it: it.retry_failed_calls and it.retry_count and it.retry_delay,
    "retries with the server's defaults": lambda it: (
        it.retry_failed_calls and it.retry_count is None and it.retry_delay is None
    ),
    "the largest count": lambda it: it.retry_failed_calls and it.retry_count == 2**53 - 1,
    "a count of 0 without retries": lambda it: not it.retry_failed_calls and it.retry_count == 0,
}
OF_RECORDS: dict[str, Condition] = {
    "an old engine": has("script_engine", "vm2"),
    "a blank user": lambda it: is_blank(it.username),
    "a channel without a sign": lambda it: "general" in it.channel,
    "no channel": has("channel", ()),
    "an id of 17 characters": lambda it: len(it.id) == 17,
    "an id of 24 characters": lambda it: len(it.id) == 24,
    "no creator": lambda it: (it.created_by.id, it.created_by.username) == (None, None),
    "a creator": lambda it: it.created_by.id and it.created_by.username,
    "never updated": lambda it: it.updated_by is None and it.updated_at is None,
    "a time in UTC with milliseconds": lambda it: (
        it.created_at and it.created_at.tzinfo is UTC and it.created_at.microsecond % 10_000
    ),
    "a compiled script": lambda it: it.script_compiled,
    "a script error": lambda it: it.script_error and it.script_error.name,
    "unknown fields": lambda it: it.extra,
}
OF_OUTGOING_RECORDS: dict[str, Condition] = {
    "a known event": lambda it: isinstance(it.event, EventType),
    "an unknown event": has("event", "userLeft"),
    "no URLs": has("urls", ()),
    "an empty URL": lambda it: "" in it.urls,
    "a blank token": lambda it: it.token and is_blank(it.token),
    "an unknown delay": has("retry_delay", "fibonacci"),
    "retries without a count": lambda it: it.retry_failed_calls and it.retry_count is None,
    "a count that is too small": lambda it: it.retry_failed_calls and (it.retry_count or 1) < 1,
    "a count that is no integer": has("retry_count", 2.5),
}
OF_UPDATES_OF_A_HOOK: dict[str, Condition] = {
    "the record": lambda wanted: wanted is HOOK,
    "its definition": lambda wanted: wanted == HOOK.definition,
    "an unrelated definition": lambda wanted: type(wanted) is IncomingIntegration and wanted != HOOK.definition,
    "one changed field": lambda wanted: len(changes(HOOK, wanted)) == 1,
    "several changed fields": lambda wanted: len(changes(HOOK, wanted)) > 3,
    "another script": lambda wanted: "script" in changes(HOOK, wanted) and wanted.script,
}
OF_UPDATES_OF_A_BOT: dict[str, Condition] = {
    "another event with the same channel": lambda wanted: (
        "event" in changes(BOT, wanted) and "channel" not in changes(BOT, wanted)
    ),
    **{
        f"{field} cleared": clears(field) for field in ("trigger_words", "channel", "target_room", "retry_failed_calls")
    },
}
OF_MESSAGES: dict[str, Condition] = {
    "no text": has("text", None),
    "a blank text": lambda it: it.text and is_blank(it.text),
    "a long text": lambda it: it.text and len(it.text) > 1000,
    "no channel": has("channel", None),
    "a room": has("channel", "#general"),
    "a user": has("channel", "@alice"),
    "several channels": lambda it: not isinstance(it.channel, (str, type(None))) and it.channel[1:],
    "no attachment": has("attachments", ()),
    "several attachments": lambda it: len(it.attachments) > 1,
    "attachments with fields": lambda it: any(each.fields for each in it.attachments),
    "custom fields": lambda it: it.custom_fields,
    "more keys": lambda it: it.extra,
    "a thread": lambda it: it.tmid,
}
OF_ATTACHMENTS: dict[str, Condition] = {
    "a time in UTC": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo is UTC,
    "a time in another zone": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo not in (None, UTC),
    "a naive time": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo is None,
    "a time as text": lambda it: isinstance(it.ts, str),
    "buttons": lambda it: it.actions,
    "a link that is not ASCII": lambda it: it.title_link and not it.title_link.isascii(),
}


@pytest.mark.parametrize(
    ("strategy", "conditions"),
    [
        pytest.param(incoming_integrations(), {**OF_BOTH, **OF_INCOMING}, id="incoming_integrations"),
        pytest.param(outgoing_integrations(), {**OF_BOTH, **OF_OUTGOING}, id="outgoing_integrations"),
        pytest.param(incoming_records(), {**OF_RECORDS, **OF_INCOMING}, id="incoming_records"),
        pytest.param(outgoing_records(), {**OF_RECORDS, **OF_OUTGOING_RECORDS}, id="outgoing_records"),
        pytest.param(updates(HOOK), OF_UPDATES_OF_A_HOOK, id="updates of an incoming record"),
        pytest.param(updates(BOT), OF_UPDATES_OF_A_BOT, id="updates of an outgoing record"),
        pytest.param(messages(), OF_MESSAGES, id="messages"),
        pytest.param(attachments(), OF_ATTACHMENTS, id="attachments"),
        pytest.param(integrations(), {type: has("type", type) for type in IntegrationType}, id="integrations"),
        pytest.param(records(), {type: has("type", type) for type in IntegrationType}, id="records"),
    ],
)
def test_variety(strategy: Strategy, conditions: dict[str, Condition]) -> None:
    """Each of these is among the first values, or at least among very many."""
    values = drawn(strategy, 150)
    rare = [condition for condition in conditions.values() if not any(map(condition, values))]
    assert all(is_found(strategy, condition) for condition in rare)


def test_a_channel_that_goes_with_no_event() -> None:
    """Updates of such a record change other fields."""
    odd = attrs.evolve(BOT, event="userLeft", channel=(" ", ""), retry_count=-1)
    for wanted in drawn(updates(odd), 100):
        validate(wanted, changed_fields(odd, wanted))


# Plain

PLAIN = OutgoingIntegration("ci", event="sendMessage", username="rocket.cat", urls="https://bot.example/hook")


@pytest.mark.parametrize(
    ("strategy", "plain"),
    [
        (integrations(), IncomingIntegration("ci", channel="#general", username="rocket.cat")),
        (outgoing_integrations(), PLAIN),
        (messages(), Message("build passed")),
        (attachments(), Attachment()),
        (attachment_fields(), AttachmentField("Build", "passed")),
        (updates(BOT), BOT),
    ],
)
def test_the_simplest_example(strategy: Strategy, plain: object) -> None:
    assert drawn(strategy, 1) == [plain]


def bots(**fields: Strategy) -> Strategy:
    """Return a strategy for definitions that are plain in what depends on no other field, and so quickly drawn."""
    same = ("name", "username", "alias", "avatar", "emoji", "script", "urls", "trigger_words", "token")
    return outgoing_integrations(**{field: st.just(getattr(PLAIN, field)) for field in same}, **fields)


def test_examples_shrink() -> None:
    """An example that needs an event has plain values in all other fields."""
    of_users = has("event", EventType.USER_CREATED)
    shrunk = find(bots(), lambda it: bool(of_users(it)), settings=settings(calm, max_examples=500), random=Random(1))
    assert shrunk == attrs.evolve(PLAIN, event=EventType.USER_CREATED, target_room="#general")


# Given strategies


OTHER_FIELDS: list[tuple[Strategy, Condition]] = [
    (bots(event=st.just(EventType.USER_CREATED)), lambda it: not is_blank(it.target_room)),
    (bots(event=st.just("userCreated")), lambda it: not is_blank(it.target_room)),
    (bots(target_room=st.none()), lambda it: it.event is not EventType.USER_CREATED),
    (bots(channel=st.just(["general"])), lambda it: not it.event.uses_channel),
    (bots(retry_failed_calls=st.just(True)), lambda it: it.retry_count is None or it.retry_count >= 1),
    (bots(retry_count=st.just(0)), lambda it: not it.retry_failed_calls),
    (messages(text=st.none(), tmid=st.none()), lambda it: it.attachments),
    (messages(attachments=st.just(())), lambda it: not is_blank(it.text)),
    (updates(BOT, name=st.just("other")), lambda it: it.name in ("bot", "other")),
]


@pytest.mark.parametrize(("strategy", "condition"), OTHER_FIELDS)
def test_other_fields_go_with_given_ones(strategy: Strategy, condition: Condition) -> None:
    assert all(map(condition, drawn(strategy, 60)))


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (incoming_integrations, {"channel": st.just("@alice"), "name": st.just("own")}),
        (outgoing_integrations, {"event": st.just("roomLeft"), "name": st.just("own")}),
        (incoming_records, {"id": st.just("own"), "token": st.none()}),
        (outgoing_records, {"id": st.just("own"), "event": st.just("odd")}),
        (integrations, {"name": st.just("own"), "event": st.just("roomLeft")}),
        (records, {"name": st.just("own"), "event": st.just("roomLeft")}),
        (messages, {"text": st.just("own")}),
        (attachments, {"title": st.just("own")}),
        (attachment_fields, {"title": st.just("own"), "short": st.just(True)}),
    ],
)
def test_given_strategies_are_used(make: Callable[..., Strategy], fields: dict[str, Strategy]) -> None:
    """The values are those of the given strategies, in the types that have the field."""
    for value in drawn(make(**fields), 10):
        own = {name: drawn(strategy, 1)[0] for name, strategy in fields.items() if hasattr(value, name)}
        assert attrs.evolve(value, **own) == value


@pytest.mark.parametrize(
    ("make", "name", "field"),
    [
        (incoming_integrations, "event", "name"),
        (outgoing_integrations, "override_destination_channel_enabled", "event"),
        (integrations, "id", "event"),
        (incoming_records, "event", "id"),
        (outgoing_records, "colour", "event"),
        (records, "colour", "override_destination_channel_enabled"),
        (functools.partial(updates, HOOK), "token", "name"),
        (functools.partial(updates, BOT), "id", "event"),
        (messages, "colour", "text"),
        (attachments, "colour", "title"),
        (attachment_fields, "colour", "value"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make: Callable[..., Strategy], name: str, field: str) -> None:
    """An unknown field is refused with the known ones, and a value that is not a strategy with its type."""
    with pytest.raises(TypeError, match=rf"^\w+\(\) has no field '{name}': the fields are (\w+, )*{field}\b"):
        make(**{name: st.just("red")})
    with pytest.raises(TypeError, match=rf"^{field}: \w+\(\) wants a strategy, such as st.just\(...\), not str$"):
        make(**{field: "ci"})


@pytest.mark.parametrize(
    ("strategy", "field"),
    [
        (outgoing_integrations(event=st.just("userCreated"), target_room=st.none()), "target_room"),
        (outgoing_integrations(channel=st.just([" "])), "channel"),
        (incoming_integrations(channel=st.just("general")), "channel"),
    ],
)
def test_values_that_a_definition_refuses(strategy: Strategy, field: str) -> None:
    """They raise the definition's error when they are drawn."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        drawn(strategy, 1)
