"""Versions of the server that can be imitated."""

from __future__ import annotations

import re

import attrs


@attrs.frozen
class Dialect:
    """A version of the server. What differs between versions compares ``major``."""

    version: str
    major: int

    @classmethod
    def of(cls, version: str) -> Dialect:
        """Return the dialect of a version.

        Raises:
            ValueError: the version cannot be imitated.
        """
        if isinstance(version, str) and re.fullmatch(r"(8\.8|6\.\d+)(\.\d+)?", version, re.ASCII):
            return cls(version, major=int(version[0]))
        raise ValueError(
            f"version {version!r} cannot be imitated: allowed are '8.8' and '6.x' such as '6.14',"
            " and their patches such as '8.8.1'"
        )
