"""Schemas of the endpoints' parameters, as the server's validators have them."""

from __future__ import annotations

from collections.abc import Mapping

from rocketchat_integrations.testing._world._permissions import INCOMING, OUTGOING

from ._validator import Property, Schema, Shape

_TEXT = Property(("string",))
_TEXT_OR_NULL = Property(("string",), nullable=True)
_SOME_TEXT = Property(("string",), min_length=1)
_FLAG = Property(("boolean",))
_FLAG_OR_NULL = Property(("boolean",), nullable=True)
_NUMBER_OR_NULL = Property(("number",), nullable=True)
_TEXTS_OR_NULL = Property(("array",), nullable=True, items=_SOME_TEXT)
_COUNT = Property(("number", "string", "null"))
_IS_INCOMING = Property(("string",), pattern=INCOMING)
_IS_OUTGOING = Property(("string",), pattern=OUTGOING)

_LOOKS: Mapping[str, Property] = {"alias": _TEXT_OR_NULL, "avatar": _TEXT_OR_NULL, "emoji": _TEXT_OR_NULL}
_CALLS: Mapping[str, Property] = {
    "event": _TEXT,
    "targetRoom": _TEXT_OR_NULL,
    "urls": _TEXTS_OR_NULL,
    "triggerWords": _TEXTS_OR_NULL,
    "triggerWordAnywhere": _FLAG_OR_NULL,
    "token": _TEXT_OR_NULL,
}
_RETRIES: Mapping[str, Property] = {
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

CLEARED_BY_UPDATES = frozenset({*_LOOKS, *_CALLS, *_RETRIES, "script"} - {"event", "urls", "token"})
"""What an update of an outgoing integration clears where it leaves them out, from 8.x on."""

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
