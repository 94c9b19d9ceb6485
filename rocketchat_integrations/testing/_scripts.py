"""A stand-in for the JavaScript compiler: a script that looks like one counts as compiled."""

from __future__ import annotations

import re

from ._javascript import trim
from ._world import Document

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


def compile_script(script: str) -> Document:
    """The fields that the server stores for a script: ``scriptCompiled``, or else ``scriptError``."""
    code = trim(_COMMENT_OR_TEXT.sub("", script))
    if re.match(r"class\s+Script\b", code) is None:
        return _syntax_error("the script has to start with the class name Script")
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
