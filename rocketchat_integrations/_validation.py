"""Check definitions: yield what is wrong with one, and raise nothing.

A rule looks at one definition, names the fields that it needs, and returns a :class:`Problem` or None. The rules for
types follow from the annotations in ``models``, those for ``choices`` from the metadata of the fields; the others are
written here. ``models.validate`` raises the first problem; a manifest reports all of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from types import NoneType
from typing import Any, NamedTuple, TypeAlias, cast, get_args, get_origin, get_type_hints

import attrs

BLANKS = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""The characters that JavaScript's ``trim()`` removes. Python's ``strip()`` removes others."""

EVERYWHERE = ("all_public_channels", "all_private_groups", "all_direct_messages")
"""The values of an outgoing ``channel`` besides ``#room`` and ``@user``."""

# JavaScript's Number.MAX_SAFE_INTEGER: the server stores larger numbers inexactly.
_MAX_SAFE_INTEGER = 2**53 - 1

_find_lone_surrogate = re.compile("[\ud800-\udfff]").search


def trimmed(text: str) -> str:
    """Return text without the blanks around it, as the server trims it."""
    return text.strip(BLANKS)


def is_unicode(text: str) -> bool:
    """Return whether text has no lone surrogate, which cannot be encoded as UTF-8."""
    return _find_lone_surrogate(text) is None


NOT_UNICODE = "must be valid Unicode, without lone surrogates"
"""What to say about text for which :func:`is_unicode` is false."""


@attrs.frozen
class Problem:
    """What is wrong with one field of a definition."""

    field: str
    """The name of the field."""

    message: str
    """What is allowed, such as ``"must be text"``. Shows no secret."""

    wrong_type: type | None = None
    """The type of the value, where the type is what is wrong."""

    expects_text: bool = False
    """Whether the field expects text."""

    def exception(self) -> TypeError | ValueError:
        """Return the exception to raise for this problem."""
        if self.wrong_type is None:
            return ValueError(f"{self.field}: {self.message}")
        wrong_type = "None" if self.wrong_type is NoneType else self.wrong_type.__name__
        return TypeError(f"{self.field}: {self.message}, not {wrong_type}")


class FieldType(NamedTuple):
    """The type of a field's value."""

    base: type
    """``str``, ``bool``, ``int``, or ``tuple`` for a tuple of texts."""

    is_optional: bool
    """Whether the value may be None."""

    choices: tuple[str, ...]
    """The values that are allowed; empty for any value."""


def field_types(definition: type) -> dict[str, FieldType]:
    """Return the types of a definition's fields by name, from their annotations and metadata."""
    hints = get_type_hints(definition)
    types: dict[str, FieldType] = {}
    for field in attrs.fields(definition):
        if "help" in field.metadata:  # the fields that the server adds to a record have none, and no rules
            hint = hints[field.name]
            named = (tuple,) if get_origin(hint) is tuple else get_args(hint) or (hint,)
            base = next(base for base in (tuple, bool, int, str) if base in named)
            types[field.name] = FieldType(base, NoneType in named, field.metadata.get("choices", ()))
    return types


def problems(
    definition: Any, fields: Iterable[str] | None = None, *, unreadable: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield what is wrong with a definition or record, at most one problem for each field.

    With ``fields``, apply only rules about these. Skip rules about fields that are ``unreadable`` or already have a
    problem.
    """
    type_rules, rules = _rules(definition.__class__)
    if fields is not None:
        concerned = frozenset(fields)
        type_rules = tuple(rule for rule in type_rules if rule[0] in concerned)
        rules = tuple(rule for rule in rules if not concerned.isdisjoint(rule[0]))
    wrong = set(unreadable)
    for field, check_value, is_optional, choices in type_rules:
        value = getattr(definition, field)
        if (value is None and is_optional) or field in wrong:
            continue
        problem = check_value(field, value, choices)
        if problem is not None:
            wrong.add(field)
            yield problem
    for needed, check in rules:
        if wrong and not wrong.isdisjoint(needed):
            continue
        problem = check(definition)
        if problem is not None:
            wrong.add(problem.field)
            yield problem


@functools.cache
def _rules(definition: type) -> tuple[tuple[_TypeRule, ...], tuple[_Rule, ...]]:
    types = field_types(definition)
    rules = _OUTGOING_RULES if "event" in types else _INCOMING_RULES
    return tuple((field, _TYPE_CHECKS[it.base], it.is_optional, it.choices) for field, it in types.items()), rules


_Check: TypeAlias = Callable[[Any], Problem | None]
_Rule: TypeAlias = tuple[frozenset[str], _Check]
_ValueCheck: TypeAlias = Callable[[str, object, tuple[str, ...]], Problem | None]
_TypeRule: TypeAlias = tuple[str, _ValueCheck, bool, tuple[str, ...]]


def _rule(*fields: str) -> Callable[[_Check], _Rule]:
    return lambda check: (frozenset(fields), check)


# Rules for types.


def _check_text(field: str, value: object, choices: tuple[str, ...]) -> Problem | None:
    if not isinstance(value, str):
        return Problem(field, "must be text", type(value), expects_text=True)
    if choices and value not in choices:
        return Problem(field, f"must be one of {', '.join(choices)}; {value!r} is not")
    return None if value.isascii() or is_unicode(value) else Problem(field, NOT_UNICODE)


def _check_texts(field: str, value: object, _: tuple[str, ...]) -> Problem | None:
    if not isinstance(value, tuple):
        return Problem(field, "must be text or a list of texts", type(value), expects_text=True)
    for element in cast("tuple[object, ...]", value):
        if not isinstance(element, str):
            return Problem(field, "must hold only text", type(element), expects_text=True)
        if not (element.isascii() or is_unicode(element)):
            return Problem(field, NOT_UNICODE)
    return None


def _check_flag(field: str, value: object, _: tuple[str, ...]) -> Problem | None:
    return None if value is True or value is False else Problem(field, "must be true or false", type(value))


def _check_number(field: str, value: object, _: tuple[str, ...]) -> Problem | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return Problem(field, "must be a whole number", type(value))
    if abs(value) > _MAX_SAFE_INTEGER:
        return Problem(field, f"must be between -{_MAX_SAFE_INTEGER} and {_MAX_SAFE_INTEGER}: others are rounded")
    return None


_TYPE_CHECKS: dict[type, _ValueCheck] = {str: _check_text, tuple: _check_texts, bool: _check_flag, int: _check_number}


# Rules for single fields.


@_rule("username")
def _username_is_not_blank(it: Any) -> Problem | None:
    return None if trimmed(it.username) else Problem("username", "must name a user, and is blank")


@_rule("channel")
def _channel_has_no_comma(it: Any) -> Problem | None:
    for part in it.channel:
        if "," in part:
            return Problem("channel", f"must not have a comma in an element: {part!r} would become two channels")
    return None


@_rule("channel")
def _incoming_channel_is_valid(it: Any) -> Problem | None:
    if not it.channel:
        return Problem("channel", "must name at least one '#room' or '@user'")
    for part in it.channel:
        if not trimmed(part).startswith(("#", "@")):
            return Problem("channel", f"must start with '#' or '@'; {part!r} does not")
    return None


@_rule("channel", "event")
def _outgoing_channel_is_valid(it: Any) -> Problem | None:
    parts = [part for part in map(trimmed, it.channel) if part]
    if not getattr(it.event, "uses_channel", True):  # an unknown event is text
        if any(it.channel) and not parts:
            return Problem("channel", f"must not be blank; leave it out, since {it.event} uses no channel")
        return None
    if it.channel and not parts:
        return Problem("channel", "must not be blank; leave it out to listen in every public channel")
    for part in parts:
        if not part.startswith(("#", "@")) and part not in EVERYWHERE:
            allowed = f"must start with '#' or '@' or be one of {', '.join(EVERYWHERE)}"
            return Problem("channel", f"{allowed}; {part!r} is not")
    return None


@_rule("urls")
def _urls_are_not_blank(it: Any) -> Problem | None:
    if not any(map(trimmed, it.urls)):
        return Problem("urls", "must hold at least one URL that is not blank")
    return Problem("urls", "must not hold empty text") if "" in it.urls else None


@_rule("trigger_words")
def _trigger_words_are_not_empty(it: Any) -> Problem | None:
    return Problem("trigger_words", "must not hold empty text") if "" in it.trigger_words else None


@_rule("token")
def _token_is_not_blank(it: Any) -> Problem | None:
    if it.token is None or trimmed(it.token):
        return None
    return Problem("token", "must not be blank; leave it out to have none")


# Rules for several fields.


@_rule("event", "target_room")
def _new_users_need_a_target_room(it: Any) -> Problem | None:
    if it.event == "userCreated" and not trimmed(it.target_room or ""):
        return Problem("target_room", "must name a room for the event userCreated")
    return None


@_rule("retry_count", "retry_failed_calls")
def _retries_need_a_count(it: Any) -> Problem | None:
    if it.retry_failed_calls and it.retry_count is not None and it.retry_count < 1:
        return Problem("retry_count", f"must be at least 1 with retry_failed_calls, not {it.retry_count}")
    return None


_INCOMING_RULES = (_username_is_not_blank, _channel_has_no_comma, _incoming_channel_is_valid)
_OUTGOING_RULES = (
    _username_is_not_blank,
    _channel_has_no_comma,
    _outgoing_channel_is_valid,
    _urls_are_not_blank,
    _trigger_words_are_not_empty,
    _token_is_not_blank,
    _new_users_need_a_target_room,
    _retries_need_a_count,
)
