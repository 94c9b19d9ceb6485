"""Versions of the server that can be imitated."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

import attrs

SkipTranspile: TypeAlias = Literal["refused", "ignored", "stored"]
"""What a server does with the property ``skipTranspile``."""


@attrs.frozen
class Dialect:
    """A version of the server. What differs between versions compares ``major``, or asks ``is_at_least``."""

    version: str
    major: int
    minor: int
    skip_transpile: SkipTranspile

    def is_at_least(self, major: int, minor: int) -> bool:
        """Return whether the version is this one or a later one."""
        return (self.major, self.minor) >= (major, minor)

    @property
    def coerces_bodies(self) -> bool:
        """Whether values of the wrong type in a body are converted, as 8.6's validators do and 8.0's do not."""
        return self.is_at_least(8, 4)

    @classmethod
    def of(cls, version: str, skip_transpile: SkipTranspile = "refused") -> Dialect:
        """Return the dialect of a version; ``skip_transpile`` is that of 9.0 and later.

        Raises:
            ValueError: the version cannot be imitated, or ``skip_transpile`` is not allowed.
        """
        if skip_transpile not in get_args(SkipTranspile):
            allowed = ", ".join(map(repr, get_args(SkipTranspile)))
            raise ValueError(f"skip_transpile must be one of {allowed}, not {skip_transpile!r}")
        if isinstance(version, str) and re.fullmatch(r"(9\.\d+|8\.[0-8]|6\.\d+)(\.\d+)?", version, re.ASCII):
            major, minor, *_ = map(int, version.split("."))
            if major < 9:
                skip_transpile = "stored" if (major, minor) >= (8, 4) else "refused"
            return cls(version, major, minor, skip_transpile)
        raise ValueError(
            f"version {version!r} cannot be imitated: allowed are '9.x' such as '9.0', '8.0' to '8.8', '6.x' such as"
            " '6.14', and their patches such as '8.8.1'"
        )
