"""Say in one line why a command failed, and what to do about it."""

from __future__ import annotations

from rocketchat_integrations.exceptions import RocketChatError, TransportError, TransportTimeout, UpdateIncomplete

from .terminal import error_text

# Advice for errors whose message cannot give any.
_HINTS: dict[type[Exception], str] = {
    TransportError: "is the address right, and the server up?",
    TransportTimeout: "is the address right, and the server up?",
    UpdateIncomplete: "this server cannot change that; the other fields were changed",
}

# The extra that installs a module, and what needs it.
_EXTRAS = {
    "click": ("cli", "this command"),
    "rich": ("cli", "this command"),
    "yaml": ("cli", "YAML"),
    "werkzeug": ("testing", "the embedded server"),
}


class CommandError(Exception):
    """A command cannot do what it was asked for; the message says why, and what to do."""


def failure_text(error: Exception) -> str:
    """Return why a command failed. An unexpected exception is only named: its message could contain a secret."""
    if isinstance(error, ModuleNotFoundError) and (module := (error.name or "").partition(".")[0]) in _EXTRAS:
        extra, user = _EXTRAS[module]
        return f'{user} needs an extra: python -m pip install "rocketchat-integrations[{extra}]"'
    if isinstance(error, (CommandError, RocketChatError, OSError)):
        hint = _HINTS.get(type(error))
        return error_text(error) + (f" ({hint})" if hint else "")
    return f"unexpected {type(error).__name__}: this is a bug; --debug shows where, please report it"
