"""Read the ready-made scripts, which are files of the package."""

from __future__ import annotations

from importlib.resources import files

import attrs


@attrs.frozen
class ReadyMadeScript:
    """A script of this package for the webhooks of one sender."""

    name: str
    """The sender's name, such as ``"grafana"``."""

    summary: str
    """What the script shows, in one line."""

    source: str = attrs.field(repr=False)
    """The JavaScript, for ``script`` of an incoming integration. Its first comment says how to set up the sender."""


def ready_made() -> tuple[ReadyMadeScript, ...]:
    """Return all ready-made scripts, by name. They run on servers 6.x to 9.x."""
    folder = files("rocketchat_integrations.scripts") / "ready_made"
    sources = {path.name.removesuffix(".js"): path.read_text(encoding="utf-8") for path in folder.iterdir()}
    return tuple(ReadyMadeScript(name, _summary(source), source) for name, source in sorted(sources.items()))


def ready_made_script(name: str) -> ReadyMadeScript:
    """Return the ready-made script for a sender.

    Raises:
        ValueError: there is none of this name; the message lists the names.
    """
    scripts = {script.name: script for script in ready_made()}
    if name not in scripts:
        raise ValueError(f"there is no ready-made script {name!r}; there are {', '.join(scripts)}")
    return scripts[name]


def _summary(source: str) -> str:
    return source.partition("\n")[0].removeprefix("// ")
