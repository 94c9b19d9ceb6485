"""How people see a step. Texts are escaped: whoever names an integration does not write on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

import attrs

from rocketchat_integrations.models import Change, IntegrationDefinition

from ._steps import SECRET_FIELDS, Create, Step, Update, called


def lines_of(step: Step) -> Iterator[str]:
    """The step, and what it does to which field."""
    if isinstance(step, Create):
        yield f"+ create {called(step.type, step.name)}"
        yield from (f"    {line}" for line in _particulars(step.definition))
        yield from (f"    {field}: set" for field in step.secrets)
    elif isinstance(step, Update):
        if step.renamed_from is None:
            yield f"~ update {called(step.type, step.name)} ({step.id})"
        else:
            yield f"~ rename {called(step.type, step.renamed_from)} to {step.name!r} ({step.id})"
        yield from (f"    {_changed(change)}" for change in step.changes if change.field != "name")
    else:
        yield f"- remove {called(step.type, step.name)} ({step.id})"


def _particulars(definition: IntegrationDefinition) -> Iterator[str]:
    """The fields with another value than their default, but for the name, which has been said."""
    for field in attrs.fields(type(definition)):
        value = getattr(definition, field.name)
        if field.name != "name" and value != field.default:
            yield f"{field.name}: {_shown(field.name, value)}"


def _changed(change: Change) -> str:
    if change.field in SECRET_FIELDS:
        return f"{change.field}: changed"
    line = f"{change.field}: {_shown(change.field, change.old)} -> {_shown(change.field, change.new)}"
    return f"{line} ({_line_count(change.old, change.new)})" if change.field == "script" else line


def _shown(field: str, value: object) -> str:
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
    """How many lines of the one text the other has not, wherever they stand."""
    before, after = (Counter(str(text or "").splitlines()) for text in (old, new))
    return f"+{(after - before).total()} -{(before - after).total()} lines"
