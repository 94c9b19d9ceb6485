"""Run scripts in V8.

Each script has a context of its own, with the globals of the server's sandbox, which ``_sandbox.js`` makes. Code goes
in as text and JSON comes out. JavaScript never calls Python: requests of ``fetch`` are taken out of a queue, answered
here, and the promises resolved by a further evaluation.
"""

from __future__ import annotations

import functools
import importlib.resources
import importlib.util
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs

from rocketchat_integrations._tracebacks import sealed, sealed_init
from rocketchat_integrations.exceptions import (
    ConfigurationError,
    ScriptLimitError,
    ScriptRuntimeError,
    ScriptSyntaxError,
)

from ._failure_text import syntax_error_text, thrown_error_text
from ._v8 import EvaluationError, FailureKind, Isolate
from ._v8_process import IsolateProcess

T = TypeVar("T")

SECONDS = 3.0
"""The time that loading may take, and each call."""
MEMORY = 8 * 2**20
"""The memory that a script may use, in bytes."""

_SECONDS_FOR_LOGS = 0.25
_SECONDS_FOR_GARBAGE = 3.0
# Code is compiled and not run if the first statement throws.
_CHECK = "throw 0;(function(){"
# Names in stack traces.
_SCRIPT = "script.js"
_BRIDGE = "sandbox.js"


@attrs.frozen
class ScriptResponse:
    """The response to a ``fetch`` of a script."""

    status: int = attrs.field(default=200, kw_only=True)
    """The HTTP status; ``ok`` is true from 200 to 299."""

    text: str = attrs.field(default="", kw_only=True, repr=False)
    """The body."""

    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], kw_only=True, repr=False)
    """The headers, which a script gets as an array of pairs."""


@attrs.frozen
class LogLine:
    """A line that a script wrote to the console."""

    level: str
    """``"log"``, ``"info"``, ``"warn"``, ``"error"`` or ``"debug"``."""

    text: str = attrs.field(repr=False)
    """The arguments as text, separated by spaces."""


@attrs.frozen
class Outcome:
    """The result of calling a method of a script."""

    value: Any = attrs.field(repr=False)
    """The value returned, as JSON has it. ``undefined`` is None; a date is ISO 8601 text."""

    logs: tuple[LogLine, ...]
    leaked: tuple[str, ...]
    """The names that the call has made global by assigning to them without a declaration, the way of 8.x."""


Fetch = Callable[[str, Mapping[str, Any]], ScriptResponse]
"""Answers a request of a script, given its URL and the options (``method``, ``headers``, ``body`` and others).

An OSError means that no response arrives: the promise of ``fetch`` is rejected with its text. Other exceptions are
raised to the caller.
"""


def _no_answer(url: str, _: Mapping[str, Any]) -> ScriptResponse:
    raise OSError(f"no response for {url}: give the script one with fetch=")


@sealed
def check_syntax(source: str) -> None:
    """Check the syntax of a script as server 9.0 does when it is saved. Nothing is run.

    The server puts the text between ``(function(){`` and ``})``, without a line end: a comment in the last line must
    end with one.

    Raises:
        ScriptSyntaxError: the script does not compile.
        ScriptLimitError: compiling takes too long, or too much memory.
        ConfigurationError: the extra ``scripts`` is not installed.
    """
    _checker().use(lambda context: context.check(source))


@sealed_init
class Engine:
    """A script that is loaded into a context of its own, as server 9.0 does.

    A context holds what the script stores and the globals that it makes, until :meth:`close`. Threads may share an
    engine: its calls run one after the other. An engine whose script reached a limit is closed, and each further call
    raises ``ScriptLimitError``.

    Args:
        source: the text of the script.
        strict: run it as server 9.0 does. False for the way of 8.x: assigning to a name that is not declared makes it
            global, and does not throw. (``this`` in a plain nested function is undefined here, too. In 8.x it is the
            global object.)
        fetch: answers the requests of the script. Without it, ``fetch`` rejects.
        seconds: how long loading may take, and each call. Time in ``fetch`` does not count.
        memory: how many bytes of memory the script may use.
        own_process: run V8 in a process of its own, which is killed at a limit. False for V8 in this process.

    Raises:
        ScriptSyntaxError: the script does not compile.
        ScriptRuntimeError: it throws while it is loaded, or defines no ``Script``.
        ScriptLimitError: loading takes too long, or too much memory.
        ConfigurationError: the extra ``scripts`` is not installed, or the process cannot be started.
    """

    def __init__(
        self,
        source: str,
        *,
        strict: bool = True,
        fetch: Fetch | None = None,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        own_process: bool = True,
    ) -> None:
        self._source = source
        self._fetch = fetch or _no_answer
        self._lock = threading.Lock()
        self._dates = f"date {secrets.token_hex(16)}"
        self._context = Context(seconds=seconds, memory=memory, own_process=own_process)
        try:
            self._context.check(source)
            self._context.make_sandbox()
            loaded = self._load(strict=strict)
        except BaseException:
            self._context.close()
            raise
        self.functions: tuple[str, ...] = tuple(loaded.value)
        """The names of the methods that the server calls and the script has."""
        self.loaded = loaded
        """What the script wrote to the console while it was loaded, and the names that it leaked."""

    def __repr__(self) -> str:
        return f"Engine(functions={self.functions!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the context. Further calls raise ConfigurationError."""
        with self._lock:
            self._context.close()

    @sealed
    def call(self, method: str, parameters: Mapping[str, Any]) -> Outcome:
        """Call a method with one argument, and await what it returns.

        Args:
            method: one of :attr:`functions`.
            parameters: the argument, as JSON has it, and ``datetime`` for a ``Date``.

        Raises:
            ScriptRuntimeError: the method throws, or returns what the server cannot copy, such as a function.
            ScriptLimitError: the call takes too long, or too much memory, or the promise that it returns never settles.
        """
        text = json.dumps(parameters, default=self._date, ensure_ascii=False)
        dates = json.dumps(self._dates) if self._dates in text else "null"
        with self._lock:
            self._context.start()
            self._context.run(f"start({_literal(method)}, {_literal(text)}, {dates})")
            return self._settle(method)

    def _load(self, *, strict: bool) -> Outcome:
        wrapped = _wrap(self._source, self._context.bridge, strict=strict)
        self._shift = wrapped.shift
        self._context.start()
        self._context.run(f"load({_literal(wrapped.code)})")
        return self._settle("load")

    def _settle(self, doing: str) -> Outcome:
        logs: list[LogLine] = []
        leaked: dict[str, None] = {}
        while True:
            state = self._context.poll(logs)
            leaked |= dict.fromkeys(state["leaked"])
            if state["settled"]:
                break
            if not state["requests"]:
                self._context.check_memory()
                message = f"{doing}: the promise that the script returns never settles"
                raise ScriptLimitError(message, limit="promise", logs=tuple(logs))
            for number, url, options in state["requests"]:
                self._answer(number, url, options)
        self._context.check_memory()
        if "error" in state:
            error = state["error"] | {"stack": _stack(state["error"]["stack"], self._shift)}
            message = thrown_error_text(doing, error["name"], error["message"], error["stack"], self._source)
            raise ScriptRuntimeError(message, **error, logs=tuple(logs), leaked=tuple(leaked))
        return Outcome(state["value"], tuple(logs), tuple(leaked))

    def _answer(self, number: int, url: str, options: Mapping[str, Any]) -> None:
        try:
            response = self._fetch(url, options)
        except OSError as error:
            answer: dict[str, Any] = {"failure": str(error) or type(error).__name__}
        else:
            headers = [[name.lower(), value] for name, value in response.headers.items()]
            status = {"status": response.status, "statusText": "", "url": url}
            answer = {"response": {**status, "text": response.text, "headers": headers}}
        self._context.run(f"answer({number}, {_literal(json.dumps(answer, ensure_ascii=False))})")

    def _date(self, value: object) -> object:
        if not isinstance(value, datetime):
            raise TypeError(f"a script can get JSON and datetimes only, not {type(value).__name__}")
        return {self._dates: value.astimezone(UTC).timestamp() * 1000}


@attrs.frozen
class _Wrapped:
    """The code that loads a script. Its lines are those of the script."""

    code: str
    shift: int
    """The number of characters before the script in its first line."""


def _wrap(source: str, bridge: str, *, strict: bool) -> _Wrapped:
    before = f"const Store = {bridge}.store; "
    after = f"\n\n(function() {{ {bridge}.adopt(new Script()); }})();"
    if not strict:
        names = re.findall(r"\btypeof[\s(]+([\w$]+)", source)
        texts = (json.dumps(bridge), json.dumps(json.dumps(dict.fromkeys(names, True))))
        before, after = f"with ({bridge}.leaking({', '.join(texts)})) {{ {before}", f"{after} }}"
    return _Wrapped(f"{before}{source}{after}\n//# sourceURL={_SCRIPT}", len(before))


class Context:
    """A context of V8 with limits and the sandbox, in a process of its own or in this one."""

    def __init__(self, *, seconds: float = SECONDS, memory: int = MEMORY, own_process: bool = True) -> None:
        packages = _folder_of_mini_racer()
        self._seconds = self._left = seconds
        self._process = os.getpid()
        self._memory = memory
        self._reached: ScriptLimitError | None = None
        # A script cannot guess the name of the bridge.
        self.bridge = f"bridge_{secrets.token_hex(16)}"
        self._isolate: Isolate | IsolateProcess | None = (
            IsolateProcess(memory, packages) if own_process else Isolate(memory)
        )

    @property
    def is_inherited(self) -> bool:
        """Whether the context was made before this process was forked, and cannot be used here."""
        return os.getpid() != self._process

    def check(self, source: str) -> None:
        """Raise ScriptSyntaxError if a script does not compile. Nothing is run."""
        failure: ScriptSyntaxError | None = None
        try:
            self.evaluate(f"{_CHECK}{_as_unicode(source)}}})")
        except EvaluationError as error:
            if error.kind is FailureKind.SYNTAX:
                failure = _syntax_error(str(error))
            # Otherwise, the first statement threw.
        if failure is not None:
            raise failure

    def make_sandbox(self) -> None:
        """Define the globals of the server's sandbox, and the bridge."""
        self.evaluate(f"const {self.bridge} = {_sandbox()}\n//# sourceURL={_BRIDGE}")

    def start(self) -> None:
        """Begin to measure time."""
        self._left = self._seconds

    def run(self, call: str) -> str:
        """Call a function of the bridge."""
        return self.evaluate(f'"use strict"; {self.bridge}.{call}\n//# sourceURL={_BRIDGE}')

    def poll(self, logs: list[LogLine]) -> dict[str, Any]:
        """Return the state of the call, and add to the log lines."""
        state: dict[str, Any] = json.loads(self.run("poll()"))
        logs += (LogLine(level, text) for level, text in state["logs"])
        return state

    def evaluate(self, code: str) -> str:
        """Return the text that code gives, within the limits."""
        began = time.monotonic()
        try:
            return self._within_limits(lambda isolate: isolate.evaluate(code, self._left))
        finally:
            self._left -= time.monotonic() - began

    def check_memory(self) -> None:
        """Raise ScriptLimitError if too much memory is in use. Collect garbage, which later calls must not pay for."""
        if self._within_limits(lambda isolate: isolate.exceeds_memory(_SECONDS_FOR_GARBAGE)):
            raise self._limit_reached(FailureKind.MEMORY)

    def _within_limits(self, work: Callable[[Isolate | IsolateProcess], T]) -> T:
        """Return what V8 does, or raise ScriptLimitError and close."""
        if self._reached is not None:
            raise ScriptLimitError(str(self._reached), limit=self._reached.limit)
        if self._isolate is None:
            raise ConfigurationError("the script is closed")
        if self.is_inherited:
            raise ConfigurationError("the script belongs to the process that this one was forked from: load it again")
        try:
            return work(self._isolate)
        except EvaluationError as error:
            if error.kind not in {FailureKind.TIME, FailureKind.MEMORY}:
                raise
            kind = error.kind
        except BaseException:
            # Interrupted by Ctrl-C: V8 may be busy.
            self.close()
            raise
        raise self._limit_reached(kind)

    def _limit_reached(self, kind: FailureKind) -> ScriptLimitError:
        assert self._isolate is not None
        logs: list[LogLine] = []
        with suppress(EvaluationError):
            state = json.loads(self._isolate.evaluate(f"{self.bridge}.poll()", _SECONDS_FOR_LOGS))
            logs = [LogLine(level, text) for level, text in state["logs"]]
        self.close()
        message = {
            FailureKind.TIME: f"the script ran longer than {self._seconds:g} seconds",
            FailureKind.MEMORY: f"the script used more than {self._memory / 2**20:g} MB of memory",
        }[kind]
        self._reached = ScriptLimitError(message, limit=kind, logs=tuple(logs))
        return self._reached

    def close(self) -> None:
        isolate, self._isolate = self._isolate, None
        if isolate is not None:
            isolate.close()


class SharedContext:
    """A context for many calls, made when it is first needed, and again after it reached a limit or after a fork.

    Threads use it one after the other.

    Args:
        make: makes the context.
    """

    def __init__(self, make: Callable[[], Context]) -> None:
        self._make = make
        self._context: Context | None = None
        self._lock = threading.Lock()

    def use(self, work: Callable[[Context], T]) -> T:
        """Return what a function does with the context, within the context's limits.

        Raises:
            ScriptLimitError: it takes too long, or too much memory.
            ConfigurationError: the extra ``scripts`` is not installed, or the process cannot be started.
        """
        with self._lock:
            context, self._context = self._context, None
            if context is None or context.is_inherited:
                context = self._make()
            context.start()
            try:
                result = work(context)
                context.check_memory()
            except ScriptSyntaxError:
                self._context = context
                raise
            self._context = context
            return result


@functools.cache
def _checker() -> SharedContext:
    return SharedContext(Context)


def _folder_of_mini_racer() -> Path:
    found = importlib.util.find_spec("py_mini_racer")
    if found is None or found.origin is None:
        raise ConfigurationError(
            "running scripts needs the package mini-racer: pip install 'rocketchat-integrations[scripts]'"
        )
    return Path(found.origin).parents[1]


def _as_unicode(text: str) -> str:
    """Return the text with lone surrogates replaced, which UTF-8 lacks."""
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")


def _literal(text: str) -> str:
    """Return the JavaScript literal of a text. It escapes lone surrogates only, which UTF-8 lacks."""
    literal = json.dumps(text, ensure_ascii=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", literal)


@functools.cache
def _sandbox() -> str:
    return (
        importlib.resources.files("rocketchat_integrations.scripts").joinpath("_sandbox.js").read_text(encoding="utf-8")
    )


def _stack(stack: str, shift: int) -> str:
    """Return a stack trace with the columns of the script, and without the frames of the bridge."""
    lines = [line for line in stack.split("\n") if not re.match(rf"    at .*\b{_BRIDGE}:", line)]
    return re.sub(rf"(?<={_SCRIPT}:1:)\d+", lambda column: str(int(column[0]) - shift), "\n".join(lines))


def _syntax_error(report: str) -> ScriptSyntaxError:
    """Return the exception for a report of V8: a line with the error, the source line, and a line with a caret."""
    lines = report.split("\n")
    found = re.match(r"[^:]*:(\d+): (\w+): (.*)", lines[0])
    assert found is not None, "mini_racer words syntax errors in another way"
    line = int(found[1]) or 1
    caret = next((it.index("^") for it in lines[2:] if it.strip(" \t") and set(it) <= set(" \t^")), None)
    # V8 can name a place before the script, if the script closes what the check opens.
    column = None if caret is None else max(1, caret + 1 - (len(_CHECK) if line == 1 else 0))
    return ScriptSyntaxError(
        syntax_error_text(found[2], found[3], line, column), name=found[2], message=found[3], line=line, column=column
    )
