"""What the strategies generate is allowed, varied, and plain once it has been shrunk."""

from __future__ import annotations

import copy
import functools
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
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
from rocketchat_integrations.models import EVERYWHERE, trimmed, validate
from rocketchat_integrations.testing import LocalRocketChat, strategies
from rocketchat_integrations.testing._scripts import compile_script
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

# A busy machine is no failure.
calm = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
fifty = settings(calm, max_examples=50)


def test_these_strategies_are_public() -> None:
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


# Allowed: against a server, with what it knows in place of what the strategies would make up.

KNOWN: dict[str, dict[str, Strategy]] = {
    "8.8": {
        "channel": st.sampled_from(["#general", "#general, @alice", ["\t#GENERAL "]]),
        "username": st.sampled_from(["rocket.cat", "alice"]),
    },
    "6.14": {
        "channel": st.sampled_from(["#general", "#general, @alice", ["\t#GENERAL "]]),
        "username": st.just("rocket.cat"),  # which an incoming integration keeps, whatever is asked
        "skip_transpile": st.sampled_from([None, False]),
    },
}
each_version = pytest.mark.parametrize("version", list(KNOWN))


@pytest.fixture
def server(version: str) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=version) as server:
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    with Client(server.url, server.auth("admin")) as client:
        yield client


@each_version
def test_every_definition_can_be_created_and_comes_back_as_asked(client: Client, version: str) -> None:
    as_sent = ("name", "username", "enabled", "alias", "avatar", "emoji", "script")

    @fifty
    @given(integrations(**KNOWN[version]))
    def holds(wanted: IntegrationDefinition) -> None:
        record = client.get(client.create(wanted).id)
        assert differences(record, wanted) == ()
        assert [getattr(record, field) for field in as_sent] == [getattr(wanted, field) for field in as_sent]

    holds()


@each_version
def test_every_update_is_taken_and_does_what_is_asked(client: Client, version: str) -> None:
    @fifty
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        record = client.create(data.draw(integrations(**KNOWN[version])))
        wanted = data.draw(updates(record, **KNOWN[version]))
        assert differences(client.update(record.id, wanted), wanted) == ()

    holds()


@each_version
def test_every_message_is_taken_and_arrives(server: LocalRocketChat, client: Client, version: str) -> None:
    hook = client.create(
        IncomingIntegration("ci", channel="#general", username="rocket.cat", override_destination_channel_enabled=True)
    )
    channels = st.sampled_from([None, "#general", "@alice", ("#random", "@alice")])

    with client.webhook(hook) as webhook:

        @fifty
        @given(messages(channel=channels))
        def holds(message: Message) -> None:
            webhook.post(message)
            posted = server.messages[-1]
            assert posted.text == trimmed(message.text or "")
            assert len(posted.attachments) == len(message.attachments)

        holds()


# Allowed, however odd a record is.


@fifty
@given(records().flatmap(lambda record: st.tuples(st.just(record), updates(record))))
def test_whatever_an_update_changes_obeys_the_rules(pair: tuple[IntegrationRecord, Any]) -> None:
    record, wanted = pair
    validate(wanted, changed_fields(record, wanted))


@fifty
@given(records().flatmap(lambda record: st.tuples(st.just(record), updates(record))))
def test_an_update_asks_for_nothing_but_fields_of_definitions(pair: tuple[IntegrationRecord, Any]) -> None:
    record, wanted = pair
    assert wanted.type is record.type
    if isinstance(wanted, type(record)):
        of_definition = {field.name for field in attrs.fields(type(record.definition))}
        of_record = {field.name for field in attrs.fields(type(record))} - of_definition
        assert [getattr(wanted, field) for field in of_record] == [getattr(record, field) for field in of_record]


# Records


@fifty
@given(records())
def test_records_survive_copying_and_pickling(record: IntegrationRecord) -> None:
    for twin in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record)), attrs.evolve(record)):
        assert twin == record
        assert hash(twin) == hash(record)


def on_the_wire(record: IntegrationRecord) -> dict[str, Any]:
    """The document of which the record is what the client reads."""
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


@fifty
@given(records())
def test_every_record_is_one_that_a_server_can_hold(record: IntegrationRecord) -> None:
    stored = json.dumps(on_the_wire(record), ensure_ascii=False).encode()
    assert integration(json.loads(stored)) == record


@fifty
@given(records())
def test_ids_look_like_the_servers(record: IntegrationRecord) -> None:
    unmistakable = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
    allowed = {17: unmistakable, 24: "0123456789abcdef"}[len(record.id)]
    assert set(record.id) <= set(allowed)


# Varied.

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


def updates_of_a_hook() -> Strategy:
    return updates(HOOK)


def updates_of_a_bot() -> Strategy:
    return updates(BOT)


GENERATE = settings(calm, max_examples=5000, phases=[Phase.generate])


def drawn(strategy: Strategy, number: int) -> list[Any]:
    """The values that come first: the same each time."""
    values: list[Any] = []

    @seed(1)
    @settings(GENERATE, max_examples=number)
    @given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    return values


@functools.cache
def seen(make: Callable[[], Strategy]) -> list[Any]:
    return drawn(make(), 150)


def some(make: Callable[[], Strategy], condition: Condition) -> Any:
    """A value that meets a condition: among the first, or else among very many."""
    early = filter(condition, seen(make))
    return next(early, None) or find(make(), lambda value: bool(condition(value)), settings=GENERATE, random=Random(1))


def is_blank(text: str) -> bool:
    return not trimmed(text)


def compiles(script: str | None) -> bool:
    return script is not None and "scriptCompiled" in compile_script(script)


def changes(record: Any, wanted: Any) -> tuple[str, ...]:
    """The fields in which what is wanted is another than the record; none if it is a definition of its own."""
    return changed_fields(record, wanted) if isinstance(wanted, type(record)) else ()


def is_for(event: EventType) -> Condition:
    return lambda it: it.event is event


def listens_in(channel: str) -> Condition:
    return lambda it: channel in it.channel


OF_BOTH: dict[str, Condition] = {
    "an empty name": lambda it: it.name == "",
    "a blank name": lambda it: it.name and is_blank(it.name),
    "a name that is not ASCII": lambda it: not it.name.isascii(),
    "a very long name": lambda it: len(it.name) > 1000,
    "a user whose name is not ASCII": lambda it: not it.username.isascii(),
    "disabled": lambda it: not it.enabled,
    "no alias": lambda it: it.alias is None,
    "an empty alias": lambda it: it.alias == "",
    "an alias": lambda it: it.alias,
    "an empty avatar": lambda it: it.avatar == "",
    "an avatar": lambda it: it.avatar,
    "an empty emoji": lambda it: it.emoji == "",
    "an emoji": lambda it: it.emoji,
    "a script that compiles": lambda it: it.script_enabled and compiles(it.script),
    "a script that does not": lambda it: (
        it.script_enabled and not is_blank(it.script or "") and not compiles(it.script)
    ),
    "a script that is not enabled": lambda it: not it.script_enabled and compiles(it.script),
    "an enabled script that is none": lambda it: it.script_enabled and it.script is None,
    "an empty script": lambda it: it.script == "",
    "a blank script": lambda it: it.script and is_blank(it.script),
    "an engine": lambda it: it.script_engine == "isolated-vm",
    "no engine": lambda it: it.script_engine is None,
    "skip_transpile": lambda it: it.skip_transpile is True,
    "skip_transpile told not to": lambda it: it.skip_transpile is False,
    "skip_transpile not told": lambda it: it.skip_transpile is None,
    "several channels": lambda it: len(it.channel) > 1,
    "blanks around a channel": lambda it: any(part != trimmed(part) and trimmed(part) for part in it.channel),
    "a channel by id": lambda it: "#GENERAL" in it.channel,
    "a user as channel": lambda it: any(part.startswith("@") for part in it.channel),
}
OF_INCOMING: dict[str, Condition] = {
    "override": lambda it: it.override_destination_channel_enabled,
    "no override": lambda it: not it.override_destination_channel_enabled,
}
OF_OUTGOING: dict[str, Condition] = {
    **{f"the event {event}": is_for(event) for event in EventType},
    **{f"the channel {word}": listens_in(word) for word in EVERYWHERE},
    "no channel": lambda it: it.channel == (),
    "a blank channel beside another": lambda it: any(map(is_blank, it.channel)) and it.event.uses_channel,
    "an odd channel that is not used": lambda it: "general" in it.channel,
    "a blank URL": lambda it: any(map(is_blank, it.urls)),
    "a URL that is not ASCII": lambda it: not "".join(it.urls).isascii(),
    "trigger words": lambda it: it.event is EventType.SEND_MESSAGE and it.trigger_words,
    "a blank trigger word": lambda it: any(map(is_blank, it.trigger_words)),
    "no target room": lambda it: it.target_room is None,
    "an empty target room": lambda it: it.target_room == "",
    "no token": lambda it: it.token is None,
    "a long token": lambda it: it.token and len(it.token) > 100,
    "a short token": lambda it: it.token and len(it.token) == 1,
    "a token to be quoted": lambda it: it.token and set("/=%") <= set(it.token),
    "a token that is not ASCII": lambda it: it.token and not it.token.isascii(),
    "retries as often as the server likes": lambda it: it.retry_failed_calls and it.retry_count is None,
    "retries": lambda it: it.retry_failed_calls and it.retry_count and it.retry_delay,
    "very many retries": lambda it: it.retry_failed_calls and it.retry_count == 2**53 - 1,
    "a delay as the server likes": lambda it: it.retry_failed_calls and it.retry_delay is None,
    "no retries, and a count of 0": lambda it: not it.retry_failed_calls and it.retry_count == 0,
}
OF_RECORDS: dict[str, Condition] = {
    "an engine of old": lambda it: it.script_engine == "vm2",
    "a blank user": lambda it: is_blank(it.username),
    "a channel without a sign": lambda it: "general" in it.channel,
    "no channel": lambda it: it.channel == (),
    "an id of 17 letters": lambda it: len(it.id) == 17,
    "an id of 24 letters": lambda it: len(it.id) == 24,
    "nobody who created it": lambda it: (it.created_by.id, it.created_by.username) == (None, None),
    "somebody who created it": lambda it: it.created_by.id and it.created_by.username,
    "nobody who updated it": lambda it: it.updated_by is None,
    "a time in UTC with milliseconds": lambda it: (
        it.created_at and it.created_at.tzinfo is timezone.utc and it.created_at.microsecond % 10_000
    ),
    "no time": lambda it: it.updated_at is None,
    "a compiled script": lambda it: it.script_compiled,
    "a script error": lambda it: it.script_error and it.script_error.name,
    "unknown fields": lambda it: it.extra,
}
OF_OUTGOING_RECORDS: dict[str, Condition] = {
    "a known event": lambda it: isinstance(it.event, EventType),
    "an unknown event": lambda it: it.event == "userLeft",
    "no target room": lambda it: it.target_room is None,
    "no URLs": lambda it: it.urls == (),
    "an empty URL": lambda it: "" in it.urls,
    "a blank token": lambda it: it.token and is_blank(it.token),
    "an unknown delay": lambda it: it.retry_delay == "fibonacci",
    "retries that have stopped": lambda it: it.retry_failed_calls and it.retry_count is None,
    "a count that is too small": lambda it: it.retry_failed_calls and it.retry_count is not None and it.retry_count < 1,
    "half a retry": lambda it: it.retry_count == 2.5,
}
OF_UPDATES_OF_A_HOOK: dict[str, Condition] = {
    "nothing": lambda wanted: wanted is HOOK,
    "its own definition": lambda wanted: wanted == HOOK.definition,
    "another definition": lambda wanted: type(wanted) is IncomingIntegration and wanted != HOOK.definition,
    "one field": lambda wanted: len(changes(HOOK, wanted)) == 1,
    "several fields": lambda wanted: len(changes(HOOK, wanted)) > 3,
    "the alias cleared": lambda wanted: wanted.alias is None,
    "the script cleared": lambda wanted: wanted.script is None,
    "another script": lambda wanted: "script" in changes(HOOK, wanted) and wanted.script,
}
OF_UPDATES_OF_A_BOT: dict[str, Condition] = {
    "nothing": lambda wanted: wanted is BOT,
    "another event, but no other channel": lambda wanted: (
        "event" in changes(BOT, wanted) and "channel" not in changes(BOT, wanted)
    ),
    "trigger words cleared": lambda wanted: "trigger_words" in changes(BOT, wanted) and not wanted.trigger_words,
    "the channel cleared": lambda wanted: "channel" in changes(BOT, wanted) and not wanted.channel,
    "the target room cleared": lambda wanted: "target_room" in changes(BOT, wanted) and not wanted.target_room,
    "the count cleared": lambda wanted: wanted.retry_failed_calls and wanted.retry_count is None,
    "retries turned off": lambda wanted: "retry_failed_calls" in changes(BOT, wanted),
}
OF_MESSAGES: dict[str, Condition] = {
    "no text": lambda it: it.text is None,
    "a blank text": lambda it: it.text and is_blank(it.text),
    "a long text": lambda it: it.text and len(it.text) > 5000,
    "no channel": lambda it: it.channel is None,
    "a room": lambda it: it.channel == "#general",
    "a user": lambda it: it.channel == "@alice",
    "several channels": lambda it: not isinstance(it.channel, (str, type(None))) and it.channel[1:],
    "no attachment": lambda it: not it.attachments,
    "several attachments": lambda it: len(it.attachments) > 1,
    "a table": lambda it: any(each.fields for each in it.attachments),
    "custom fields": lambda it: it.custom_fields,
    "a thread": lambda it: it.tmid,
}
OF_ATTACHMENTS: dict[str, Condition] = {
    "a time in UTC": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo is timezone.utc,
    "a time elsewhere": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo not in (None, timezone.utc),
    "a local time": lambda it: isinstance(it.ts, datetime) and it.ts.tzinfo is None,
    "a time as text": lambda it: isinstance(it.ts, str),
    "a link that is not ASCII": lambda it: it.title_link and not it.title_link.isascii(),
}
VARIETY: list[tuple[Callable[[], Strategy], dict[str, Condition]]] = [
    (incoming_integrations, {**OF_BOTH, **OF_INCOMING}),
    (outgoing_integrations, {**OF_BOTH, **OF_OUTGOING}),
    (incoming_records, {**OF_RECORDS, **OF_INCOMING}),
    (outgoing_records, {**OF_RECORDS, **OF_OUTGOING_RECORDS}),
    (updates_of_a_hook, OF_UPDATES_OF_A_HOOK),
    (updates_of_a_bot, OF_UPDATES_OF_A_BOT),
    (messages, OF_MESSAGES),
    (attachments, OF_ATTACHMENTS),
]


@pytest.mark.parametrize(
    ("make", "condition"),
    [
        pytest.param(make, condition, id=f"{make.__name__}: {what}")
        for make, conditions in VARIETY
        for what, condition in conditions.items()
    ],
)
def test_among_what_is_generated_there_is(make: Callable[[], Strategy], condition: Condition) -> None:
    assert condition(some(make, condition))


@pytest.mark.parametrize("make", [integrations, records])
def test_both_kinds_are_generated(make: Callable[[], Strategy]) -> None:
    assert {value.type for value in drawn(make(), 50)} == set(IntegrationType)


def test_where_a_channel_suits_no_event_the_other_fields_change() -> None:
    odd = attrs.evolve(BOT, event="userLeft", channel=(" ", ""), retry_count=-1)
    for wanted in drawn(updates(odd), 150):
        validate(wanted, changed_fields(odd, wanted))


# Plain.

PLAIN = OutgoingIntegration("ci", event="sendMessage", username="rocket.cat", urls="https://bot.example/hook")


@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (integrations, IncomingIntegration("ci", channel="#general", username="rocket.cat")),
        (outgoing_integrations, PLAIN),
        (messages, Message("build passed")),
        (attachments, Attachment()),
        (attachment_fields, AttachmentField("Build", "passed")),
        (updates_of_a_bot, BOT),
    ],
)
def test_the_simplest_example_is_plain(make: Callable[[], Strategy], plain: object) -> None:
    assert drawn(make(), 1) == [plain]


def test_what_an_example_needs_is_plain_as_well() -> None:
    strategy, of_users = outgoing_integrations(), is_for(EventType.USER_CREATED)
    shrunk = find(strategy, lambda it: bool(of_users(it)), settings=settings(calm, max_examples=1000), random=Random(1))
    assert shrunk == attrs.evolve(PLAIN, event=EventType.USER_CREATED, target_room="#general")


# Fields of one's own choice.


def bots(**fields: Strategy) -> Strategy:
    """Definitions that are plain in what depends on nothing, and so quickly drawn."""
    same = ("name", "username", "alias", "avatar", "emoji", "script", "urls", "trigger_words", "token")
    return outgoing_integrations(**{field: st.just(getattr(PLAIN, field)) for field in same}, **fields)


SUITED: dict[str, tuple[Strategy, Condition]] = {
    "userCreated has a target room": (
        bots(event=st.just(EventType.USER_CREATED)),
        lambda it: not is_blank(it.target_room),
    ),
    "userCreated as text has a target room": (
        bots(event=st.just("userCreated")),
        lambda it: not is_blank(it.target_room),
    ),
    "no target room is not for userCreated": (
        bots(target_room=st.none()),
        lambda it: it.event is not EventType.USER_CREATED,
    ),
    "an odd channel is for events that use none": (
        bots(channel=st.just(["general"])),
        lambda it: not it.event.uses_channel,
    ),
    "retries have a count": (
        bots(retry_failed_calls=st.just(True)),
        lambda it: it.retry_count is None or it.retry_count >= 1,
    ),
    "a count of 0 is not for retries": (
        bots(retry_count=st.just(0)),
        lambda it: not it.retry_failed_calls,
    ),
    "no text has attachments": (messages(text=st.none()), lambda it: it.attachments),
    "no attachments have a text": (messages(attachments=st.just(())), lambda it: not is_blank(it.text)),
    "an update has it or leaves the field": (
        updates(BOT, name=st.just("other")),
        lambda it: it.name in ("bot", "other"),
    ),
}


@pytest.mark.parametrize(("strategy", "suits"), SUITED.values(), ids=SUITED)
def test_the_other_fields_suit_what_is_chosen(strategy: Strategy, suits: Condition) -> None:
    assert all(map(suits, drawn(strategy, 100)))


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (incoming_integrations, {"channel": st.just("@alice"), "name": st.just("own")}),
        (outgoing_integrations, {"event": st.just("roomLeft"), "name": st.just("own")}),
        (incoming_records, {"id": st.just("own"), "token": st.none()}),
        (outgoing_records, {"id": st.just("own"), "event": st.just("odd")}),
        (messages, {"text": st.just("own")}),
        (attachments, {"title": st.just("own")}),
        (attachment_fields, {"title": st.just("own"), "short": st.just(True)}),
    ],
)
def test_what_is_chosen_is_what_is_drawn(make: Callable[..., Strategy], fields: dict[str, Strategy]) -> None:
    @settings(calm, max_examples=10)
    @given(make(**fields), st.fixed_dictionaries(fields))
    def holds(value: Any, chosen: dict[str, Any]) -> None:
        assert attrs.evolve(value, **chosen) == value

    holds()


@pytest.mark.parametrize("make", [integrations, records])
def test_of_both_kinds_those_that_have_a_field_are_given_it(make: Callable[..., Strategy]) -> None:
    @settings(calm, max_examples=20)
    @given(make(name=st.just("own"), event=st.just("roomLeft")))
    def holds(value: Any) -> None:
        assert value.name == "own"
        assert value.type is IntegrationType.INCOMING or value.event is EventType.ROOM_LEFT

    holds()


A_FIELD_OF_EACH: list[tuple[Callable[..., Strategy], str]] = [
    (incoming_integrations, "name"),
    (outgoing_integrations, "event"),
    (integrations, "event"),
    (incoming_records, "id"),
    (outgoing_records, "event"),
    (records, "override_destination_channel_enabled"),
    (functools.partial(updates, HOOK), "name"),
    (functools.partial(updates, BOT), "event"),
    (messages, "text"),
    (attachments, "title"),
    (attachment_fields, "value"),
]


@pytest.mark.parametrize(("make", "field"), A_FIELD_OF_EACH)
def test_a_field_that_there_is_not_is_refused_at_once_and_those_that_there_are_named(
    make: Callable[..., Strategy], field: str
) -> None:
    with pytest.raises(TypeError, match=rf"^\w+\(\) has no field 'colour': its fields are (\w+, )*{field}\b"):
        make(colour=st.just("red"))


@pytest.mark.parametrize(("make", "field"), A_FIELD_OF_EACH)
def test_a_value_that_is_no_strategy_is_refused_at_once(make: Callable[..., Any], field: str) -> None:
    with pytest.raises(TypeError, match=rf"^{field}: \w+\(\) wants a strategy, such as st.just\(...\), not str$"):
        make(**{field: "ci"})


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(incoming_integrations, event=st.just("sendMessage")),
        functools.partial(outgoing_integrations, override_destination_channel_enabled=st.booleans()),
        functools.partial(outgoing_integrations, id=st.just("1")),
        functools.partial(integrations, id=st.just("1")),
        functools.partial(updates, HOOK, token=st.just("t")),
        functools.partial(updates, BOT, id=st.just("1")),
    ],
)
def test_a_field_of_something_else_is_refused(make: Callable[[], Strategy]) -> None:
    with pytest.raises(TypeError, match="has no field"):
        make()


@pytest.mark.parametrize(
    ("strategy", "complaint"),
    [
        (outgoing_integrations(event=st.just("userCreated"), target_room=st.none()), "target_room: must name a room"),
        (outgoing_integrations(channel=st.just([" "])), "channel: must not be blank"),
        (incoming_integrations(channel=st.just("general")), "channel: must start with"),
    ],
)
def test_what_a_definition_refuses_says_so_when_it_is_drawn(strategy: Strategy, complaint: str) -> None:
    @settings(GENERATE, max_examples=1)
    @given(strategy)
    def draw(_: Any) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match=complaint):
        draw()
