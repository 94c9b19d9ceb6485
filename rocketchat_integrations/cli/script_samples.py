"""Samples of what a script gets, and the results of running it with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import attrs

from rocketchat_integrations.exceptions import ScriptLimitError, ScriptRuntimeError
from rocketchat_integrations.scripts import (
    IncomingResult,
    LogLine,
    PrepareResult,
    ResponseResult,
    Script,
    ScriptRequest,
    ScriptResponse,
)

from .failures import CommandError
from .input_files import read_file

SAMPLES_SUFFIX = ".payloads"
"""What the name of a folder with the samples of a script ends with."""

_OBJECTS = ("headers", "query", "payload", "reply", "fetch")
_REPLY = ("status", "headers", "content")
_INCOMING = ("headers", "query", "content", "fetch", "expected")
_OUTGOING = ("payload", "url", "reply", "fetch", "expected")


def read_text(path: str) -> str:
    """Read a file.

    Raises:
        CommandError: if it is not UTF-8.
        OSError: if it cannot be read.
    """
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise CommandError(f"{path} is not UTF-8 text")


def read_json(path: str) -> Any:
    """Read a file with JSON.

    Raises:
        CommandError: if it is not JSON.
        OSError: if it cannot be read.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        problem = str(error)
    raise CommandError(f"{path} is not JSON: {problem}")


@attrs.frozen
class Sample:
    """A request to an incoming integration, or a call of an outgoing one with its reply.

    Args:
        values: the JSON object of the file: ``content``, and optionally ``headers`` and ``query``; or ``payload``, and
            optionally ``url`` and ``reply`` with ``status``, ``headers`` and ``content``. Both may have ``fetch``, the
            responses by URL with ``status``, ``text`` and ``headers``, and ``expected``, the result.
    """

    values: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def is_outgoing(self) -> bool:
        """Whether it is a call of an outgoing integration."""
        return "payload" in self.values


def is_sample(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a JSON value has only the keys of a sample."""
    return isinstance(value, dict) and (
        ("content" in value and value.keys() <= {*_INCOMING}) or ("payload" in value and value.keys() <= {*_OUTGOING})
    )


def sample_of(value: object, path: str) -> Sample:
    """Return the sample that a file contains.

    Raises:
        CommandError: if its value is not one.
    """
    if not is_sample(value):
        raise CommandError(
            f"{path}: must be an object with content ({', '.join(_INCOMING)}) or with payload ({', '.join(_OUTGOING)})"
        )
    for key in _OBJECTS:
        if not isinstance(value.get(key, {}), dict):
            raise CommandError(f"{path}: {key}: must be an object")
    reply: dict[str, Any] = value.get("reply", {})
    if not (reply.keys() <= {*_REPLY} and isinstance(reply.get("headers", {}), dict)):
        raise CommandError(f"{path}: reply: must have only {', '.join(_REPLY)}, and headers must be an object")
    return Sample(value)


@attrs.frozen(kw_only=True)
class ScriptRun:
    """What a script did with a sample."""

    incoming: IncomingResult | None = None
    prepared: PrepareResult | None = None
    responded: ResponseResult | None = None
    failure: ScriptRuntimeError | ScriptLimitError | None = None
    functions: tuple[str, ...] = ()
    """The methods of the script that the server calls, for an incoming integration."""

    @property
    def results(self) -> tuple[IncomingResult | PrepareResult | ResponseResult, ...]:
        """The results of the methods that returned."""
        return tuple(result for result in (self.incoming, self.prepared, self.responded) if result is not None)

    @property
    def logs(self) -> tuple[LogLine, ...]:
        """What the script wrote to the console."""
        logs = tuple(line for result in self.results for line in result.logs)
        return logs if self.failure is None else (*logs, *self.failure.logs)

    @property
    def leaked(self) -> tuple[str, ...]:
        """The names that became global, the way of 8.x."""
        sources = self.results if not isinstance(self.failure, ScriptRuntimeError) else (*self.results, self.failure)
        return tuple(dict.fromkeys(name for source in sources for name in source.leaked))

    def to_json(self) -> dict[str, Any] | None:
        """Return the result as a sample's ``expected`` has it; None if an incoming integration posts nothing."""
        data: dict[str, Any] = {}
        if self.prepared is not None:
            data |= {"request": _request_json(self.prepared.request), **_given(message=self.prepared.content)}
        if self.responded is not None:
            data |= _given(content=self.responded.content, suppressed=self.responded.suppressed or None)
        if self.incoming is not None:
            result = self.incoming
            data |= _given(content=result.content, response=result.response, error=result.error)
        if isinstance(self.failure, ScriptRuntimeError):
            data["throws"] = {"name": self.failure.name, "message": self.failure.message}
        return data or None


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _request_json(request: ScriptRequest | None) -> dict[str, Any] | None:
    if request is None:
        return None
    return {name: value for name, value in attrs.asdict(request).items() if name != "auth" or value is not None}


def run_sample(path: str, sample: Sample, *, strict: bool = True) -> ScriptRun:
    """Load a script and run it with a sample.

    Args:
        path: the file of the script.
        sample: what it gets.
        strict: run it as server 9.0 does; False: the way of 8.x.

    Raises:
        IntegrationScriptError: if it cannot be loaded.
        CommandError: if the sample is malformed.
    """
    with Script(read_text(path), fetch=_responses(sample.values.get("fetch", {})), strict=strict) as script:
        return (_run_outgoing if sample.is_outgoing else _run_incoming)(script, sample.values)


def _responses(values: Mapping[str, Any]) -> dict[str, ScriptResponse]:
    try:
        return {url: ScriptResponse(**response) for url, response in values.items()}
    except TypeError:
        pass
    raise CommandError("fetch: must have an object with status, text and headers for each URL")


def _run_incoming(script: Script, values: Mapping[str, Any]) -> ScriptRun:
    # As text, since it may be neither an object nor an array.
    body = json.dumps(values["content"], ensure_ascii=False, separators=(",", ":"))
    try:
        result = script.process_incoming_request(body, headers=values.get("headers"), query=values.get("query"))
    except (ScriptRuntimeError, ScriptLimitError) as failure:
        return ScriptRun(failure=failure)
    return ScriptRun(incoming=result, functions=script.functions)


def _run_outgoing(script: Script, values: Mapping[str, Any]) -> ScriptRun:
    url = {"url": values["url"]} if "url" in values else {}
    try:
        prepared = script.prepare_outgoing_request(values["payload"], **url)
    except (ScriptRuntimeError, ScriptLimitError) as failure:
        return ScriptRun(failure=failure)
    reply = values.get("reply")
    if prepared.request is None or reply is None:
        return ScriptRun(prepared=prepared)
    content, headers = reply.get("content", ""), reply.get("headers")
    try:
        responded = script.process_outgoing_response(prepared.request, reply.get("status", 200), content, headers)
    except (ScriptRuntimeError, ScriptLimitError) as failure:
        return ScriptRun(prepared=prepared, failure=failure)
    return ScriptRun(prepared=prepared, responded=responded)
