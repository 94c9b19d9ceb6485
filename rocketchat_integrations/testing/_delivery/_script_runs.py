"""Run the scripts of integrations, each in an engine that is kept until the integration changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs

from rocketchat_integrations.exceptions import IntegrationScriptError, ScriptRuntimeError
from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import trim
from rocketchat_integrations.testing._world._scripts import ScriptSupport, is_strict, source_for_engine

if TYPE_CHECKING:
    from rocketchat_integrations.scripts._engine import Engine, Fetch, LogLine, ScriptResponse

ScriptFetch: TypeAlias = "Mapping[str, ScriptResponse] | Fetch"
"""What ``fetch`` in scripts answers: a response for each URL, or a function of the URL and the options."""

T = TypeVar("T")

_logger = logging.getLogger("rocketchat_integrations.testing")


class ScriptFailed(Exception):
    """A script does not load, or a method of it failed. The text has no part of the script."""

    def __init__(self, error: IntegrationScriptError, error_type: str) -> None:
        super().__init__(str(error))
        self.error_type = error_type
        """The server's name of the failure."""
        self.stack = (isinstance(error, ScriptRuntimeError) and error.stack) or str(error)


class _EngineSlot:
    """The engine of one integration. Its script runs one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._version: object = None
        self._is_retired = False

    def use(self, version: object, load: Callable[[], Engine], act: Callable[[Engine], T]) -> T:
        """Call a function with the engine and return the result. Load the engine again if the integration changed."""
        with self._lock:
            try:
                if self._engine is None or self._version != version:
                    self._close()
                    self._engine, self._version = load(), version
                return act(self._engine)
            finally:
                if self._is_retired:
                    self._close()

    def retire(self) -> None:
        """Close the engine: now, or after the call that is being made."""
        self._is_retired = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


@attrs.frozen(eq=False)
class IntegrationScript:
    """The script of an integration, as it is at one time. Its methods need no lock of the server."""

    name: str
    """The integration's name, for the log."""
    source: str = attrs.field(repr=False)
    strict: bool
    version: object = attrs.field(repr=False)
    fetch: Fetch = attrs.field(repr=False)
    slot: _EngineSlot = attrs.field(repr=False)

    def has(self, method: str) -> bool:
        """Return whether the script loads and has a method."""
        try:
            return self._use(lambda engine: method in engine.functions)
        except ScriptFailed as failed:
            _logger.info("script of %r: %s", self.name, failed)
            return False

    def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """Return what a method returns; None if the script has no such method.

        Raises:
            ScriptFailed: the script does not load, or the method failed.
        """
        return self._use(lambda engine: self._call(engine, method, parameters))

    def _use(self, act: Callable[[Engine], T]) -> T:
        return self.slot.use(self.version, self._load, act)

    def _load(self) -> Engine:
        # Imported here, since the embedded server works without the extra.
        from rocketchat_integrations.scripts._engine import Engine

        try:
            engine = Engine(self.source, strict=self.strict, fetch=self.fetch)
        except IntegrationScriptError as error:
            raise ScriptFailed(error, "error-evaluating-script") from None
        self._log(engine.loaded.logs)
        return engine

    def _call(self, engine: Engine, method: str, parameters: Mapping[str, Any]) -> Any:
        if method not in engine.functions:
            return None
        try:
            outcome = engine.call(method, parameters)
        except IntegrationScriptError as error:
            self._log(getattr(error, "logs", ()))
            _logger.info("script of %r: %s", self.name, error)
            raise ScriptFailed(error, "error-running-script") from None
        self._log(outcome.logs)
        return outcome.value

    def _log(self, lines: tuple[LogLine, ...]) -> None:
        for line in lines:
            level = logging.DEBUG if line.level == "debug" else logging.INFO
            _logger.log(level, "script of %r: console.%s: %s", self.name, line.level, line.text)


class ScriptRuns:
    """The scripts of one server, and their engines."""

    def __init__(self, support: ScriptSupport, dialect: Dialect, fetch: ScriptFetch | None) -> None:
        self._support = support
        self._dialect = dialect
        self._fetch = _fetch_function(fetch)
        self._lock = threading.Lock()
        self._slots: dict[str, _EngineSlot] = {}

    def script_of(self, document: Document) -> IntegrationScript | None:
        """Return the script that runs for an integration; None if none does."""
        source = document.get("scriptCompiled")
        if document.get("scriptEnabled") is not True or not isinstance(source, str) or not trim(source):
            return None
        if not self._support.is_on:
            return None
        strict = is_strict(self._dialect, document)
        with self._lock:
            slot = self._slots.setdefault(document["_id"], _EngineSlot())
        return IntegrationScript(
            name=str(document.get("name") or document["_id"]),
            source=source_for_engine(source, strict=strict),
            strict=strict,
            version=(source, strict, document.get("_updatedAt")),
            fetch=self._fetch,
            slot=slot,
        )

    def forget(self, integration_id: str) -> None:
        """Close the engine of a removed integration."""
        with self._lock:
            slot = self._slots.pop(integration_id, None)
        if slot is not None:
            slot.retire()

    def close(self) -> None:
        """Close all engines. An engine in use is closed after its call."""
        with self._lock:
            slots, self._slots = self._slots, {}
        for slot in slots.values():
            slot.retire()


def _fetch_function(answers: ScriptFetch | None) -> Fetch:
    if callable(answers):
        return answers
    known: Mapping[str, ScriptResponse] = answers or {}

    def answer(url: str, _: Mapping[str, Any]) -> ScriptResponse:
        if url not in known:
            raise OSError(f"no response for {url}: give the server one with script_fetch=")
        return known[url]

    return answer
