"""The request schemas of the endpoints, and the verdict on a body in the words of the server.

The server checks bodies with ajv, a JSON schema validator for JavaScript. It stops at the first mistake of
each alternative, and servers of 8.x let it convert values before they are checked (``"true"`` becomes true).
Both show in the answers, so both are imitated here: the order of the checks is ajv's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import attrs

from ._javascript import trim

INCOMING = "webhook-incoming"
OUTGOING = "webhook-outgoing"


@attrs.frozen
class Field:
    """What one property may be: one of ``types``, and further limits for texts and for the items of arrays."""

    types: tuple[str, ...]
    nullable: bool = False
    pattern: str | None = None
    min_length: int = 0
    items: Field | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        return (*self.types, "null") if self.nullable else self.types


@attrs.frozen
class Shape:
    """One alternative of a schema: an object with these fields; ``closed`` ones take no others."""

    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    closed: bool = True


Schema: TypeAlias = tuple[Shape, ...]
"""The alternatives, of which exactly one has to match."""

_TEXT = Field(("string",))
_TEXT_OR_NULL = Field(("string",), nullable=True)
_SOME_TEXT = Field(("string",), min_length=1)
_FLAG = Field(("boolean",))
_FLAG_OR_NULL = Field(("boolean",), nullable=True)
_NUMBER_OR_NULL = Field(("number",), nullable=True)
_TEXTS_OR_NULL = Field(("array",), nullable=True, items=_SOME_TEXT)
_COUNT = Field(("number", "string", "null"))
_IS_INCOMING = Field(("string",), pattern=INCOMING)
_IS_OUTGOING = Field(("string",), pattern=OUTGOING)

_LOOKS: Mapping[str, Field] = {"alias": _TEXT_OR_NULL, "avatar": _TEXT_OR_NULL, "emoji": _TEXT_OR_NULL}
_CALLS: Mapping[str, Field] = {
    "event": _TEXT,
    "targetRoom": _TEXT_OR_NULL,
    "urls": _TEXTS_OR_NULL,
    "triggerWords": _TEXTS_OR_NULL,
    "triggerWordAnywhere": _FLAG_OR_NULL,
    "token": _TEXT_OR_NULL,
}
_RETRIES: Mapping[str, Field] = {
    "runOnEdits": _FLAG_OR_NULL,
    "retryFailedCalls": _FLAG_OR_NULL,
    "retryCount": _NUMBER_OR_NULL,
    "retryDelay": _TEXT_OR_NULL,
    "impersonateUser": _FLAG_OR_NULL,
}

CREATE: Schema = (
    Shape(
        {
            "type": _IS_INCOMING,
            "username": _TEXT,
            "channel": _TEXT,
            "scriptEnabled": _FLAG,
            "skipTranspile": _FLAG_OR_NULL,
            "overrideDestinationChannelEnabled": _FLAG_OR_NULL,
            "script": _TEXT_OR_NULL,
            "name": _TEXT,
            "enabled": _FLAG,
            **_LOOKS,
            "scriptEngine": _TEXT_OR_NULL,
        },
        required=("type", "username", "channel", "scriptEnabled", "name", "enabled"),
    ),
    Shape(
        {
            "type": _IS_OUTGOING,
            "username": _TEXT,
            "channel": _TEXT,
            **_CALLS,
            "scriptEnabled": _FLAG,
            "skipTranspile": _FLAG_OR_NULL,
            "script": _TEXT_OR_NULL,
            **_RETRIES,
            "name": _TEXT,
            "enabled": _FLAG,
            **_LOOKS,
            "scriptEngine": _TEXT_OR_NULL,
        },
        required=("type", "username", "channel", "event", "scriptEnabled", "name", "enabled"),
    ),
)

UPDATE: Schema = (
    Shape(
        {
            "type": _IS_INCOMING,
            "integrationId": _TEXT,
            "channel": _TEXT,
            "scriptEnabled": _FLAG,
            "skipTranspile": _FLAG_OR_NULL,
            "scriptEngine": _TEXT,
            "overrideDestinationChannelEnabled": _FLAG_OR_NULL,
            "script": _TEXT_OR_NULL,
            "name": _TEXT,
            "enabled": _FLAG,
            **_LOOKS,
        },
        required=("integrationId", "type", "channel", "scriptEnabled", "name", "enabled"),
        closed=False,
    ),
    Shape(
        {
            "type": _IS_OUTGOING,
            "integrationId": _TEXT_OR_NULL,
            "target_url": _TEXT_OR_NULL,
            "username": _TEXT,
            "channel": _TEXT,
            **_CALLS,
            "scriptEnabled": _FLAG,
            "skipTranspile": _FLAG_OR_NULL,
            "scriptEngine": _TEXT,
            "script": _TEXT_OR_NULL,
            **_RETRIES,
            "name": _TEXT,
            "enabled": _FLAG,
            **_LOOKS,
        },
        required=("type", "username", "channel", "event", "scriptEnabled", "name", "enabled"),
    ),
)

REMOVE: Schema = (
    Shape({"type": _IS_INCOMING, "integrationId": _TEXT}, required=("type", "integrationId"), closed=False),
    Shape({"type": _IS_OUTGOING, "target_url": _TEXT}, required=("type", "target_url"), closed=False),
    Shape({"type": _IS_OUTGOING, "integrationId": _TEXT}, required=("type", "integrationId"), closed=False),
)

GET: Schema = (Shape({"integrationId": _TEXT, "createdBy": _TEXT_OR_NULL}, required=("integrationId",), closed=False),)

LIST: Schema = (
    Shape(
        {
            "count": _COUNT,
            "offset": _COUNT,
            "sort": _TEXT_OR_NULL,
            "name": _TEXT_OR_NULL,
            "type": _TEXT_OR_NULL,
            "query": _TEXT_OR_NULL,
        }
    ),
)

HISTORY: Schema = (
    Shape(
        {
            "id": _SOME_TEXT,
            "offset": _NUMBER_OR_NULL,
            "count": _NUMBER_OR_NULL,
            "sort": _TEXT_OR_NULL,
            "query": _TEXT_OR_NULL,
        },
        required=("id",),
    ),
)

CLEAR_HISTORY: Schema = (Shape({"integrationId": _SOME_TEXT}, required=("integrationId",)),)

REPLAY_OUTGOING: Schema = (
    Shape(
        {"integrationId": _SOME_TEXT, "historyId": _SOME_TEXT},
        required=("integrationId", "historyId"),
    ),
)

CHANNEL_INTEGRATIONS: Schema = (
    Shape({"roomId": _TEXT, "includeAllPublicChannels": _TEXT_OR_NULL}, required=("roomId",)),
    Shape({"roomName": _TEXT, "includeAllPublicChannels": _TEXT_OR_NULL}, required=("roomName",)),
)

GROUP_INTEGRATIONS: Schema = (
    Shape({"roomId": _TEXT, "includeAllPrivateGroups": _TEXT_OR_NULL}, required=("roomId",)),
    Shape({"roomName": _TEXT, "includeAllPrivateGroups": _TEXT_OR_NULL}, required=("roomName",)),
)


def without(schema: Schema, *names: str) -> Schema:
    """The schema of a server that does not know these properties."""
    return tuple(
        attrs.evolve(shape, fields={name: field for name, field in shape.fields.items() if name not in names})
        for shape in schema
    )


def violations(schema: Schema, value: Any, *, coerce: bool) -> list[str]:
    """What is wrong with a body, one line a mistake, in the validator's words; empty when nothing is.

    With ``coerce``, values are converted in place where their type is wrong, as ajv's ``coerceTypes`` does: also
    by an alternative that does not match in the end, and whatever the verdict is.
    """
    if len(schema) == 1:
        mistake = _mistake_in(schema[0], value, coerce)
        return [] if mistake is None else [mistake]
    mistakes: list[str] = []
    matches = 0
    for shape in schema:
        mistake = _mistake_in(shape, value, coerce)
        if mistake is not None:
            mistakes.append(mistake)
            continue
        matches += 1
        if matches > 1:
            break
    return [] if matches == 1 else [*mistakes, "must match exactly one schema in oneOf"]


def _mistake_in(shape: Shape, value: Any, coerce: bool) -> str | None:
    if not isinstance(value, dict):
        return "must be object"
    body: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    for name in shape.required:
        if name not in body:
            return f"must have required property '{name}'"
    if shape.closed and any(name not in shape.fields for name in body):
        return "must NOT have additional properties"
    for name, field in shape.fields.items():
        if name in body:
            mistake = _settle(body, name, field, coerce)
            if mistake is not None:
                return mistake
    return None


def _settle(container: Any, key: str | int, field: Field, coerce: bool) -> str | None:
    """Check one value where it lies, converting it there if need be."""
    value = container[key]
    if not any(_is(kind, value) for kind in field.allowed):
        coerced, converted = _convert(field.allowed, value) if coerce else (False, None)
        if not coerced:
            return f"must be {','.join(field.types)}"
        value = container[key] = converted
    if isinstance(value, str):
        if len(value) < field.min_length:
            return f"must NOT have fewer than {field.min_length} characters"
        if field.pattern is not None and field.pattern not in value:
            return f'must match pattern "{field.pattern}"'
    if isinstance(value, list) and field.items is not None:
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        for index in range(len(items)):
            mistake = _settle(items, index, field.items, coerce)
            if mistake is not None:
                return mistake
    return None


def _is(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return _is_number(value) and math.isfinite(_double(value))
    if kind == "array":
        return isinstance(value, list)
    return value is None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _convert(kinds: tuple[str, ...], value: Any) -> tuple[bool, Any]:
    """Whether a value can be converted to one of the kinds, tried in their order, and the outcome."""
    for kind in kinds:
        if kind == "string":
            if _is_number(value) or isinstance(value, bool):
                return True, _javascript_text(value)
            if value is None:
                return True, ""
        elif kind == "number":
            if isinstance(value, bool) or value is None:
                return True, int(value or 0)
            if isinstance(value, str) and value:
                number = _javascript_number(value)
                if number is not None:
                    return True, number
        elif kind == "boolean":
            if value in ("false", None) or (_is_number(value) and value == 0):
                return True, False
            if value == "true" or (_is_number(value) and value == 1):
                return True, True
        elif kind == "null" and (value == "" or value is False or (_is_number(value) and value == 0)):
            return True, None
    return False, None


def _javascript_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    number = _double(value)
    if number == 0:
        return "0"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if 1e-6 <= abs(number) < 1e21:
        # Only as many digits as tell the number from its neighbours, then zeros.
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    return re.sub(r"e([+-])0", r"e\1", repr(number))


def _javascript_number(text: str) -> int | float | None:
    """The number that JavaScript reads a text as; None if it reads none, or an infinity, which JSON cannot hold."""
    text = trim(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", text):
        return _finite(int(text, 0))
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return _finite(float(text))
    return None if text else 0


def _finite(number: float) -> int | float | None:
    double = _double(number)
    if math.isinf(double):
        return None
    return int(double) if double.is_integer() else double


def _double(number: float) -> float:
    """The number as JavaScript holds it."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
