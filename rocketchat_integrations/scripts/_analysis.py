"""Find what breaks in an integration's script on server 9.0, without running it.

``analyzer.js`` finds the places and runs in V8: it is bundled from ``tools/script_analysis``, with acorn and
eslint-scope. The words for people are here.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ScriptLimitError, ScriptSyntaxError

from ._engine import Context, SharedContext
from ._failure_text import safe_name, without_quotations

# A script of 1 MB takes 220 MB, and one second on a machine that does nothing else.
_MEMORY = 256_000_000
_SECONDS = 30.0


class ProblemKind(StrEnum):
    """The kind of a `ScriptProblem`."""

    SYNTAX_ERROR = "syntax-error"
    """V8 cannot compile the script: the server stores it with a `script_error` and runs the integration without it."""
    NO_CLASS = "no-class"
    """The script does not define `Script` at its top level."""
    NO_METHOD = "no-method"
    """The class has none of the methods that the server calls: the script does nothing."""
    UNDECLARED_ASSIGNMENT = "undeclared-assignment"
    """A name that is never declared is assigned in a class body, which throws a `ReferenceError` since 9.0."""
    REMOVED_GLOBAL = "removed-global"
    """A name is used that only earlier servers had: `HTTP`, `require`, `_` or `moment`."""
    UNKNOWN_NAME = "unknown-name"
    """A name is used that neither JavaScript nor the sandbox nor the script defines."""
    THIS_IN_FUNCTION = "this-in-function"
    """A plain nested function uses `this`, which is undefined there since 9.0."""
    ARGUMENTS_CALLEE = "arguments-callee"
    """`arguments.callee` is used in a class body, which throws a `TypeError` since 9.0."""
    REDECLARED_GLOBAL = "redeclared-global"
    """The script declares `Store`, which the sandbox has declared already: it does not compile there."""
    MISSING_SEMICOLON = "missing-semicolon"
    """The last statement has no semicolon, so it merges with the code that the server appends to the script."""
    MISSING_LINE_BREAK = "missing-line-break"
    """The script ends in a comment, which hides the code that the server appends: it does not compile."""
    NOT_ANALYZED = "not-analyzed"
    """The script is too large or nested too deeply to be checked."""


@attrs.frozen
class ScriptProblem:
    """A place in a script that breaks on server 9.0.

    `str()` gives `line:column message`.
    """

    kind: ProblemKind
    """The kind of problem."""
    message: str
    """What is wrong; it names the identifier in question. It quotes no other text of the script."""
    line: int
    """The line; the first is 1."""
    column: int
    """The column, in UTF-16 code units as in JavaScript; the first is 1."""
    instead: str
    """What to write instead, in one sentence."""

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.message}"


# What is wrong, and what to write instead; `{name}` is the identifier, or what V8 says about the syntax.
_WORDS = {
    ProblemKind.SYNTAX_ERROR: ("{name}", "Correct the syntax: the server runs the integration without the script."),
    ProblemKind.NO_CLASS: (
        "no `class Script` at the top level",
        "Write `class Script { process_incoming_request({ request }) { … } }`.",
    ),
    ProblemKind.NO_METHOD: (
        "`class Script` has no method that the server calls",
        "Name it `process_incoming_request`, `prepare_outgoing_request` or `process_outgoing_response`.",
    ),
    ProblemKind.UNDECLARED_ASSIGNMENT: (
        "`{name}` is assigned but never declared, which throws a ReferenceError",
        "Declare it: `let {name}`.",
    ),
    ProblemKind.REMOVED_GLOBAL: ("`{name}` does not exist any more", "Do without `{name}`."),
    ProblemKind.UNKNOWN_NAME: (
        "`{name}` does not exist in scripts",
        "Declare it, or use what scripts have: JavaScript's own objects, `Store`, `console`, `s` and `fetch`.",
    ),
    ProblemKind.THIS_IN_FUNCTION: (
        "`this` is undefined in a plain function{name}",
        "Use an arrow function: `(…) => { … }`.",
    ),
    ProblemKind.ARGUMENTS_CALLEE: (
        "`{name}` throws a TypeError",
        "Give the function a name, and call it by that name.",
    ),
    ProblemKind.REDECLARED_GLOBAL: (
        "`{name}` is declared already, which is a SyntaxError",
        "Use the `{name}` that scripts have, or another name.",
    ),
    ProblemKind.MISSING_SEMICOLON: (
        "the last statement has no semicolon, and continues in the code that the server appends",
        "End the statement with a semicolon.",
    ),
    ProblemKind.MISSING_LINE_BREAK: (
        "the comment at the end hides the code that the server appends, which is a SyntaxError",
        "End the script with a line break, or remove the comment.",
    ),
    ProblemKind.NOT_ANALYZED: (
        "the script is too large or nested too deeply to be checked",
        "Split it into smaller parts.",
    ),
}
_NOT_ANALYZED = {"kind": "not-analyzed", "name": "", "line": 1, "column": 1}
_REPLACEMENTS = {
    "HTTP": "Use `await fetch(url, options)` in an async method.",
    "require": "Write the function in the script: modules cannot be loaded.",
    "_": "Use the methods of arrays and objects, such as `list.map(…)` and `Object.keys(…)`.",
    "moment": "Use `Date` and `Intl.DateTimeFormat`.",
    "module": "Guard it: `if (typeof module !== 'undefined') { … }`.",
    "exports": "Guard it: `if (typeof exports !== 'undefined') { … }`.",
    **dict.fromkeys(("setTimeout", "setInterval", "setImmediate"), "Leave it out: scripts have no timers."),
}


@sealed
def static_problems(source: str) -> tuple[ScriptProblem, ...]:
    """Return what breaks in a script on server 9.0, in the order of the text; empty when nothing was found.

    Nothing is run. Where the code leaves room for doubt, nothing is reported: a name that the script may define by
    `eval`, or a function that may get a `this`. If a function uses a name several times, its first place is reported.

    Raises:
        ConfigurationError: the extra ``scripts`` is not installed.
    """
    problems: list[dict[str, Any]]
    try:
        problems = _analyzer().use(lambda context: _analyze(context, source))
    except ScriptLimitError:
        problems = [_NOT_ANALYZED]
    return tuple(make_problem(**found) for found in problems)


def make_problem(kind: str, name: str, line: int, column: int) -> ScriptProblem:
    """Return a problem with the words for its kind. ``name`` is the identifier, or V8's message for a syntax error."""
    kind = ProblemKind(kind)
    message, instead = _WORDS[kind]
    if kind is ProblemKind.SYNTAX_ERROR:
        name = without_quotations(name)
    else:
        name = safe_name(name)
    if kind is ProblemKind.THIS_IN_FUNCTION:
        name = f": `{name}`" if name else ""
    elif kind in {ProblemKind.REMOVED_GLOBAL, ProblemKind.UNKNOWN_NAME}:
        instead = _REPLACEMENTS.get(name, instead)
    message, instead = (text.replace("{name}", name) for text in (message, instead))
    return ScriptProblem(kind, message, line, column, instead)


def _analyze(context: Context, source: str) -> list[dict[str, Any]]:
    """Return the problems as the analyzer has them: kind, name, line, column."""
    problems = _syntax_problems(context, source)
    return problems or json.loads(context.evaluate(f"JSON.stringify(analyzer.analyze({json.dumps(source)}))"))


def _syntax_problems(context: Context, source: str) -> list[dict[str, Any]]:
    """Return V8's syntax error, if there is one: the analyzer needs a source that compiles."""
    try:
        context.check(f"{source}\n")  # the analyzer reports a missing line break at the end
    except ScriptSyntaxError as error:
        found = error
    else:
        return []
    if found.name != "SyntaxError":  # nested too deeply
        return [_NOT_ANALYZED]
    return [{"kind": "syntax-error", "name": found.message, "line": found.line, "column": found.column or 1}]


def _make_context() -> Context:
    # In a process of its own: V8 and the parser end their process if a script is too large or nested too deeply.
    context = Context(seconds=_SECONDS, memory=_MEMORY)
    context.evaluate(Path(__file__).with_name("analyzer.js").read_text(encoding="utf-8"))
    return context


@cache
def _analyzer() -> SharedContext:
    return SharedContext(_make_context)
