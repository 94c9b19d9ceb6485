"""Settings of a server, which may change while it runs, and its clock."""

from __future__ import annotations

import math
import time

import attrs


def _positive_integer(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} must be an integer of at least 1, not {value!r}")


def _calls_and_seconds(
    _: object, attribute: attrs.Attribute[tuple[int, float] | None], value: tuple[int, float] | None
) -> None:
    match value:
        case None:
            return
        case (int(calls), int() | float() as seconds) if calls >= 1 and 0 < seconds < math.inf:
            return
        case _:
            raise ValueError(f"{attribute.name} must be (calls, seconds), both positive, or None, not {value!r}")


def _not_negative(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not (isinstance(value, (int, float)) and 0 <= value < math.inf):
        raise ValueError(f"{attribute.name} must be a number of at least 0, not {value!r}")


def _positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not (isinstance(value, (int, float)) and 0 < value < math.inf):
        raise ValueError(f"{attribute.name} must be a positive number of seconds, not {value!r}")


@attrs.define(kw_only=True)
class Settings:
    """Settings of a server. They are validated when they change, too."""

    page_cap: int = attrs.field(validator=_positive_integer)
    rate_limit: tuple[int, float] | None = attrs.field(validator=_calls_and_seconds)
    clock_skew: float
    frozen_scripts: bool
    requires_impersonation: bool
    custom_fields: bool
    max_message_size: int = attrs.field(validator=_positive_integer)
    retry_pace: float = attrs.field(validator=_not_negative)
    reply_timeout: float = attrs.field(validator=_positive)

    def now(self) -> float:
        """Return the seconds since the epoch by the server's clock."""
        return time.time() + self.clock_skew
