"""Compile scripts: with V8 if the extra ``scripts`` is installed, or else by counting braces."""

from __future__ import annotations

import logging
import re

from rocketchat_integrations.exceptions import ConfigurationError, ScriptSyntaxError

from ._dialect import Dialect
from ._documents import Document
from ._javascript import is_truthy, trim

_logger = logging.getLogger("rocketchat_integrations.testing")

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


class ScriptSupport:
    """Whether a server runs scripts. If that was not chosen, it does with the extra ``scripts``.

    Raises:
        ConfigurationError: scripts are to run, and the extra is missing.
    """

    def __init__(self, chosen: bool | None) -> None:
        if chosen:
            _check_syntax("")
        self._is_on = chosen

    @property
    def is_on(self) -> bool:
        """Whether scripts run. The first answer logs if the extra is missing."""
        if self._is_on is None:
            try:
                _check_syntax("")
                self._is_on = True
            except ConfigurationError as error:
                _logger.warning("the scripts of integrations are not run: %s", error)
                self._is_on = False
        return self._is_on


def is_strict(dialect: Dialect, document: Document) -> bool:
    """Return whether a script runs as written. Before 9.0, Babel transpiles it unless ``skipTranspile`` is set."""
    return dialect.major >= 9 or is_truthy(document.get("skipTranspile"))


def source_for_engine(script: str, *, strict: bool) -> str:
    """Return the text to run. Babel removes comments and ends statements, also at the end of the text."""
    return script if strict else f"{script}\n;"


def check_script(script: str, *, strict: bool) -> Document:
    """Return the field that the server stores: ``scriptCompiled``, or ``scriptError`` with V8's message."""
    try:
        _check_syntax(source_for_engine(script, strict=strict))
    except ScriptSyntaxError as error:
        text = f"{error.name}: {error.message}"
        stack = f"{text}\n    at script.js:{error.line}"
        return {"scriptError": {"name": error.name, "message": error.message, "stack": stack}}
    return {"scriptCompiled": script}


def _check_syntax(source: str) -> None:
    # Imported here, since the embedded server works without the extra.
    from rocketchat_integrations.scripts._engine import check_syntax

    check_syntax(source)


def compile_script(script: str, *, any_code: bool = False) -> Document:
    """Return the same field without V8: braces have to match, and a class ``Script`` has to come first.

    With ``any_code``, the script need not be a class.
    """
    code = _code(script)
    if not any_code and re.match(r"class\s+Script\b", code) is None:
        return _syntax_error("the script must start with class Script")
    depth = 0
    for brace in re.findall(r"[{}]", code):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return _syntax_error("unexpected '}'")
    if depth or re.fullmatch(r"class\s+\w+", code):
        return _syntax_error("unexpected end of input")
    return {"scriptCompiled": script}


def defines_script(script: object) -> bool:
    """Return whether a compiled script defines ``Script``. Without it, no post is possible."""
    return (
        isinstance(script, str) and re.search(r"\b(class|function|var|let|const)\s+Script\b", _code(script)) is not None
    )


def _code(script: str) -> str:
    """Return a script without its comments and texts."""
    return trim(_COMMENT_OR_TEXT.sub("", script))


def _syntax_error(message: str) -> Document:
    message = f"SyntaxError: {message}"
    return {"scriptError": {"name": "SyntaxError", "message": message, "stack": f"{message}\n    at Script"}}
