"""Explain why the server refuses a step: the field, its value, and what to do."""

from __future__ import annotations

from typing import Any, cast

from rocketchat_integrations.exceptions import BadRequestError, PermissionDeniedError

from ._steps import Create, Remove, Step

_NO_USER = ("username", "there is no such user: create the user, or correct the entry")

# The field that the server refuses, and what is wrong with it, by the server's name of the error.
_REFUSED_FIELDS = {
    "error-invalid-room": (
        "channel",
        "there is no such room or user (upper and lower case differ): create it, or correct the entry",
    ),
    "error-invalid-channel": (
        "channel",
        "the user who applies the plan is not in the room: join it, or apply as a user who may manage all integrations",
    ),
    "error-invalid-user": _NO_USER,
    "error-invalid-username": _NO_USER,
    "error-invalid-post-as-user": _NO_USER,
}


def is_refused(error: Exception) -> bool:
    """Return whether the server refuses the step itself, so that applying the same plan again cannot help."""
    return isinstance(error, (BadRequestError, PermissionDeniedError))


def explanation(step: Step, error: Exception) -> str:
    """Return why a step failed: the error's message, after the refused field with its value where it is known."""
    if isinstance(error, BadRequestError) and error.error_type in _REFUSED_FIELDS:
        field, problem = _REFUSED_FIELDS[error.error_type]
        return f"{field}{_values_of(step, field)}: {problem} ({error})"
    return str(error)


def _values_of(step: Step, field: str) -> str:
    """Return the values of a field as text; of several channels, the server does not say which one it refuses."""
    if isinstance(step, Remove):
        return ""
    value: Any = getattr(step.definition, field) if isinstance(step, Create) else step.fields.get(field, ())
    values = cast("tuple[str, ...]", (value,) if isinstance(value, str) else value)
    shown = ", ".join(map(repr, values))
    return f": one of {shown}" if len(values) > 1 else f" {shown}".rstrip()
