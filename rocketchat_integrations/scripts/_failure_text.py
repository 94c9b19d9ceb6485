"""Word failures of scripts so that no secret in a script's text is shown.

A message of V8 can quote the script, and an error that a script throws can say anything. Shown is only what quotes
nothing, or identifiers that occur in no string of the script. The whole text is in the exception's attributes.
"""

from __future__ import annotations

import re

# V8 quotes keywords and punctuation like this, and nothing else.
_UNEXPECTED = re.compile(r"Unexpected token '[^']+'")
_QUOTED = re.compile(r"""'[^']*[\w$][^']*'|"[^"]*"|/.*/""")
_NAME = r"[A-Za-z_$][\w$]*"
_PATH = rf"(?:\(intermediate value\)|{_NAME})(?:\.{_NAME}|\(\.\.\.\))*"
# Messages of V8 that quote nothing but identifiers.
_HARMLESS = re.compile(
    rf"(?:Class constructor )?({_PATH}) (?:is not defined|is not a function|is not a constructor|is not iterable"
    r"|cannot be invoked without 'new')"
    rf"|Cannot access '({_NAME})' before initialization"
    rf"|Cannot (?:read|set) properties of (?:undefined|null)(?: \((?:reading|setting) '({_NAME})'\))?"
    r"|Assignment to constant variable\.|Maximum call stack size exceeded|Invalid array length|Invalid string length"
    rf"|({_PATH}) is (?:undefined|null)"
)
_STRING = re.compile(r"'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`", re.DOTALL)
_PLACE = re.compile(r"script\.js:(\d+):(\d+)")


def without_quotations(message: str) -> str:
    """Return V8's message for a syntax error, with ``…`` for what it quotes, except keywords and punctuation."""
    return message if _UNEXPECTED.fullmatch(message) else _QUOTED.sub("…", message)


def syntax_error_text(name: str, message: str, line: int, column: int | None) -> str:
    """Return the text of the exception for a syntax error."""
    place = f"line {line}" if column is None else f"line {line}, column {column}"
    # A missing bracket gives another message, since the code that is appended begins with one.
    hint = "; the comment at the end needs a line break after it" if message == "Unexpected end of input" else ""
    return f"{place}: {name}: {without_quotations(message)}{hint}"


def safe_name(name: str) -> str:
    """Return an identifier, or ``…`` for one that looks like a secret whose quotes were forgotten."""
    return "…" if len(name) >= 16 and len(re.findall(r"\d", name)) >= 3 else name


def thrown_error_text(doing: str, name: str, message: str, stack: str, source: str) -> str:
    """Return the text of the exception for an error that a script threw."""
    place = _PLACE.search(stack.removeprefix(f"{name}: {message}"))
    where = f"{doing}, line {place[1]}" if place else doing
    # A script can give its errors any name.
    known = name if re.fullmatch(r"[A-Z][a-zA-Z]{0,20}Error|Error", name) and _is_harmless(name, source) else "an error"
    if doing == "load" and message == "Script is not defined":
        return "the script defines no class Script"
    found = _HARMLESS.fullmatch(message)
    if found and all(_is_harmless(quoted, source) for quoted in found.groups() if quoted):
        return f"{where}: {known}: {message}"
    return f"{where}: {known}; its text is in the exception's attribute message"


def _is_harmless(quoted: str, source: str) -> bool:
    """Return whether no part of a quotation is in a string of the script, or looks like a secret."""
    strings = "\n".join(_STRING.findall(source))
    words = re.findall(_NAME, quoted)
    return not any(word in strings for word in words if len(word) > 2) and words == [*map(safe_name, words)]
