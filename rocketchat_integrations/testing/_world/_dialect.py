"""Versions of the server that can be imitated."""

from __future__ import annotations

import re

import attrs


@attrs.frozen
class Dialect:
    """A version of the server. What differs between versions compares ``major``, or asks ``is_at_least``."""

    version: str
    major: int
    minor: int

    def is_at_least(self, major: int, minor: int) -> bool:
        """Return whether the version is this one or a later one."""
        return (self.major, self.minor) >= (major, minor)

    @property
    def coerces_bodies(self) -> bool:
        """Whether values of the wrong type in a body are converted, as 8.6's validators do and 8.0's do not."""
        return self.is_at_least(8, 4)

    @classmethod
    def of(cls, version: str) -> Dialect:
        """Return the dialect of a version.

        Raises:
            ValueError: the version cannot be imitated.
        """
        if isinstance(version, str) and re.fullmatch(r"(8\.[0-8]|6\.\d+)(\.\d+)?", version, re.ASCII):
            major, minor, *_ = map(int, version.split("."))
            return cls(version, major, minor)
        raise ValueError(
            f"version {version!r} cannot be imitated: allowed are '8.0' to '8.8' and '6.x' such as '6.14',"
            " and their patches such as '8.8.1'"
        )
