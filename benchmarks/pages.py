"""Benchmark a page of 100 records: from the bytes of its body to frozen records."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from rocketchat_integrations import EventType, Response, RetryDelay
from rocketchat_integrations._protocol.endpoints import list_page

from . import samples
from .measuring import Row, fewer, ratio, times

_PAGES = 5
_BODY = samples.page(0, samples.PAGE_SIZE)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Model):
    id: str | None = Field(default=None, validation_alias="_id")
    username: str | None = None


class _ScriptError(_Model):
    name: str | None = None
    message: str | None = None
    stack: str | None = None


class _Integration(_Model):
    id: str = Field(validation_alias="_id")
    name: str
    username: str
    enabled: bool
    channel: tuple[str, ...]
    alias: str | None = None
    avatar: str | None = None
    emoji: str | None = None
    script_enabled: bool = Field(default=False, validation_alias="scriptEnabled")
    script: str | None = None
    script_engine: str | None = Field(default=None, validation_alias="scriptEngine")
    skip_transpile: bool | None = Field(default=None, validation_alias="skipTranspile")
    token: str | None = None
    user_id: str | None = Field(default=None, validation_alias="userId")
    created_at: datetime | None = Field(default=None, validation_alias="_createdAt")
    created_by: _User = Field(default_factory=_User, validation_alias="_createdBy")
    updated_at: datetime | None = Field(default=None, validation_alias="_updatedAt")
    updated_by: _User | None = Field(default=None, validation_alias="_updatedBy")
    script_compiled: str | None = Field(default=None, validation_alias="scriptCompiled")
    script_error: _ScriptError | None = Field(default=None, validation_alias="scriptError")


class _Incoming(_Integration):
    type: Literal["webhook-incoming"]
    override_destination_channel_enabled: bool = Field(
        default=False, validation_alias="overrideDestinationChannelEnabled"
    )


class _Outgoing(_Integration):
    type: Literal["webhook-outgoing"]
    event: EventType | str
    urls: tuple[str, ...]
    trigger_words: tuple[str, ...] = Field(default=(), validation_alias="triggerWords")
    trigger_word_anywhere: bool = Field(default=False, validation_alias="triggerWordAnywhere")
    target_room: str | None = Field(default=None, validation_alias="targetRoom")
    run_on_edits: bool = Field(default=False, validation_alias="runOnEdits")
    impersonate_user: bool = Field(default=False, validation_alias="impersonateUser")
    retry_failed_calls: bool = Field(default=False, validation_alias="retryFailedCalls")
    retry_count: int | None = Field(default=None, validation_alias="retryCount")
    retry_delay: RetryDelay | str | None = Field(default=None, validation_alias="retryDelay")


_MODELS: TypeAdapter[list[_Incoming | _Outgoing]] = TypeAdapter(
    list[Annotated[_Incoming | _Outgoing, Field(discriminator="type")]]
)


def _records() -> list[Any]:
    operation = list_page(0, samples.PAGE_SIZE, name=None, type=None)
    return list(operation.decode(Response(200, {}, _BODY)).records())


def _json() -> Any:
    return json.loads(_BODY)


def _models() -> list[_Incoming | _Outgoing]:
    return _MODELS.validate_python(json.loads(_BODY)["integrations"])


def _against(baseline: Callable[[], object]) -> Callable[[int], float]:
    return lambda rounds: ratio(times(_PAGES, _records), times(_PAGES, baseline), fewer(rounds, 2))


ROWS = (
    Row("page-json", "a page of 100 records to frozen records", "json.loads of it", 3.5, "", _against(_json)),
    Row("page-pydantic", "the same", "pydantic, validate_python of json.loads", 1.4, "", _against(_models)),
)
