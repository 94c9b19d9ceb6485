"""Print the steps of a plan. Texts are escaped, so that a name cannot control the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

import attrs

from rocketchat_integrations.models import Change, IntegrationDefinition

from ._steps import SECRET_FIELDS, Create, Step, Update, label


def lines_of(step: Step) -> Iterator[str]:
    """Describe a step: one line, then one for each field."""
    if isinstance(step, Create):
        yield f"+ create {label(step.type, step.name)}"
        yield from (f"    {line}" for line in _non_default_fields(step.definition))
        yield from (f"    {field}: set" for field in step.secrets)
    elif isinstance(step, Update):
        if step.renamed_from is None:
            yield f"~ update {label(step.type, step.name)} ({step.id})"
        else:
            yield f"~ rename {label(step.type, step.renamed_from)} to {step.name!r} ({step.id})"
        yield from (f"    {_change_line(change)}" for change in step.changes if change.field != "name")
    else:
        yield f"- remove {label(step.type, step.name)} ({step.id})"


def _non_default_fields(definition: IntegrationDefinition) -> Iterator[str]:
    for field in attrs.fields(type(definition)):
        value = getattr(definition, field.name)
        if field.name != "name" and value != field.default:
            yield f"{field.name}: {_value_text(field.name, value)}"


def _change_line(change: Change) -> str:
    if change.field in SECRET_FIELDS:
        return f"{change.field}: changed"
    line = f"{change.field}: {_value_text(change.field, change.old)} -> {_value_text(change.field, change.new)}"
    return f"{line} ({_line_count(change.old, change.new)})" if change.field == "script" else line


def _value_text(field: str, value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(repr, cast("tuple[object, ...]", value)))
    if isinstance(value, str):
        return f"{len(value)} characters" if field == "script" else repr(str(value))
    return repr(value)


def _line_count(old: object, new: object) -> str:
    """Count the lines that only one of the texts has, regardless of order."""
    before, after = (Counter(str(text or "").splitlines()) for text in (old, new))
    return f"+{(after - before).total()} -{(before - after).total()} lines"
