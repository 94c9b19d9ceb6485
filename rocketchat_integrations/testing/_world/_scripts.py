"""Compile scripts, in place of a JavaScript compiler: check the class and count braces."""

from __future__ import annotations

import re

from ._documents import Document
from ._javascript import trim

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


def compile_script(script: str) -> Document:
    """Return the field that the server stores for a script: ``scriptCompiled`` or ``scriptError``."""
    code = trim(_COMMENT_OR_TEXT.sub("", script))
    if re.match(r"class\s+Script\b", code) is None:
        return _syntax_error("the script must start with class Script")
    depth = 0
    for brace in re.findall(r"[{}]", code):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return _syntax_error("unexpected '}'")
    if depth or "{" not in code:
        return _syntax_error("unexpected end of input")
    return {"scriptCompiled": script}


def _syntax_error(message: str) -> Document:
    message = f"SyntaxError: {message}"
    return {"scriptError": {"name": "SyntaxError", "message": message, "stack": f"{message}\n    at Script"}}
