"""Records are read from JSON without guessing; definitions and messages become the JSON that the vendor documents."""

import copy
import json
import pickle
from collections import UserDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from rocketchat_integrations import (
    Action,
    Attachment,
    AttachmentField,
    DecodingError,
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    ScriptError,
    UserReference,
)
from rocketchat_integrations._protocol.codec import (
    _RECORD_READERS,
    definition_body,
    history_entry,
    identity,
    integration,
    message_body,
    update_body,
)
from rocketchat_integrations._protocol.normalization import merged_with
from rocketchat_integrations._protocol.readers import read_flag

CANARY = "canary-in-the-coal-mine"

# The two examples of the vendor's page.
EXAMPLE_IN: dict[str, Any] = {
    "type": "webhook-incoming",
    "username": "test.cat",
    "channel": "#general",
    "scriptEnabled": True,
    "name": "test.cat",
    "enabled": True,
}
EXAMPLE_OUT: dict[str, Any] = {
    **EXAMPLE_IN,
    "type": "webhook-outgoing",
    "event": "sendMessage",
    "urls": ["https://text2gif.guggy.com/guggify"],
}
ANSWER_IN: dict[str, Any] = {
    **EXAMPLE_IN,
    "channel": ["#general"],
    "scriptEngine": "isolated-vm",
    "overrideDestinationChannelEnabled": False,
    "token": "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
    "userId": "CkCPNcvsvCDfmWLqC",
    "_createdAt": "2024-01-10T14:12:07.739Z",
    "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
    "_id": "659ea5b72dd9f928ada3e43e",
}
ANSWER_OUT: dict[str, Any] = {
    **EXAMPLE_OUT,
    "channel": ["#general"],
    "scriptEngine": "isolated-vm",
    "userId": "CkCPNcvsvCDfmWLqC",
    "_createdAt": "2024-01-10T14:12:52.201Z",
    "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
    "_id": "659ea5e42dd9f928ada3e451",
}
EVERY_FIELD_IN: dict[str, Any] = {
    **ANSWER_IN,
    "alias": "CI",
    "avatar": "https://example.com/c.png",
    "emoji": ":robot:",
    "script": "class Script {}",
    "skipTranspile": False,
    "_updatedAt": "2024-01-11T00:00:00.000Z",
    "_updatedBy": {"_id": "u2", "username": "bob"},
    "scriptCompiled": "compiled",
    "scriptError": {"name": "SyntaxError", "message": "unexpected", "stack": "at"},
}
EVERY_FIELD_OUT: dict[str, Any] = {
    **{key: value for key, value in EVERY_FIELD_IN.items() if key != "overrideDestinationChannelEnabled"},
    **{key: ANSWER_OUT[key] for key in ("type", "event", "urls")},
    "targetRoom": "#ops",
    "triggerWords": ["!deploy", "!ship"],
    "triggerWordAnywhere": True,
    "runOnEdits": True,
    "impersonateUser": True,
    "retryFailedCalls": True,
    "retryCount": 2,
    "retryDelay": "powers-of-two",
}
ENTRY: dict[str, Any] = {
    "_id": "RJsw31sJX99c",
    "type": "outgoing-webhook",
    "step": "url-response-sent-message",
    "integration": {"_id": "b284", "token": "T"},
    "event": "sendMessage",
    "data": {},
    "_createdAt": "2026-11-22T19:51:45.316Z",
    "_updatedAt": "2026-11-22T19:51:45.327Z",
    "ranPrepareScript": True,
    "triggerWord": "!deploy",
    "url": "https://bot.example/hook",
    "httpCallData": {"token": "T", "bot": False},
    "httpResult": '"{\\"text\\":\\"pong\\"}"',
    "httpError": {"statusCode": 500},
    "error": True,
    "errorStack": "at line 1",
    "prepareSentMessage": [],
    "processSentMessage": [],
    "resultMessage": [{"channel": "#GENERAL"}],
    "finished": True,
}


def record(data: object) -> Any:
    """Read a record; an error fails the test."""
    decoded = integration(data)
    assert not isinstance(decoded, DecodingError), decoded
    return decoded


# Records.


def test_every_recorded_integration_is_read(recorded_integrations: list[dict[str, Any]]) -> None:
    """Each integration of a real server becomes a record with all its fields."""
    assert len(recorded_integrations) > 10
    for document in recorded_integrations:
        it = record(document)
        assert it.extra == {}
        assert (it.id, it.type, it.name) == (document["_id"], document["type"], document["name"])
        assert it.channel == tuple(document["channel"])
        assert (it.script, it.token) == (document.get("script"), document.get("token"))
        assert it.created_by == UserReference(document["_createdBy"]["_id"], document["_createdBy"]["username"])


def test_every_field_of_an_incoming_integration_is_read() -> None:
    """Each field has its attribute."""
    assert record(EVERY_FIELD_IN) == IncomingIntegrationRecord(
        "test.cat",
        id="659ea5b72dd9f928ada3e43e",
        username="test.cat",
        channel=("#general",),
        enabled=True,
        alias="CI",
        avatar="https://example.com/c.png",
        emoji=":robot:",
        script_enabled=True,
        script="class Script {}",
        script_engine="isolated-vm",
        skip_transpile=False,
        override_destination_channel_enabled=False,
        token="XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
        user_id="CkCPNcvsvCDfmWLqC",
        created_at=datetime(2024, 1, 10, 14, 12, 7, 739000, UTC),
        created_by=UserReference("CkCPNcvsvCDfmWLqC", "test.cat"),
        updated_at=datetime(2024, 1, 11, tzinfo=UTC),
        updated_by=UserReference("u2", "bob"),
        script_compiled="compiled",
        script_error=ScriptError("SyntaxError", "unexpected", "at"),
    )


def test_every_field_of_an_outgoing_integration_is_read() -> None:
    """Each field has its attribute, including those of outgoing ones only."""
    it = record(EVERY_FIELD_OUT)
    assert type(it) is OutgoingIntegrationRecord
    assert it.definition == OutgoingIntegration(
        "test.cat",
        username="test.cat",
        channel="#general",
        alias="CI",
        avatar="https://example.com/c.png",
        emoji=":robot:",
        script_enabled=True,
        script="class Script {}",
        script_engine="isolated-vm",
        skip_transpile=False,
        event=EventType.SEND_MESSAGE,
        urls="https://text2gif.guggy.com/guggify",
        target_room="#ops",
        trigger_words="!deploy,!ship",
        trigger_word_anywhere=True,
        token="XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
        run_on_edits=True,
        impersonate_user=True,
        retry_failed_calls=True,
        retry_count=2,
        retry_delay=RetryDelay.POWERS_OF_TWO,
    )
    assert it.event is EventType.SEND_MESSAGE
    assert it.retry_delay is RetryDelay.POWERS_OF_TWO
    assert it.extra == {}


def test_every_field_of_a_history_entry_is_read() -> None:
    """Each field has its attribute."""
    assert history_entry(ENTRY) == HistoryEntry(
        id="RJsw31sJX99c",
        type="outgoing-webhook",
        step="url-response-sent-message",
        integration={"_id": "b284", "token": "T"},
        event=EventType.SEND_MESSAGE,
        data={},
        created_at=datetime(2026, 11, 22, 19, 51, 45, 316000, UTC),
        updated_at=datetime(2026, 11, 22, 19, 51, 45, 327000, UTC),
        ran_prepare_script=True,
        trigger_word="!deploy",
        url="https://bot.example/hook",
        http_call_data={"token": "T", "bot": False},
        http_result='"{\\"text\\":\\"pong\\"}"',
        prepare_sent_message=[],
        process_sent_message=[],
        result_message=[{"channel": "#GENERAL"}],
        error=True,
        error_stack="at line 1",
        http_error={"statusCode": 500},
        finished=True,
    )


@pytest.mark.parametrize("kind", list(IntegrationType))
@pytest.mark.parametrize("value", [None, "missing"])
def test_missing_and_null_fields_are_not_set(kind: str, value: str | None) -> None:
    """A record with only id and type is read: old and cleared fields are missing or null."""
    every_field = EVERY_FIELD_IN if kind == "webhook-incoming" else EVERY_FIELD_OUT
    nulls = {} if value == "missing" else dict.fromkeys(every_field)
    it = record({**nulls, "_id": "id1", "type": kind})
    assert (it.name, it.username, it.channel, it.enabled, it.script_enabled) == ("", "", (), False, False)
    assert it.created_by == UserReference(None, None)
    assert (it.token, it.alias, it.created_at, it.updated_by, it.script_error) == (None,) * 5
    if kind == "webhook-outgoing":
        assert (it.event, it.urls, it.trigger_words, it.retry_count, it.target_room) == ("", (), (), None, None)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (integration, {"_id": "x", "type": "webhook-incoming"}),
        (integration, {"_id": "x", "type": "webhook-outgoing"}),
        (history_entry, {"_id": "x"}),
    ],
)
def test_every_field_has_a_value(read: Callable[[Any], Any], data: Any) -> None:
    """A field that the reader does not know would be missing from the object."""
    record: object = read(data)
    kind: Any = type(record)
    assert [field.name for field in attrs.fields(kind) if getattr(record, field.name) is attrs.NOTHING] == []


def test_a_history_entry_needs_only_its_id() -> None:
    """Entries of calls that failed early have few fields."""
    assert history_entry({**dict.fromkeys(ENTRY), "_id": "h1"}) == HistoryEntry(id="h1")


def test_a_creator_may_lack_its_parts() -> None:
    """A deleted creator leaves an id or nothing."""
    it = EVERY_FIELD_IN
    assert record({**it, "_createdBy": {"_id": "u1", "username": None}}).created_by == UserReference("u1")
    assert record({**it, "_createdBy": {}}).created_by == UserReference()
    assert record({**it, "_updatedBy": it["_createdBy"]}).updated_by == UserReference("CkCPNcvsvCDfmWLqC", "test.cat")
    assert record({**it, "scriptError": {"name": "SyntaxError"}}).script_error == ScriptError("SyntaxError")


_VALUES: tuple[Any, ...] = (
    *(None, True, 0, 2.5, "", "x", [], ["a"], [1], {}, {"_id": "u1"}, {"_id": 1}, {"name": 1}),
    *("2024-01-11", "2024-01-11T00:00:00+01:00", "2024-02-30T00:00:00Z", {"$date": 1484000000000}),
)


@pytest.mark.parametrize("document", [EVERY_FIELD_IN, EVERY_FIELD_OUT], ids=["incoming", "outgoing"])
def test_a_record_is_read_alike_the_fast_and_the_slow_way(document: dict[str, Any]) -> None:
    """Whatever a field holds, and without it: the same record, or the same errors."""
    read_usual, reader = _RECORD_READERS[document["type"]]
    assert read_usual(document, reader.keys) is not None
    for key in document.keys() - {"type"}:
        without = {name: value for name, value in document.items() if name != key}
        for changed in (without, *({**document, key: value} for value in _VALUES)):
            for data in (changed, {**changed, "new": [1]}):
                fast, slow = integration(data), reader.read(data, "integration")
                if isinstance(slow, DecodingError):
                    assert isinstance(fast, DecodingError)
                    assert fast.errors == slow.errors
                else:
                    assert (type(fast), fast, repr(fast)) == (type(slow), slow, repr(slow))


@pytest.mark.parametrize("document", [EVERY_FIELD_IN, EVERY_FIELD_OUT], ids=["incoming", "outgoing"])
def test_known_fields_are_not_looked_up_in_a_record_without_unknown_ones(document: dict[str, Any]) -> None:
    """Looking up every name would make reading a record a tenth slower."""
    read_usual, _ = _RECORD_READERS[document["type"]]
    for key in document.keys() - {"type"}:
        record = read_usual({name: value for name, value in document.items() if name != key}, frozenset())
        assert record is None or record.extra == {}
    assert read_usual(document, frozenset()).extra == {}


@pytest.mark.parametrize("document", [EVERY_FIELD_IN, EVERY_FIELD_OUT], ids=["incoming", "outgoing"])
@pytest.mark.parametrize("rest", [{}, {"enabled": None}], ids=["usual", "unusual"])
def test_a_record_that_was_read_is_like_one_that_was_made(document: dict[str, Any], rest: dict[str, Any]) -> None:
    """It is frozen and has its own class; it can be compared, hashed, copied and pickled."""
    it = record({**document, **rest})
    made = attrs.evolve(it)
    assert type(it).__name__ == f"{IntegrationType(it.type).name.title()}IntegrationRecord"
    assert (it, hash(it), repr(it)) == (made, hash(made), repr(made))
    assert pickle.loads(pickle.dumps(it)) == copy.deepcopy(it) == made
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        it.name = "other"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del it.name


def test_unknown_fields_are_kept() -> None:
    """Fields of a newer server are in `extra`, under the server's names, including null."""
    it = record({**ANSWER_IN, "avatarUrl": "https://example.com", "rank": None, "event": "x"})
    assert it.extra == {"avatarUrl": "https://example.com", "rank": None, "event": "x"}
    entry = history_entry({**ENTRY, "new": [1]})
    assert isinstance(entry, HistoryEntry)
    assert entry.extra == {"new": [1]}


def test_odd_values_are_kept() -> None:
    """Events, channels, engines and delays that a definition may not have are read unchanged."""
    odd = {"event": "messageSent", "channel": ["general", ""], "scriptEngine": "vm2", "retryDelay": "weird", "urls": []}
    it = record({**ANSWER_OUT, **odd})
    assert (it.event, it.channel, it.script_engine, it.retry_delay) == ("messageSent", ("general", ""), "vm2", "weird")


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2024-01-10T14:12:07.739Z", datetime(2024, 1, 10, 14, 12, 7, 739000, UTC)),
        ("2024-01-10T14:12:07Z", datetime(2024, 1, 10, 14, 12, 7, tzinfo=UTC)),
        ("2024-01-10T14:12:07.739", datetime(2024, 1, 10, 14, 12, 7, 739000, UTC)),
        ("2024-01-10T14:12:07+02:00", datetime(2024, 1, 10, 12, 12, 7, tzinfo=UTC)),
        ({"$date": 1484000000000}, datetime(2017, 1, 9, 22, 13, 20, tzinfo=UTC)),
        ({"$date": 1484000000000.0}, datetime(2017, 1, 9, 22, 13, 20, tzinfo=UTC)),
        ({"$date": "2017-01-09T22:13:20.000Z"}, datetime(2017, 1, 9, 22, 13, 20, tzinfo=UTC)),
        (1484000000001, datetime(2017, 1, 9, 22, 13, 20, 1000, UTC)),
    ],
    ids=repr,
)
def test_times_are_read_in_every_form(value: object, time: datetime) -> None:
    """Times are datetimes in UTC, whether they are text or, in old data, milliseconds."""
    created_at = record({**ANSWER_IN, "_createdAt": value}).created_at
    assert created_at == time
    assert created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [True, False])
def test_flags_are_booleans(value: bool) -> None:
    """A flag is read unchanged; a number or a text in its place is an error (see below)."""
    assert read_flag(value) is value


@pytest.mark.parametrize(("value", "count"), [(4, 4), (4.0, 4), (2.5, 2.5)], ids=repr)
def test_numbers_are_read_like_in_javascript(value: float, count: float) -> None:
    """A whole number is an int, however it is written; a fraction in old data is kept."""
    retry_count = record({**ANSWER_OUT, "retryCount": value}).retry_count
    assert retry_count == count
    assert type(retry_count) is type(count)


KINDS = {
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}
WRONG: list[tuple[str, list[Any], str]] = [
    ("name", [5, True, [], {}], "text"),
    ("enabled", ["true", 1, 0, []], "true or false"),
    ("channel", ["#general", [5], [None], {}], "an array of texts"),
    ("alias", [5], "text"),
    ("avatar", [5], "text"),
    ("emoji", [5], "text"),
    ("scriptEnabled", ["false"], "true or false"),
    ("script", [5], "text"),
    ("scriptEngine", [5], "text"),
    ("skipTranspile", [1], "true or false"),
    ("token", [5], "text"),
    ("userId", [5], "text"),
    ("_createdAt", ["yesterday", "", True, [], {"$date": True}, {}, 1e300, float("nan"), 10**400], "a time"),
    ("_createdBy", ["alice", []], "an object"),
    ("_createdBy", [{"_id": 5}, {"username": 5}], "an object of texts"),
    ("_updatedAt", ["Z"], "a time"),
    ("_updatedBy", [5], "an object"),
    ("scriptCompiled", [5], "text"),
    ("scriptError", ["SyntaxError"], "an object"),
    ("scriptError", [{"message": 5}], "an object of texts"),
    ("event", [5], "text"),
    ("urls", ["https://a.example", [5]], "an array of texts"),
    ("targetRoom", [5], "text"),
    ("triggerWords", ["a,b", [5]], "an array of texts"),
    ("triggerWordAnywhere", ["yes"], "true or false"),
    ("runOnEdits", [0], "true or false"),
    ("impersonateUser", [0], "true or false"),
    ("retryFailedCalls", [0], "true or false"),
    ("retryCount", ["4", True, float("nan"), float("inf")], "a number"),
    ("retryDelay", [5], "text"),
]


@pytest.mark.parametrize(("key", "values", "allowed"), WRONG, ids=[f"{key} {allowed}" for key, _, allowed in WRONG])
def test_a_value_of_another_type_is_never_coerced(key: str, values: list[Any], allowed: str) -> None:
    """The error names the record by its id, and each wrong field by its path and type."""
    for value in values:
        error = integration({**EVERY_FIELD_OUT, key: value}, "integrations[3]")
        assert isinstance(error, DecodingError), value
        assert error.id == "659ea5b72dd9f928ada3e43e"
        (line,) = error.errors
        assert line == f"integrations[3].{key}: must be {allowed}, not {KINDS[type(value)]}"
        assert line in str(error)
        assert "integrations[3] (id 659ea5b72dd9f928ada3e43e)" in str(error)


def test_all_wrong_fields_are_named_at_once() -> None:
    """One error has all wrong fields of a record."""
    error = integration({**EVERY_FIELD_IN, "name": 5, "overrideDestinationChannelEnabled": "yes", "_id": 7})
    assert isinstance(error, DecodingError)
    assert error.errors == (
        "integration.name: must be text, not a number",
        "integration.overrideDestinationChannelEnabled: must be true or false, not text",
        "integration._id: must be text, not a number",
    )
    assert error.id is None
    assert str(error).startswith("integration cannot be read: integration.name: ")


@pytest.mark.parametrize(
    ("data", "line", "id"),
    [
        (None, "integration: must be an object, not missing or null", None),
        ([ANSWER_IN], "integration: must be an object, not an array", None),
        (CANARY, "integration: must be an object, not text", None),
        (
            {"_id": "x", "type": CANARY},
            "integration.type: must be webhook-incoming or webhook-outgoing, not another text",
            "x",
        ),
        ({"_id": 5}, "integration.type: must be webhook-incoming or webhook-outgoing, not missing or null", None),
        (
            {"_id": "x", "type": "incoming"},  # a word for arguments only
            "integration.type: must be webhook-incoming or webhook-outgoing, not another text",
            "x",
        ),
        (
            {"_id": "x", "type": ["webhook-incoming"]},
            "integration.type: must be webhook-incoming or webhook-outgoing, not an array",
            "x",
        ),
        ({"type": "webhook-incoming"}, "integration._id: must be text, not missing or null", None),
    ],
    ids=["null", "array", "text", "another type", "no type", "a word", "odd type", "no id"],
)
def test_other_json_is_no_integration(data: object, line: str, id: str | None) -> None:
    """Another JSON value, another type and a missing id are errors."""
    error = integration(data)
    assert isinstance(error, DecodingError)
    assert error.errors == (line,)
    assert error.id == id
    assert error.may_have_acted


def test_no_decoding_error_shows_a_value() -> None:
    """A value that cannot be read may be a secret."""
    error = integration(
        {**EVERY_FIELD_OUT, "token": [CANARY], "_createdAt": CANARY, "urls": CANARY, "script": [CANARY]}
    )
    assert isinstance(error, DecodingError)
    assert len(error.errors) == 4
    assert CANARY not in f"{error!r} {error.errors}"
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("text", "history[0]: must be an object, not text"),
        ({**ENTRY, "data": []}, "history[0].data: must be an object, not an array"),
        ({**ENTRY, "finished": "yes"}, "history[0].finished: must be true or false, not text"),
        ({**ENTRY, "_id": None}, "history[0]._id: must be text, not missing or null"),
    ],
    ids=["text", "data", "finished", "no id"],
)
def test_wrong_history_entries_are_errors(data: object, line: str) -> None:
    """A history entry is read as carefully as an integration."""
    error = history_entry(data, "history[0]")
    assert isinstance(error, DecodingError)
    assert error.errors == (line,)


@pytest.mark.parametrize(
    ("error", "failed"), [(True, True), (False, False), ({"code": "ECONNRESET"}, True), ({}, True), ("no", True)]
)
def test_a_failed_call_is_one_whatever_its_error_is(error: object, failed: bool) -> None:
    """A history can be read even if the server stores the error itself instead of true."""
    entry = history_entry({**ENTRY, "error": error}, "history[0]")
    assert isinstance(entry, HistoryEntry)
    assert entry.error is failed


@pytest.mark.parametrize(("data", "id"), [({"_id": "x"}, "x"), ({"_id": 5}, None), ({}, None), ([], None)], ids=repr)
def test_the_id_of_any_json(data: object, id: str | None) -> None:
    """The id of a record that cannot be read is known as well, so that a list can go on after it."""
    assert identity(data) == id


# Bodies.


def test_the_vendors_incoming_example() -> None:
    """A definition with the fields of the documented request becomes that request."""
    definition = IncomingIntegration("test.cat", username="test.cat", channel="#general", script_enabled=True)
    assert json.loads(json.dumps(definition_body(definition))) == EXAMPLE_IN


def test_the_vendors_outgoing_example() -> None:
    """A definition with the fields of the documented request becomes that request."""
    definition = OutgoingIntegration(
        "test.cat",
        username="test.cat",
        channel="#general",
        script_enabled=True,
        event=EventType.SEND_MESSAGE,
        urls=["https://text2gif.guggy.com/guggify"],
    )
    assert json.loads(json.dumps(definition_body(definition))) == EXAMPLE_OUT


ONLY_IN_RECORDS = (
    "_id",
    "userId",
    "_createdAt",
    "_createdBy",
    "_updatedAt",
    "_updatedBy",
    "scriptCompiled",
    "scriptError",
)


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        (EVERY_FIELD_IN, (*ONLY_IN_RECORDS, "token", "overrideDestinationChannelEnabled", "skipTranspile")),
        (EVERY_FIELD_OUT, (*ONLY_IN_RECORDS, "skipTranspile")),
    ],
    ids=["incoming", "outgoing"],
)
def test_a_record_can_be_created_again(answer: dict[str, Any], dropped: tuple[str, ...]) -> None:
    """To copy a record to another workspace, the fields that the server sets and defaults are left out."""
    body = json.loads(json.dumps(definition_body(record({**answer, "avatarUrl": "https://example.com"}))))
    assert body == {key: value for key, value in answer.items() if key not in dropped} | {"channel": "#general"}


def test_defaults_are_not_sent() -> None:
    """A field that an old server may not know is sent only if it is set."""
    definition = IncomingIntegration(
        "ci", username="rocket.cat", channel="#a,@b", skip_transpile=True, override_destination_channel_enabled=True
    )
    assert definition_body(definition) == {
        "type": "webhook-incoming",
        "name": "ci",
        "username": "rocket.cat",
        "channel": "#a,@b",
        "enabled": True,
        "scriptEnabled": False,
        "skipTranspile": True,
        "overrideDestinationChannelEnabled": True,
    }
    assert "skipTranspile" not in definition_body(attrs.evolve(definition, skip_transpile=False))


def updated(answer: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the body of an update with the changed record."""
    current = record(answer)
    body: dict[str, Any] = json.loads(json.dumps(update_body(merged_with(change(current), current))))
    return body


def test_an_update_of_an_outgoing_integration_sends_all_of_it() -> None:
    """An update loses nothing: it has the script and the token, and null for cleared fields."""
    cleared = {"alias": None, "avatar": None, "emoji": "", "target_room": None, "trigger_words": ()}
    body = updated(EVERY_FIELD_OUT, lambda it: attrs.evolve(it, **cleared))
    unsent = (*ONLY_IN_RECORDS, "type", "skipTranspile")  # false is never sent
    same = {key: value for key, value in EVERY_FIELD_OUT.items() if key not in unsent}
    assert body == {
        **same,
        "channel": "#general",
        "alias": None,
        "avatar": None,
        "emoji": "",
        "targetRoom": None,
        "triggerWords": [],
    }


def test_an_update_of_an_incoming_integration_sends_all_of_it() -> None:
    """An update loses nothing; without a script, none is enabled."""
    body = updated(ANSWER_IN, lambda it: attrs.evolve(it, name="renamed"))
    assert body == {
        "name": "renamed",
        "enabled": True,
        "username": "test.cat",
        "channel": "#general",
        "alias": None,
        "avatar": None,
        "emoji": None,
        "scriptEnabled": False,
        "script": None,
        "scriptEngine": "isolated-vm",
        "overrideDestinationChannelEnabled": False,
    }


def test_an_update_leaves_out_what_the_server_would_refuse() -> None:
    """No null engine, no false `skipTranspile`, no empty text in a list."""
    nothing = {"scriptEngine": None, "skipTranspile": False, "urls": ["", "u", " "], "triggerWords": ["", "!a"]}
    body = updated({**EVERY_FIELD_OUT, **nothing}, lambda it: it)
    assert "scriptEngine" not in body
    assert "skipTranspile" not in body
    assert (body["urls"], body["triggerWords"]) == (["u", " "], ["!a"])


def test_an_update_does_not_stop_retries() -> None:
    """Null would stop the retries: the server's defaults are sent instead."""
    definition = OutgoingIntegration("b", event="roomLeft", username="u", urls="u", retry_failed_calls=True)
    body = updated({**EVERY_FIELD_OUT, "retryCount": 2}, lambda _: definition)
    assert (body["retryFailedCalls"], body["retryCount"], body["retryDelay"]) == (True, 4, "powers-of-ten")


# Messages.


def test_a_message_is_sent_without_its_defaults() -> None:
    """None is not sent; False is, because it has another meaning."""
    assert message_body(Message("hi")) == {"text": "hi"}
    assert message_body(Message("hi", parse_urls=False, groupable=False)) == {
        "text": "hi",
        "parseUrls": False,
        "groupable": False,
    }


def test_every_field_of_a_message_is_sent() -> None:
    """Each field has its wire name."""
    message = Message(
        "hi",
        channel=["#a", "@b,c"],
        alias="CI",
        avatar="https://example.com/a.png",
        emoji=":robot:",
        attachments=[
            Attachment(title="t", fields=[AttachmentField("a", "b"), AttachmentField("c", "d", short=True)]),
            Attachment(
                title_link="https://example.com/1",
                title_link_download=True,
                text="x",
                color="red",
                ts="2024-01-10T14:12:07.739Z",
                collapsed=False,
                thumb_url="https://example.com/2",
                image_url="https://example.com/3",
                audio_url="https://example.com/4",
                video_url="https://example.com/5",
                author_name="Ann",
                author_link="https://example.com/6",
                author_icon="https://example.com/7",
                message_link="https://example.com/8",
                actions=[
                    Action("Docs", url="https://example.com/9"),
                    Action("Deploy", msg="!deploy", msg_processing_type="respondWithMessage"),
                    Action("Hidden", msg="!x", msg_in_chat_window=False),
                ],
                extra={"pretext": "p", "image_dimensions": {"width": 8}},
            ),
        ],
        extra={"priority": [1]},
        parse_urls=True,
        groupable=True,
        tmid="m1",
        custom_fields={"priority": 1},
        separate_response=True,
    )
    assert json.loads(json.dumps(message_body(message))) == {
        "text": "hi",
        "channel": ["#a", "@b,c"],
        "alias": "CI",
        "avatar": "https://example.com/a.png",
        "emoji": ":robot:",
        "attachments": [
            {
                "title": "t",
                "fields": [{"title": "a", "value": "b"}, {"title": "c", "value": "d", "short": True}],
            },
            {
                "title_link": "https://example.com/1",
                "title_link_download": True,
                "text": "x",
                "color": "red",
                "ts": "2024-01-10T14:12:07.739Z",
                "collapsed": False,
                "thumb_url": "https://example.com/2",
                "image_url": "https://example.com/3",
                "audio_url": "https://example.com/4",
                "video_url": "https://example.com/5",
                "author_name": "Ann",
                "author_link": "https://example.com/6",
                "author_icon": "https://example.com/7",
                "message_link": "https://example.com/8",
                "actions": [
                    {"type": "button", "text": "Docs", "url": "https://example.com/9"},
                    {
                        "type": "button",
                        "text": "Deploy",
                        "msg": "!deploy",
                        "msg_in_chat_window": True,
                        "msg_processing_type": "respondWithMessage",
                    },
                    {"type": "button", "text": "Hidden", "msg": "!x", "msg_in_chat_window": False},
                ],
                "pretext": "p",
                "image_dimensions": {"width": 8},
            },
        ],
        "priority": [1],
        "parseUrls": True,
        "groupable": True,
        "tmid": "m1",
        "customFields": {"priority": 1},
        "separateResponse": True,
    }


@pytest.mark.parametrize("mapping", [dict, UserDict, MappingProxyType], ids=lambda it: it.__name__)
def test_custom_fields_may_be_any_mapping(mapping: Callable[..., Any]) -> None:
    """A mapping of any class is sent as an object."""
    body = message_body(Message("hi", custom_fields=mapping({"a": [1, {"b": None}]})))
    assert json.loads(json.dumps(body))["customFields"] == {"a": [1, {"b": None}]}


def test_times_of_attachments_have_their_zone() -> None:
    """A datetime is sent with an offset: without a zone, it is local time here, not the server's."""
    zoned = datetime(2024, 1, 10, 14, 12, tzinfo=timezone(timedelta(hours=2)))
    local = datetime(2024, 7, 10, 14, 12)
    for given, meant in ((zoned, zoned), (local, local.astimezone())):
        (attachment,) = message_body(Message(attachments=[Attachment(ts=given)]))["attachments"]
        time = datetime.fromisoformat(attachment["ts"])
        assert time.utcoffset() == meant.utcoffset()
        assert time == meant
