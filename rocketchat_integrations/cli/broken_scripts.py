"""Refuse scripts that do not compile: the server accepts them, and then runs the integration without a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from rocketchat_integrations.exceptions import IntegrationScriptError
from rocketchat_integrations.manifest import Entry
from rocketchat_integrations.provisioning import Plan

from .failures import CommandError
from .lookup import label

BROKEN = "a script does not compile, and the server would run the integration without it"
ALLOW_BROKEN = "--allow-broken-scripts goes on; nothing was changed"


def refuse_broken_scripts(plan: Plan) -> None:
    """Check that the scripts of a plan compile on server 9.0. Without the extra ``scripts``, nothing is checked.

    Scripts that are not enabled are not checked.

    Raises:
        CommandError: if some do not; it names all of them.
    """
    problems = list(_problems(_of_plan(plan)))
    if problems:
        raise CommandError("\n  ".join([f"{BROKEN} ({ALLOW_BROKEN}):", *problems]))


def broken_scripts(entries: Iterable[Entry]) -> list[str]:
    """Return the places of the scripts that do not compile, as :func:`refuse_broken_scripts` checks them, with why."""
    # The fields of an entry with mistakes can have values of any type.
    return list(
        _problems(
            (f"{entry.place}: {entry.script_file or 'script'}", entry.definition.script)
            for entry in entries
            if isinstance(entry.definition.script, str) and entry.definition.script_enabled is True
        )
    )


def _of_plan(plan: Plan) -> Iterator[tuple[str, str]]:
    for create in plan.creates:
        if create.definition.script and create.definition.script_enabled:
            yield label(create), create.definition.script
    for update in plan.updates:
        # Without script_enabled, the integration keeps what it has.
        if update.fields.get("script") and update.fields.get("script_enabled", True):
            yield label(update), update.fields["script"]


def _problems(scripts: Iterable[tuple[str, str]]) -> Iterator[str]:
    if find_spec("py_mini_racer") is None:
        return
    for place, script in scripts:
        problem = _problem(script) if script else None
        if problem is not None:
            yield f"{place}: {problem}"


def _problem(script: str) -> str | None:
    from rocketchat_integrations.scripts._engine import check_syntax

    try:
        check_syntax(script)
    except IntegrationScriptError as error:
        return str(error)
    return None
