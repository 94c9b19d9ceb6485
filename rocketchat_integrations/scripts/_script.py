"""Scripts of integrations: load one, and call its methods as the server does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeAlias, cast
from urllib.parse import urlencode

import attrs

from rocketchat_integrations._protocol.codec import message_body
from rocketchat_integrations._tracebacks import sealed, sealed_init
from rocketchat_integrations.exceptions import ConfigurationError, ScriptRuntimeError
from rocketchat_integrations.messages import Message

from ._analysis import ProblemKind, ScriptProblem, make_problem, static_problems
from ._engine import Engine, Fetch, Outcome, ScriptResponse
from ._message_reading import read_message
from ._results import IncomingResult, PrepareResult, ResponseResult, ScriptRequest

Answers: TypeAlias = Mapping[str, ScriptResponse] | Callable[[str, Mapping[str, Any]], ScriptResponse]

_INCOMING = "process_incoming_request"
_PREPARE = "prepare_outgoing_request"
_RESPONSE = "process_outgoing_response"

_PATH = "/hooks/INTEGRATION/TOKEN"
_USER = {"_id": "rocket.cat", "name": "Rocket.Cat", "username": "rocket.cat"}
_HEADERS = {"content-type": "application/json", "host": "localhost:3000"}
_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2227.0 Safari/537.36"


@sealed_init
class Script:
    """The script of an integration, loaded as server 9.0 does.

    It runs in V8, in a context of its own, which keeps what the script stores in ``Store`` and in global variables
    until :meth:`close`. Loading and each call may take 3 seconds, and the script 8 MB of memory. (A real server does
    not limit the time of calls. A script that takes too much memory there ends with ``Isolate was disposed during
    execution due to memory limit``.)

    V8 runs in a process of its own, which is killed when the script reaches a limit or is closed. Every script ends
    within about a second after its limit, and Python continues. On Linux, that process can take at most 512 MB. On
    other systems only V8 limits its memory: it does not count ``ArrayBuffer``, and checks when it collects garbage.
    After a fork, only the process that loaded a script can use it.

    The globals are those of the server's sandbox: ``Store``, ``console``, ``s``, ``fetch``, ``global`` and what
    JavaScript itself has. There is no ``require``, ``setTimeout``, ``HTTP``, ``_`` or ``moment``, as on the server.
    This sandbox lacks some parts of the server's: ``ivm`` and ``serverFetch``; methods of ``console`` besides ``log``,
    ``info``, ``warn``, ``error`` and ``debug`` (the others do nothing here); ``s.escapeHTML``, ``s.escapeRegExp`` and
    ``s.wildcardToRegex`` of some versions. ``s.stripTags`` only removes tags here, the server sanitizes HTML as well. A
    response of ``fetch`` has ``status``, ``statusText``, ``ok``, ``url``, ``redirected``, ``headers`` (an array of
    pairs), ``text()`` and ``json()``, and no other methods. V8 is newer here than in a server's Node.js: the newest
    syntax and built-in functions may run here only.

    Threads may share a script; its calls run one after the other.

    Args:
        source: the JavaScript text. It has to define ``class Script``.
        fetch: what ``fetch`` answers: a response for each URL, or a function of URL and options (``method``,
            ``headers``, ``body`` and others) that returns one. The promise is rejected for other URLs, and if the
            function raises an OSError.
        strict: run it as server 9.0 does. False to run it as 8.x does, where assigning to a name that is not declared
            makes it global: ``leaked`` of the results has these names. ``this`` in a plain nested function is undefined
            in both, while 8.x has the global object there.
        own_process: run V8 in a process of its own. False for V8 in this process, for scripts that you trust: loading
            takes 5 instead of 100 milliseconds, and a call 1 instead of 2. A script can then block Python or end it:
            V8 cannot interrupt some built-in functions, such as ``fill`` of a billion elements, and ends its process
            if there is not enough memory for them.

    Raises:
        ScriptSyntaxError: the script does not compile.
        ScriptRuntimeError: it throws while it is loaded, or defines no ``Script``.
        ScriptLimitError: loading takes too long, or too much memory.
        ConfigurationError: the extra ``scripts`` is not installed, or the process cannot be started.
    """

    def __init__(
        self, source: str, *, fetch: Answers | None = None, strict: bool = True, own_process: bool = True
    ) -> None:
        if not isinstance(source, str):
            raise ConfigurationError(f"source: must be text, not {type(source).__name__}")
        self._source = source
        answers = None if fetch is None else _fetch(fetch)
        self._engine = Engine(source, strict=strict, fetch=answers, own_process=own_process)
        self._leaked = dict.fromkeys(self._engine.loaded.leaked)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        fetch: Answers | None = None,
        strict: bool = True,
        own_process: bool = True,
    ) -> Self:
        """Load a script from a file in UTF-8.

        Raises:
            OSError: the file cannot be read.
            ConfigurationError: it is not UTF-8.
        """
        data = Path(path).read_bytes()
        try:
            source = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            source = None
        del data
        if source is None:
            raise ConfigurationError(f"{os.fspath(path)}: must be UTF-8")
        return cls(source, fetch=fetch, strict=strict, own_process=own_process)

    def __repr__(self) -> str:
        return f"Script(functions={self.functions!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory. The script cannot be called again."""
        self._engine.close()

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the methods that the script has, of those that the server calls."""
        return self._engine.functions

    @sealed
    def problems(self) -> tuple[ScriptProblem, ...]:
        """Return what breaks on server 9.0, in the order of the text; empty if nothing was found.

        The script is not run for this. With ``strict=False``, the names that leaked in the calls so far are included.
        For a script that cannot be loaded, see :func:`~rocketchat_integrations.scripts.static_problems`.
        """
        found = static_problems(self._source)
        leaks = [
            make_problem(ProblemKind.UNDECLARED_ASSIGNMENT, name, *_place(name, self._source)) for name in self._leaked
        ]
        known = {each.message for each in found}
        new = [each for each in leaks if each.message not in known]
        return tuple(sorted([*found, *new], key=lambda each: (each.line, each.column)))

    @sealed
    def process_incoming_request(
        self,
        content: Mapping[str, Any] | list[Any] | str | bytes | Message,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        user: str | Mapping[str, str] | None = None,
    ) -> IncomingResult:
        """Return what the webhook does with a request. Without the method, it does nothing.

        Args:
            content: the body: a JSON value, a message, or the text of the body, which must be JSON.
            headers: headers besides ``Content-Type: application/json`` and ``Host``. The script gets their names in
                lower case.
            query: the parameters of the URL.
            user: the user that the integration posts as: a name, or ``_id``, ``name`` and ``username``. Default:
                ``rocket.cat``.

        Raises:
            ScriptRuntimeError: the script throws, or returns a value without ``content``: the server answers 400 with
                ``error-running-script``.
            ScriptLimitError: the call takes too long, or too much memory, or its promise never settles.
            ConfigurationError: the text is not JSON, or the script is closed.
        """
        body, raw = _body(content)
        search = f"?{urlencode(query)}" if query else ""
        url = _PATH + search
        request = {
            "url": {"hash": "", "search": search, "query": dict(query or {}), "pathname": _PATH, "path": url},
            "url_raw": url,
            "url_params": {"integrationId": "INTEGRATION", "token": "TOKEN"},
            "content": body,
            "content_raw": raw,
            "headers": {**_HEADERS, **_lower(headers or {})},
            "body": body,
            "user": {"_id": user, "name": user, "username": user} if isinstance(user, str) else dict(user or _USER),
        }
        outcome = self._call(_INCOMING, {"request": request})
        said = _said(outcome)
        if not outcome.value and outcome.value != {}:  # an empty object is true in JavaScript
            return IncomingResult(message=None, **said)
        result = _fields(outcome.value)
        if result.get("error"):
            return IncomingResult(message=None, error=result["error"], **said)
        posted = _posted(result.get("content"))
        if posted["message"] is None:
            raise _without_content(outcome)
        return IncomingResult(**posted, response=result.get("response") or None, **said)

    @sealed
    def prepare_outgoing_request(
        self, payload: Mapping[str, Any], *, url: str = "https://bot.example.com/hook"
    ) -> PrepareResult:
        """Return what the integration does before its call. Without the method, the call is made as it is.

        Args:
            payload: the payload of the call. The text of ``timestamp`` becomes a ``Date``, as on the server.
            url: the URL of the integration.

        Raises:
            ScriptRuntimeError: the script throws: the server makes no call.
            ScriptLimitError: the call takes too long, or too much memory, or its promise never settles.
            ConfigurationError: the script is closed.
        """
        headers = {"User-Agent": _USER_AGENT}
        if _PREPARE not in self.functions:
            return PrepareResult(message=None, request=ScriptRequest(url=url, headers=headers, data=dict(payload)))
        data = {**payload, "timestamp": _time(payload["timestamp"])} if "timestamp" in payload else dict(payload)
        request = {"params": {}, "method": "POST", "url": url, "data": data, "headers": headers}
        outcome = self._call(_PREPARE, {"request": request})
        result = _fields(outcome.value)
        return PrepareResult(**_posted(result.get("message")), request=_request(result), **_said(outcome))

    @sealed
    def process_outgoing_response(
        self,
        request: ScriptRequest | Mapping[str, Any],
        status_code: int,
        content: str | Mapping[str, Any] | list[Any],
        headers: Mapping[str, str] | None = None,
    ) -> ResponseResult:
        """Return what the integration does with the reply to its call.

        Without the method, it does the same as without a script.

        Args:
            request: the request that was sent.
            status_code: the HTTP status of the reply.
            content: the body of the reply: text, or a JSON value.
            headers: its headers.

        Raises:
            ScriptRuntimeError: the script throws: the server continues as without a script.
            ScriptLimitError: the call takes too long, or too much memory, or its promise never settles.
            ConfigurationError: the script is closed.
        """
        text = content if isinstance(content, str) else _json(content)
        sent = attrs.asdict(request) if isinstance(request, ScriptRequest) else dict(request)
        response = {
            "error": None,
            "status_code": status_code,
            "content": text,
            "content_raw": text,
            "headers": _lower(headers or {}),
        }
        outcome = self._call(_RESPONSE, {"request": sent, "response": response})
        posted = _posted(_fields(outcome.value).get("content"))
        return ResponseResult(**posted, suppressed=outcome.value is False, **_said(outcome))

    def _call(self, method: str, parameters: Mapping[str, Any]) -> Outcome:
        if method not in self.functions:
            return Outcome(None, (), ())
        try:
            outcome = self._engine.call(method, parameters)
        except ScriptRuntimeError as error:
            self._leaked |= dict.fromkeys(error.leaked)
            raise
        self._leaked |= dict.fromkeys(outcome.leaked)
        return outcome


def _place(name: str, source: str) -> tuple[int, int]:
    """Return the line and column of the first use of a name."""
    before = re.split(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", source, maxsplit=1)[0]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _fetch(answers: Answers) -> Fetch:
    if callable(answers):
        return answers

    def answer(url: str, _: Mapping[str, Any]) -> ScriptResponse:
        if url not in answers:
            raise OSError(f"no response for {url}: give the script one with fetch=")
        return answers[url]

    return answer


def _body(content: Mapping[str, Any] | list[Any] | str | bytes | Message) -> tuple[Any, str]:
    """Return the body of a request, as a value and as text."""
    if isinstance(content, (str, bytes)):
        raw = content if isinstance(content, str) else content.decode(errors="replace")
        try:
            return json.loads(raw), raw
        except ValueError:
            pass
        raise ConfigurationError("content: text must be JSON")
    body = message_body(content) if isinstance(content, Message) else content
    return body, _json(body)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(f"content: must be valid as JSON: {problem}")


def _time(value: Any) -> Any:
    """Return the time of a payload for JavaScript; what is not a time stays as it is."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    return value


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _said(outcome: Outcome) -> dict[str, Any]:
    return {"logs": outcome.logs, "leaked": outcome.leaked}


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of a value; none unless it is an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _posted(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        return {"message": None}
    return {"message": read_message(_fields(content)), "content": content}


def _request(result: Mapping[str, Any]) -> ScriptRequest | None:
    url, method = result.get("url"), result.get("method")
    if not url or not method:
        return None
    headers = _fields(result.get("headers"))
    return ScriptRequest(url=url, method=method, headers=headers, data=result.get("data"), auth=result.get("auth"))


def _without_content(outcome: Outcome) -> ScriptRuntimeError:
    message = "the result has no content: return nothing to post nothing"
    return ScriptRuntimeError(f"{_INCOMING}: {message}", name="TypeError", message=message, stack="", logs=outcome.logs)
