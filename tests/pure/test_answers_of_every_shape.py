"""Whatever records an answer holds, they are read, or an error says which fields of which one cannot be.

What is expected never comes from the library's own readers. Samples are converted by a table of this module's own,
and whatever changes a sample says what the change means.
"""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    DecodingError,
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    ScriptError,
    UserReference,
)
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.endpoints import Operation, Page
from rocketchat_integrations._protocol.http import Response

calm = settings(deadline=None, database=None)
brief = settings(calm, max_examples=10)  # once for each field

# Whatever is of a wrong type holds one of these, and so do the tokens and scripts beside it.
CANARY = "canary-in-the-coal-mine"
CANARY_NUMBER = 71077345


# JSON, and JSON of one type.

TEXT = st.text(max_size=8) | st.just("half a pair: \ud83d")
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
A_TEXT = TEXT.map(lambda text: CANARY + text)
A_NUMBER = st.sampled_from([CANARY_NUMBER, -CANARY_NUMBER, CANARY_NUMBER + 0.5])
A_FLAG = st.booleans()
AN_ARRAY = st.lists(A_TEXT | A_NUMBER | st.none(), max_size=2)
AN_OBJECT = st.dictionaries(A_TEXT, A_TEXT | A_NUMBER, max_size=2)
NO_NUMBER = st.sampled_from([math.nan, math.inf, -math.inf])  # which Python's JSON can spell
NO_TEXT = A_NUMBER | A_FLAG | AN_ARRAY | AN_OBJECT


# Shapes: what a field holds.


def _itself(value: Any) -> Any:
    return value


@attrs.frozen
class Shape:
    """A type of field: JSON of the type with what it means, and JSON of other types."""

    right: st.SearchStrategy[tuple[Any, Any]]
    wrong: st.SearchStrategy[Any] | None
    """None if it takes anything."""

    meaning: Callable[[Any], Any]
    """Of the JSON in a sample."""


def shape(
    values: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any] | None, meaning: Callable[[Any], Any] = _itself
) -> Shape:
    return Shape(values.map(lambda value: (value, meaning(value))), wrong, meaning)


def written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


@st.composite
def times(draw: st.DrawFn) -> tuple[Any, datetime]:
    """A time in one of its spellings."""
    seconds = draw(st.integers(-2_000_000_000, 4_000_000_000))
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    milliseconds = draw(st.integers(0, 999))
    time = whole + timedelta(milliseconds=milliseconds)
    zone = timezone(timedelta(minutes=draw(st.integers(-14 * 60, 14 * 60))))
    zoneless = written(time.replace(tzinfo=None))
    since_1970 = seconds * 1000 + milliseconds
    return draw(
        st.sampled_from(
            [
                (f"{zoneless}Z", time),
                (f"{whole.replace(tzinfo=None).isoformat()}Z", whole),
                (zoneless, time),
                (written(time.astimezone(zone)), time),
                (whole.astimezone(zone).isoformat(), whole),
                (since_1970, time),
                ({"$date": since_1970}, time),
                ({"$date": float(since_1970)}, time),
                ({"$date": f"{zoneless}Z"}, time),
            ]
        )
    )


def object_of_texts(*keys: str, meaning: Callable[..., Any]) -> Shape:
    return shape(
        st.fixed_dictionaries({}, optional={**dict.fromkeys(keys, st.none() | TEXT), "unknown": JSON}),
        A_TEXT | A_NUMBER | A_FLAG | AN_ARRAY | st.dictionaries(st.sampled_from(keys), NO_TEXT, min_size=1),
        lambda value: meaning(*(value.get(key) for key in keys)),
    )


NO_TIME = A_TEXT | A_FLAG | AN_ARRAY | AN_OBJECT | NO_NUMBER | st.sampled_from([1e300, -(10**400), "", "Z"])
AS_TEXT = shape(TEXT, NO_TEXT)
AS_EVENT = shape(st.sampled_from([str(event) for event in EventType]) | TEXT, NO_TEXT)
AS_FLAG = shape(st.booleans(), A_TEXT | A_NUMBER | AN_ARRAY | AN_OBJECT | st.sampled_from([0, 1, "", "false"]))
AS_NUMBER = shape(NUMBER, A_TEXT | A_FLAG | AN_ARRAY | AN_OBJECT | NO_NUMBER | st.just("4"))
AS_TEXTS = shape(
    st.lists(TEXT, max_size=3),
    A_TEXT | A_NUMBER | A_FLAG | AN_OBJECT | st.tuples(st.none() | NO_TEXT, A_TEXT).flatmap(st.permutations).map(list),
    tuple,
)
AS_TIME = Shape(
    times(),
    NO_TIME | st.fixed_dictionaries({"$date": st.none() | NO_TIME}),
    lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z"),
)
AS_USER = object_of_texts("_id", "username", meaning=UserReference)
AS_SCRIPT_ERROR = object_of_texts("name", "message", "stack", meaning=ScriptError)
AS_OBJECT = shape(st.dictionaries(TEXT, JSON, max_size=3), A_TEXT | A_NUMBER | A_FLAG | AN_ARRAY)
AS_ANYTHING = shape(JSON.filter(lambda value: value is not None), None)
# Whether a call failed: yes, no, or the failure itself, of which JSON need not show anything.
AS_FAILURE = Shape(
    st.sampled_from([(True, True), (False, False), ({}, True), ("ECONNREFUSED", True)]),
    None,
    _itself,
)


# Fields: what Rocket.Chat calls them, what they are called here, what they hold.


@attrs.frozen
class Field:
    name: str
    shape: Shape
    unset: Any = None
    """What is read where the server has none."""


INTEGRATION = {
    "name": Field("name", AS_TEXT, ""),
    "enabled": Field("enabled", AS_FLAG, False),
    "username": Field("username", AS_TEXT, ""),
    "channel": Field("channel", AS_TEXTS, ()),
    "alias": Field("alias", AS_TEXT),
    "avatar": Field("avatar", AS_TEXT),
    "emoji": Field("emoji", AS_TEXT),
    "scriptEnabled": Field("script_enabled", AS_FLAG, False),
    "script": Field("script", AS_TEXT),
    "scriptEngine": Field("script_engine", AS_TEXT),
    "skipTranspile": Field("skip_transpile", AS_FLAG),
    "token": Field("token", AS_TEXT),
    "userId": Field("user_id", AS_TEXT),
    "_createdAt": Field("created_at", AS_TIME),
    "_createdBy": Field("created_by", AS_USER, UserReference(None, None)),
    "_updatedAt": Field("updated_at", AS_TIME),
    "_updatedBy": Field("updated_by", AS_USER),
    "scriptCompiled": Field("script_compiled", AS_TEXT),
    "scriptError": Field("script_error", AS_SCRIPT_ERROR),
}
INCOMING = {
    **INTEGRATION,
    "overrideDestinationChannelEnabled": Field("override_destination_channel_enabled", AS_FLAG, False),
}
OUTGOING = {
    **INTEGRATION,
    "event": Field("event", AS_EVENT, ""),
    "urls": Field("urls", AS_TEXTS, ()),
    "targetRoom": Field("target_room", AS_TEXT),
    "triggerWords": Field("trigger_words", AS_TEXTS, ()),
    "triggerWordAnywhere": Field("trigger_word_anywhere", AS_FLAG, False),
    "runOnEdits": Field("run_on_edits", AS_FLAG, False),
    "impersonateUser": Field("impersonate_user", AS_FLAG, False),
    "retryFailedCalls": Field("retry_failed_calls", AS_FLAG, False),
    "retryCount": Field("retry_count", AS_NUMBER),
    "retryDelay": Field("retry_delay", AS_TEXT),
}
HISTORY = {
    "type": Field("type", AS_TEXT),
    "step": Field("step", AS_TEXT),
    "event": Field("event", AS_EVENT),
    "_createdAt": Field("created_at", AS_TIME),
    "_updatedAt": Field("updated_at", AS_TIME),
    "url": Field("url", AS_TEXT),
    "triggerWord": Field("trigger_word", AS_TEXT),
    "finished": Field("finished", AS_FLAG, False),
    "error": Field("error", AS_FAILURE, False),
    "errorStack": Field("error_stack", AS_ANYTHING),
    "httpResult": Field("http_result", AS_TEXT),
    "httpError": Field("http_error", AS_ANYTHING),
    "data": Field("data", AS_OBJECT),
    "integration": Field("integration", AS_OBJECT),
    "httpCallData": Field("http_call_data", AS_OBJECT),
    "ranPrepareScript": Field("ran_prepare_script", AS_FLAG, False),
    "prepareSentMessage": Field("prepare_sent_message", AS_ANYTHING),
    "processSentMessage": Field("process_sent_message", AS_ANYTHING),
    "resultMessage": Field("result_message", AS_ANYTHING),
}


def means(document: dict[str, Any], fields: dict[str, Field]) -> dict[str, Any]:
    """The fields of the record that a sample stands for."""
    known = {
        fields[key].name: fields[key].shape.meaning(value)
        for key, value in document.items()
        if value is not None and key in fields
    }
    return {**{field.name: field.unset for field in fields.values()}, **known, "id": document["_id"], "extra": {}}


# Samples: the vendor's, what a real server answered, and two that have every field.

VENDORS: list[dict[str, Any]] = [
    {
        "integration": {
            "type": "webhook-incoming",
            "username": "test.cat",
            "channel": ["#general"],
            "scriptEnabled": True,
            "name": "test.cat",
            "enabled": True,
            "scriptEngine": "isolated-vm",
            "overrideDestinationChannelEnabled": False,
            "token": "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
            "userId": "CkCPNcvsvCDfmWLqC",
            "_createdAt": "2024-01-10T14:12:07.739Z",
            "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
            "_id": "659ea5b72dd9f928ada3e43e",
        },
        "success": True,
    },
    {
        "integration": {
            "type": "webhook-outgoing",
            "username": "test.cat",
            "channel": ["#general"],
            "scriptEnabled": True,
            "name": "test.cat",
            "enabled": True,
            "event": "sendMessage",
            "urls": ["https://text2gif.guggy.com/guggify"],
            "scriptEngine": "isolated-vm",
            "userId": "CkCPNcvsvCDfmWLqC",
            "_createdAt": "2024-01-10T14:12:52.201Z",
            "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
            "_id": "659ea5e42dd9f928ada3e451",
        },
        "success": True,
    },
]
EVERY_FIELD: dict[str, Any] = {
    "_id": "RJsw31sJX99c",
    "type": "webhook-outgoing",
    "name": "deployer",
    "enabled": True,
    "username": "rocket.cat",
    "channel": ["#ops", "@alice"],
    "alias": "Deploy Bot",
    "avatar": "https://example.com/c.png",
    "emoji": ":robot:",
    "scriptEnabled": True,
    "script": "class Script {}",
    "scriptEngine": "isolated-vm",
    "skipTranspile": True,
    "token": "3yZ8KpWqTnV5sRbXcM7dFgHj",
    "userId": "u1",
    "_createdAt": "2024-01-10T14:12:07.739Z",
    "_createdBy": {"_id": "u2", "username": "bob"},
    "_updatedAt": "2024-01-11T00:00:00.001Z",
    "_updatedBy": {"_id": "u3", "username": "carol"},
    "scriptCompiled": "compiled",
    "scriptError": {"name": "SyntaxError", "message": "unexpected", "stack": "at"},
    "event": "sendMessage",
    "urls": ["https://bot.example/1", "https://bot.example/2"],
    "targetRoom": "#log",
    "triggerWords": ["!deploy", "!ship"],
    "triggerWordAnywhere": True,
    "runOnEdits": True,
    "impersonateUser": True,
    "retryFailedCalls": True,
    "retryCount": 2,
    "retryDelay": "powers-of-two",
}
ENTRY: dict[str, Any] = {
    "_id": "b284tYQm",
    "type": "outgoing-webhook",
    "step": "url-response-sent-message",
    "integration": EVERY_FIELD,
    "event": "sendMessage",
    "data": {},
    "_createdAt": "2026-11-22T19:51:45.316Z",
    "_updatedAt": "2026-11-22T19:51:45.327Z",
    "ranPrepareScript": True,
    "triggerWord": "!deploy",
    "url": "https://bot.example/1",
    "httpCallData": {"token": "3yZ8KpWqTnV5sRbXcM7dFgHj", "bot": False},
    "httpResult": '"pong"',
    "httpError": {"statusCode": 500},
    "error": True,
    "errorStack": "at line 1",
    "prepareSentMessage": [],
    "processSentMessage": [],
    "resultMessage": [{"channel": "#ops"}],
    "finished": True,
}
RECORDINGS = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))


def carried(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents in an answer."""
    return [*filter(None, [answer.get("integration")]), *answer.get("integrations", []), *answer.get("history", [])]


def recorded_answers() -> list[tuple[str, str, dict[str, Any]]]:
    """The answers that carry something: scenario, endpoint and JSON, with a date where the recording says so."""
    answers: list[tuple[str, str, dict[str, Any]]] = []
    answer: Any
    for scenario in RECORDINGS["scenarios"]:
        for step in scenario["steps"]:
            answer = json.loads(json.dumps(step["expect"]["json"]).replace("<date>", "2026-11-22T19:51:45.316Z"))
            if {"integration", "integrations", "history"}.intersection(answer):
                answers.append((scenario["name"], step["path"].rpartition("/")[2], answer))
    return answers


RECORDED = recorded_answers()
SAMPLES = [
    *(document for answer in VENDORS for document in carried(answer)),
    *(document for _, _, answer in RECORDED for document in carried(answer)),
    EVERY_FIELD,
    {**EVERY_FIELD, "type": "webhook-incoming", "overrideDestinationChannelEnabled": True},
]


# Kinds of records, and what asks for them.


@attrs.frozen
class Kind:
    record: type[Any]
    fields: dict[str, Field]
    samples: list[dict[str, Any]]


def samples_of(type: IntegrationType, fields: dict[str, Field]) -> list[dict[str, Any]]:
    """The samples of the type, without the other type's fields."""
    return [
        {key: value for key, value in sample.items() if key in fields or key in ("_id", "type")}
        for sample in SAMPLES
        if sample["type"] == type
    ]


KINDS = {
    "incoming": Kind(IncomingIntegrationRecord, INCOMING, samples_of(IntegrationType.INCOMING, INCOMING)),
    "outgoing": Kind(OutgoingIntegrationRecord, OUTGOING, samples_of(IntegrationType.OUTGOING, OUTGOING)),
    "history": Kind(HistoryEntry, HISTORY, [ENTRY]),
}
INTEGRATIONS = ["incoming", "outgoing"]

WANTED_IN = IncomingIntegration("ci", channel="#builds", username="rocket.cat")
WANTED_OUT = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="u", token="chosen")
HELD_IN = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i1")
HELD_OUT = OutgoingIntegrationRecord("bot", event="sendMessage", username="rocket.cat", urls="u", id="o1")

GET = operations.get("i1")
CREATE = {"incoming": operations.create(WANTED_IN), "outgoing": operations.create(WANTED_OUT)}
UPDATE = {
    "incoming": operations.update(HELD_IN, WANTED_IN, None),
    "outgoing": operations.update(HELD_OUT, WANTED_OUT, None),
}
LIST = operations.list_page(0, 100, name=None, type=None)
HISTORY_PAGE = operations.history_page("o1", 0, 100)
PAGES: list[tuple[Operation[Page[Any]], str, list[str]]] = [
    (LIST, "integrations", INTEGRATIONS),
    (operations.channel_list({"roomId": "r1"}, everywhere=True).first_page(), "integrations", INTEGRATIONS),
    (operations.group_list({"roomName": "ops"}, everywhere=True).first_page(), "integrations", INTEGRATIONS),
    (HISTORY_PAGE, "history", ["history"]),
]


def success(**payload: Any) -> Response:
    return Response(200, {}, json.dumps({"success": True, **payload}).encode())


def answered(operation: Operation[Any], document: Any) -> Any:
    """What the operation makes of a document: a record, or the error that it raises."""
    try:
        return operation.decode(success(integration=document))
    except DecodingError as error:
        return error


# Documents with what is expected of them.


@attrs.frozen
class Document:
    json: Any
    id: str | None
    """The readable id."""

    record: type[Any] | None = None
    means: dict[str, Any] | None = None
    """The fields of the record that it stands for."""

    wrong: frozenset[str] = frozenset()
    """What cannot be read, each by its path in the document; empty if it stands for a record."""


def check(document: Document, decoded: Any, path: str) -> None:
    """Hold what was made of a document against what was expected; `path` is the document's in the answer."""
    if document.wrong:
        assert isinstance(decoded, DecodingError), decoded
        assert sorted(line.partition(": must be ")[0] for line in decoded.errors) == sorted(
            path + place for place in document.wrong
        )
        assert decoded.id == document.id
        assert decoded.may_have_acted
        assert (decoded.__cause__, decoded.__context__) == (None, None)
        assert all(line in str(decoded) for line in decoded.errors)
        told = f"{decoded} {decoded!r} {vars(decoded)}"
        assert CANARY not in told
        assert str(CANARY_NUMBER) not in told
    else:
        assert type(decoded) is document.record, decoded
        assert {field.name: getattr(decoded, field.name) for field in attrs.fields(document.record)} == document.means


@st.composite
def varied(draw: st.DrawFn, name: str) -> Document:
    """A sample, to which any number of things were done that servers do and that harm nothing."""
    kind = KINDS[name]
    sample = draw(st.sampled_from(kind.samples))
    document = {**sample, "_id": draw(TEXT)}
    meaning = means(document, kind.fields)
    for key, field in kind.fields.items():
        what = draw(st.sampled_from(["as it was", "missing", "null", "another"]))
        if what == "another":
            document[key], meaning[field.name] = draw(field.shape.right)
        elif what == "null":
            document[key], meaning[field.name] = None, field.unset
        elif what == "missing":
            document.pop(key, None)
            meaning[field.name] = field.unset
    names = st.sampled_from(["id", "extra", "avatarUrl", "created_at", *OUTGOING, *INCOMING, *HISTORY]) | TEXT
    unknown = names.filter(lambda key: key not in kind.fields and key not in ("_id", "type"))
    meaning["extra"] = draw(st.dictionaries(unknown, JSON, max_size=3))
    return Document({**document, **meaning["extra"]}, document["_id"], kind.record, meaning)


@st.composite
def broken(draw: st.DrawFn, name: str) -> Document:
    """A sample with some fields of a wrong type, and with secrets in others."""
    kind = KINDS[name]
    sample = {**draw(st.sampled_from(kind.samples)), "_id": draw(TEXT), "unknown": CANARY}
    secrets = dict.fromkeys({"token", "script", "scriptCompiled", "httpResult", "url"} & kind.fields.keys(), CANARY)
    values = {key: field.shape.wrong for key, field in kind.fields.items() if field.shape.wrong is not None}
    values["_id"] = st.none() | NO_TEXT
    sure = draw(st.sampled_from(sorted(values)))
    wrong = {key: draw(value) for key, value in values.items() if key == sure or draw(st.booleans())}
    return Document(
        {**sample, **secrets, **wrong},
        None if "_id" in wrong else sample["_id"],
        wrong=frozenset(f".{key}" for key in wrong),
    )


@st.composite
def of_no_type(draw: st.DrawFn) -> Document:
    """An integration that is neither incoming nor outgoing: its fields cannot be judged, and are not."""
    document = draw(st.one_of(*(varied(name) | broken(name) for name in INTEGRATIONS)))
    json = {**document.json, "type": draw(st.none() | NO_TEXT | A_TEXT | st.sampled_from(["", "outgoing-webhook"]))}
    if draw(st.booleans()):
        del json["type"]
    return Document(json, document.id, wrong=frozenset([".type"]))


NO_OBJECT = (st.none() | A_TEXT | A_NUMBER | A_FLAG | AN_ARRAY).map(
    lambda json: Document(json, None, wrong=frozenset([""]))
)


# The properties.


def name_of(document: dict[str, Any]) -> str:
    return "incoming" if document["type"] == IntegrationType.INCOMING else "outgoing"


def asking(endpoint: str, documents: list[dict[str, Any]]) -> Operation[Any]:
    """An operation that is answered by the endpoint with these documents."""
    if endpoint == "integrations.create":
        return CREATE[name_of(documents[0])]
    if endpoint == "integrations.update":
        return UPDATE[name_of(documents[0])]
    others: dict[str, Operation[Any]] = {
        "integrations.get": GET,
        "integrations.list": LIST,
        "integrations.history": HISTORY_PAGE,
        "integrations.remove": operations.remove("i1", IntegrationType.INCOMING),
    }
    return others[endpoint]


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        *(("integrations.create", answer) for answer in VENDORS),
        *((endpoint, answer) for _, endpoint, answer in RECORDED),
    ],
    ids=["vendor, incoming", "vendor, outgoing", *(f"{scenario}, {endpoint}" for scenario, endpoint, _ in RECORDED)],
)
def test_every_sample_is_read_by_the_operation_that_asked_for_it(endpoint: str, answer: dict[str, Any]) -> None:
    """What a server is known to have answered becomes records with exactly those fields."""
    documents = carried(answer)
    decoded = asking(endpoint, documents).decode(Response(200, {}, json.dumps(answer).encode()))
    if endpoint == "integrations.remove":
        assert decoded is None
        return
    records: list[Any] = [record for _, record in decoded.records()] if hasattr(decoded, "records") else [decoded]
    for document, record in zip(documents, records, strict=True):
        kind = KINDS[name_of(document)]
        check(Document(document, document["_id"], kind.record, means(document, kind.fields)), record, "")


def alone(name: str, document: Any) -> tuple[Any, str]:
    """What is made of a document that is the only one in its answer, and its path there."""
    if name == "history":
        ((_, entry),) = HISTORY_PAGE.decode(success(history=[document], total=1)).records()
        return entry, "history[0]"
    return answered(GET, document), "integration"


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, kind in KINDS.items() for key in kind.fields])
@brief
@given(data=st.data())
def test_each_field_is_read_for_itself(name: str, key: str, data: st.DataObject) -> None:
    """Missing, null, any value of its type or one of another: whatever one field is, the others are what they were."""
    kind = KINDS[name]
    sample, field = kind.samples[-1], kind.fields[key]
    others = {other: value for other, value in sample.items() if other != key}
    value, meaning = data.draw(field.shape.right)
    for document, read_as in (
        (others, field.unset),
        ({**others, key: None}, field.unset),
        ({**others, key: value}, meaning),
    ):
        expected = {**means(sample, kind.fields), field.name: read_as}
        check(Document(document, sample["_id"], kind.record, expected), *alone(name, document))
    if field.shape.wrong is not None:
        document = {**others, key: data.draw(field.shape.wrong)}
        check(Document(document, sample["_id"], wrong=frozenset([f".{key}"])), *alone(name, document))


def asked_for(documents: Callable[[str], st.SearchStrategy[Document]]) -> st.SearchStrategy[tuple[Any, Document]]:
    """An operation that is answered with one integration, and one of the documents for it."""
    return st.sampled_from(INTEGRATIONS).flatmap(
        lambda name: st.tuples(st.sampled_from([GET, CREATE[name], UPDATE[name]]), documents(name))
    )


@calm
@given(asked_for(varied))
def test_what_servers_vary_harms_nothing(asked: tuple[Operation[Any], Document]) -> None:
    """Fields that are missing, null, unknown or spelled otherwise are read as what they mean; all others are kept."""
    operation, document = asked
    check(document, answered(operation, document.json), "integration")


@calm
@given(asked_for(broken) | st.tuples(st.just(GET), of_no_type() | NO_OBJECT))
def test_wrong_types_are_told_with_their_paths(asked: tuple[Operation[Any], Document]) -> None:
    """Just the fields that cannot be read are named, all of them, with the record's id and without any value."""
    operation, document = asked
    check(document, answered(operation, document.json), "integration")


@calm
@given(varied("history") | broken("history"))
def test_an_entry_of_a_history_is_read_with_the_same_care(document: Document) -> None:
    """What servers vary harms nothing, and what cannot be read is told with its path."""
    check(document, *alone("history", document.json))


@st.composite
def pages(draw: st.DrawFn) -> tuple[Operation[Page[Any]], str, list[Document]]:
    """An operation that is answered with a page, the page's name and what is on it."""
    operation, key, names = draw(st.sampled_from(PAGES))
    good = st.one_of(*map(varied, names))
    bad = st.one_of(NO_OBJECT, *map(broken, names), *([] if key == "history" else [of_no_type()]))
    return operation, key, draw(st.lists(good | bad, max_size=4))


@calm
@given(pages(), st.integers(0))
def test_a_page_gives_what_can_be_read_of_it(
    page: tuple[Operation[Page[Any]], str, list[Document]], total: int
) -> None:
    """The good records of a page come in order, and in the place of each broken one its error with its index."""
    operation, key, documents = page
    read = operation.decode(success(total=total, **{key: [document.json for document in documents]}))
    assert (read.total, len(read)) == (total, len(documents))
    assert read.ids() == [document.id for document in documents if document.id is not None]
    for number, (document, (id, decoded)) in enumerate(zip(documents, read.records(), strict=True)):
        assert id == document.id
        check(document, decoded, f"{key}[{number}]")


MISSING = object()
NO_ARRAY = st.just(MISSING) | st.none() | A_TEXT | A_NUMBER | A_FLAG | AN_OBJECT
NO_COUNT = st.just(MISSING) | st.none() | A_TEXT | A_FLAG | AN_ARRAY | AN_OBJECT | NO_NUMBER


@calm
@given(
    st.sampled_from(PAGES),
    st.tuples(st.just([]), NO_COUNT) | st.tuples(NO_ARRAY, st.integers(0)) | st.tuples(NO_ARRAY, NO_COUNT),
)
def test_a_page_needs_its_list_and_its_total(
    page: tuple[Operation[Page[Any]], str, list[str]], values: tuple[Any, Any]
) -> None:
    """Without both a list could not be told to be complete: what is missing or of a wrong type is named."""
    operation, key, _ = page
    payload = {name: value for name, value in zip((key, "total"), values, strict=True) if value is not MISSING}
    with pytest.raises(DecodingError) as caught:
        operation.decode(success(**payload))
    wrong = [
        *([] if isinstance(payload.get(key), list) else [key]),
        *([] if type(payload.get("total")) is int else ["total"]),
    ]
    check(Document(payload, None, wrong=frozenset(wrong)), caught.value, "")


DEEP = json.loads("[" * 300 + "]" * 300)
SOMETHING = JSON | st.just(DEEP) | st.sampled_from(["2024-01-10T14:12:07.739Z", {"$date": 0}, {"_id": "u1"}])
ANY_FIELDS = st.dictionaries(st.sampled_from(sorted({"_id", "type", *INCOMING, *OUTGOING, *HISTORY})), SOMETHING)
ANY_INTEGRATION = st.fixed_dictionaries({"type": st.sampled_from([str(type) for type in IntegrationType]), "_id": TEXT})
ANY_DOCUMENT: st.SearchStrategy[Any] = SOMETHING | st.tuples(ANY_INTEGRATION, ANY_FIELDS).map(lambda it: it[0] | it[1])


@calm
@given(st.sampled_from([GET, *CREATE.values(), *UPDATE.values()]), ANY_DOCUMENT)
def test_any_json_is_a_record_or_a_decoding_error(operation: Operation[Any], document: Any) -> None:
    """Whatever stands in the place of an integration is read or refused; a record that was read can be used."""
    decoded = answered(operation, document)
    if isinstance(decoded, DecodingError):
        assert decoded.errors
        assert all(line.startswith("integration") for line in decoded.errors)
    elif document is None:
        assert operation in UPDATE.values()  # which some servers answer with null
        assert decoded is None
    else:
        assert (decoded.id, decoded.type) == (document["_id"], document["type"])
        assert decoded.definition.name == decoded.name
        assert decoded in {decoded}
        assert repr(decoded)


@calm
@given(ANY_DOCUMENT)
def test_any_json_in_a_list_is_what_it_is_alone(document: Any) -> None:
    """A list reads an integration as `get` does, and tells the same of one that cannot be read."""
    ((_, listed),) = LIST.decode(success(integrations=[document], total=1)).records()
    alone = answered(GET, document)
    if isinstance(alone, DecodingError):
        assert isinstance(listed, DecodingError)
        assert listed.errors == tuple(f"integrations[0]{line.removeprefix('integration')}" for line in alone.errors)
        assert listed.id == alone.id
    else:
        assert listed == alone


@calm
@given(ANY_DOCUMENT)
def test_any_json_in_a_history_is_an_entry_or_a_decoding_error(document: Any) -> None:
    """A history is read to its end, whatever is in it; an entry that was read can be used."""
    entry, _ = alone("history", document)
    if isinstance(entry, DecodingError):
        assert all(line.startswith("history[0]") for line in entry.errors)
    else:
        assert entry.id == document["_id"]
        assert entry in {entry}
        assert repr(entry)
