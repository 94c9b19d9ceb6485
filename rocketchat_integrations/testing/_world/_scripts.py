"""Compile scripts, in place of a JavaScript compiler: count braces, and look for ``class Script``."""

from __future__ import annotations

import re

from ._documents import Document
from ._javascript import trim

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


def compile_script(script: str, *, any_code: bool = False) -> Document:
    """Return the field that the server stores for a script: ``scriptCompiled`` or ``scriptError``.

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
