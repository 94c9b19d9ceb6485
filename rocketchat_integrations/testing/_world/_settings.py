"""Settings of a server, which may change while it runs, and its clock."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ._scripts import ScriptSupport


def _title(attribute: attrs.Attribute[Any]) -> str:
    setting = attribute.metadata.get("setting")
    return attribute.name if setting is None else f"{attribute.name} ({setting})"


def _positive_integer(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{_title(attribute)} must be an integer of at least 1, not {value!r}")


def _boolean(_: object, attribute: attrs.Attribute[bool], value: bool) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{_title(attribute)} must be True or False, not {value!r}")


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
    """Settings of a server. They are validated when they change, too. Some are settings of Rocket.Chat."""

    page_cap: int = attrs.field(validator=_positive_integer, metadata={"setting": "API_Upper_Count_Limit"})
    default_count: int = attrs.field(default=50, validator=_positive_integer, metadata={"setting": "API_Default_Count"})
    infinite_count: bool = attrs.field(
        default=True, validator=_boolean, metadata={"setting": "API_Allow_Infinite_Count"}
    )
    rate_limit: tuple[int, float] | None = attrs.field(validator=_calls_and_seconds)
    clock_skew: float
    frozen_scripts: bool
    requires_impersonation: bool
    custom_fields: bool = attrs.field(validator=_boolean, metadata={"setting": "Message_CustomFields_Enabled"})
    max_message_size: int = attrs.field(validator=_positive_integer, metadata={"setting": "Message_MaxAllowedSize"})
    retry_pace: float = attrs.field(validator=_not_negative)
    reply_timeout: float = attrs.field(validator=_positive)
    scripts: ScriptSupport

    def now(self) -> float:
        """Return the seconds since the epoch by the server's clock."""
        return time.time() + self.clock_skew


_FIELDS: Mapping[str, str] = {
    field.metadata["setting"]: field.name for field in attrs.fields(Settings) if "setting" in field.metadata
}


class WorkspaceSettings(Mapping[str, Any]):
    """The settings of Rocket.Chat that the server has, by Rocket.Chat's names. None can be added or removed.

    - ``API_Upper_Count_Limit``: how many items a page of a list has at most, at least 1; also ``page_cap``.
    - ``API_Default_Count``: how many items a page has if the request does not say, at least 1; 50 at first.
    - ``API_Allow_Infinite_Count``: whether ``count=0`` means all items, in one page; True at first. If False, it means
      ``API_Default_Count``.
    - ``Message_CustomFields_Enabled``: whether messages may have custom fields; also ``custom_fields``. Only 8.x and
      later look at it.
    - ``Message_MaxAllowedSize``: the longest text of a message, at least 1; also ``max_message_size``. Only 8.x and
      later look at it.

    Values are read with ``settings[name]`` and changed with ``settings[name] = value``.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __getitem__(self, name: str) -> Any:
        """Return the value of a setting.

        Raises:
            KeyError: there is no such setting.
        """
        return getattr(self._settings, _field(name))

    def __setitem__(self, name: str, value: Any) -> None:
        """Change a setting.

        Raises:
            KeyError: there is no such setting.
            ValueError: the value is not allowed.
        """
        setattr(self._settings, _field(name), value)

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def __len__(self) -> int:
        return len(_FIELDS)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


def _field(name: str) -> str:
    if name not in _FIELDS:
        raise KeyError(f"there is no setting {name!r}, only {', '.join(_FIELDS)}")
    return _FIELDS[name]
