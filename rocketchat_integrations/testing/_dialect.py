"""Which server is imitated."""

from __future__ import annotations

import re

import attrs


@attrs.frozen
class Dialect:
    """A version of the server, and which of the two ways of speaking it has."""

    version: str
    is_8: bool
    """The ways of 8.x; those of 6.x otherwise."""

    @classmethod
    def of(cls, version: str) -> Dialect:
        """The dialect that a version speaks.

        Raises:
            ValueError: the version is none of those that can be imitated.
        """
        if isinstance(version, str) and re.fullmatch(r"(8\.8|6\.\d+)(\.\d+)?", version, re.ASCII):
            return cls(version, is_8=version.startswith("8"))
        raise ValueError(
            f"version {version!r} cannot be imitated: allowed are '8.8' and '6.x' such as '6.14',"
            " and their patches such as '8.8.1'"
        )
