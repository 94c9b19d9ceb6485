"""Load a manifest from one or several files."""

from __future__ import annotations

import json
import os
from typing import Any, Self, cast

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ManifestError

from ._entries import Entry, contradictions
from ._reading import FileReader


@attrs.frozen(kw_only=True)
class Manifest:
    """The integrations that a workspace should have.

    It can also be made from entries of another origin; these are not checked.
    """

    entries: tuple[Entry, ...]
    """The entries, in the order of the files and of their tables."""

    scope: str | None = None
    """The prefix of the names of all entries: the part of the workspace that the manifest manages."""

    @classmethod
    @sealed
    def load(cls, *paths: str | os.PathLike[str], allow_outside: bool = False) -> Self:
        """Read a manifest from one or several files, each in the format of its suffix.

        Relative paths in a file are relative to its folder. ``defaults`` apply to the file
        that contains them.

        Args:
            paths: files that end in ``.toml``, ``.yaml``, ``.yml`` or ``.json``.
            allow_outside: let ``script_file`` and secrets be outside of the manifest's folder.

        Returns:
            The manifest, without mistakes.

        Raises:
            ManifestError: if there is any mistake; its ``reasons`` are all of them.
        """
        readers = [FileReader(os.fspath(path), allow_outside=allow_outside) for path in paths]
        for reader in readers:
            reader.read()
        entries = tuple(entry for reader in readers for entry in reader.entries)
        scopes = [reader.scope for reader in readers if reader.scope is not None]
        reasons = [reason for reader in readers for reason in reader.reasons]
        reasons += contradictions(entries, scopes)
        if not readers:
            reasons.append("no file is given")
        if reasons:
            count = f"{len(reasons)} mistakes" if len(reasons) > 1 else "a mistake"
            raise ManifestError("\n  ".join([f"the manifest has {count}:", *reasons]), reasons=tuple(reasons))
        return cls(entries=entries, scope=scopes[0].prefix if scopes else None)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest (draft 7), for editors and for checks without this package.

    It is the file ``manifest.schema.json`` in the installed package. It accepts every
    manifest that can be loaded. It does not know whether files and variables exist,
    whether names repeat, or what a default makes of an entry: loading reports that.

    Returns:
        The schema, which may be changed.
    """
    from importlib.resources import files  # three milliseconds that loading does not need

    text = (files("rocketchat_integrations") / "manifest.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
