"""Show a plan: as coloured lines with the differences of scripts, as Markdown, and as JSON."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rocketchat_integrations.models import Change
from rocketchat_integrations.provisioning import Create, Plan, Step, Unchanged, Update
from rocketchat_integrations.provisioning._plan import lines_of
from rocketchat_integrations.provisioning._steps import Secrets, source_text

from .lookup import label
from .masking import json_value
from .terminal import MarkedLine, print_lines, printable

# On the terminal, for each script. JSON has all lines.
_DIFF_LINES = 60
_LINE_LENGTH = 200
# Comparing longer scripts takes seconds.
_COMPARED_LINES = 10_000

# GitHub refuses comments of more than 65,536 characters.
_MARKDOWN_LENGTH = 60_000
_MARKDOWN_LINES = 300

_STYLES = {"+": "green", "~": "yellow", "-": "red", "@": "cyan"}


# Lines


def print_plan(changes: Plan, *, stderr: bool = False) -> None:
    """Print a plan, coloured: a line for each step and each field, and the differences of scripts."""
    print_lines(_plan_lines(changes), stderr=stderr)


def _plan_lines(changes: Plan) -> Iterator[MarkedLine]:
    for step in changes.steps:
        for line in lines_of(step):
            yield MarkedLine(line, _STYLES.get(line[:1], ""))
        if isinstance(step, Update):
            for line in _limited(_script_diff(step), _DIFF_LINES):
                yield MarkedLine(line, _STYLES.get(line[:1], ""), mark=" " * 8)
    yield MarkedLine(changes.summary)


def _script_diff(step: Update) -> Iterator[str]:
    """Yield the lines of a unified diff of the scripts, without the names of the files."""
    change: Change | None = next((change for change in step.changes if change.field == "script"), None)
    if change is None:
        return
    # Not by splitlines: a difference in line breaks is one.
    old, new = (str(text).split("\n") if text else [] for text in (change.old, change.new))
    if len(old) + len(new) > _COMPARED_LINES:
        yield "too long to be compared here"
        return
    for line in list(difflib.unified_diff(old, new, lineterm=""))[2:]:
        yield line[:1] + line[1:].expandtabs(4)


def _limited(lines: Iterable[str], most: int) -> Iterator[str]:
    """Yield at most so many lines, printable and not too long, and say how many are left out."""
    shown = [printable(line) for line in lines]
    for line in shown[:most]:
        yield line if len(line) <= _LINE_LENGTH else f"{line[:_LINE_LENGTH]}…"
    if len(shown) > most:
        yield f"… {len(shown) - most} more lines; --json has all of them"


# Markdown


def plan_markdown(changes: Plan) -> str:
    """Return a plan as Markdown for a comment: a summary, a table of the steps, and the scripts to unfold."""
    content = f"**{changes.summary}**\n"
    if changes:
        content += "\n| Step | Fields |\n| --- | --- |\n"
    content = _with_parts(content, map(_row, changes.steps), "| {} more steps | |\n")
    return _with_parts(content, filter(None, map(_details, changes.steps)), "\nScripts left out: {}.\n")


def _with_parts(content: str, parts: Iterable[str], note: str) -> str:
    """Append the parts that fit, and a note of how many do not."""
    left_out = 0
    for part in parts:
        if len(content) + len(part) > _MARKDOWN_LENGTH:
            left_out += 1
        else:
            content += part
    return content + note.format(left_out) if left_out else content


def _row(step: Step) -> str:
    head, *fields = lines_of(step)
    return f"| {_code(head)} | {'<br>'.join(_code(field.strip()) for field in fields)} |\n"


def _details(step: Step) -> str:
    """Return the script of a step to unfold; nothing if it has none."""
    if isinstance(step, Create):
        language, lines = "js", str(step.shown_fields["script"] or "").expandtabs(4).splitlines()
    else:
        language, lines = "diff", list(_script_diff(step)) if isinstance(step, Update) else []
    if not lines:
        return ""
    text = "\n".join(_limited(lines, _MARKDOWN_LINES))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    summary = f"<summary>Script of {_code(label(step))}</summary>"
    return f"\n<details>{summary}\n\n{fence}{language}\n{text}\n{fence}\n\n</details>\n"


def _code(text: str) -> str:
    """Return text as inline code. No character in it has a meaning in Markdown, in a table or in HTML."""
    escaped = re.sub(r"[!-/:-@\[-`{-~]", lambda found: f"&#{ord(found[0])};", printable(text))
    return f"<code>{escaped}</code>"


# JSON


def plan_json(changes: Plan) -> dict[str, Any]:
    """Return a plan as JSON values."""
    return {
        "creates": list(map(step_json, changes.creates)),
        "updates": list(map(step_json, changes.updates)),
        "removals": list(map(step_json, changes.removals)),
        "unchanged": list(map(step_json, changes.unchanged)),
        "prune": changes.prune,
    }


def step_json(step: Step | Unchanged) -> dict[str, Any]:
    """Return a step as JSON values, without secrets."""
    data: dict[str, Any] = {"action": action(step), "type": str(step.type), "name": step.name}
    if isinstance(step, Create):
        return {**data, "definition": json_value(step.shown_fields), "secrets": _sources_json(step.secrets)}
    data["id"] = step.id
    if isinstance(step, Update):
        data["renamed_from"] = step.renamed_from
        data["changes"] = [
            {"field": change.field, "old": json_value(change.old), "new": json_value(change.new)}
            for change in step.changes
        ]
        data["secrets"] = _sources_json(step.secrets)
    return data


def _sources_json(secrets: Secrets) -> dict[str, str]:
    return {field: source_text(source) for field, source in secrets.items()}


def action(step: Step | Unchanged) -> str:
    """Return what a step does, in one word."""
    return {"Create": "create", "Update": "update", "Remove": "remove"}.get(type(step).__name__, "keep")
