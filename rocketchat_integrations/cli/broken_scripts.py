"""Refuse scripts that do not compile: the server accepts them, and then runs the integration without a script."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from rocketchat_integrations.exceptions import IntegrationScriptError
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Plan

from .failures import CommandError
from .lookup import label


def refuse_broken_scripts(wanted: Manifest | Plan) -> None:
    """Check that the scripts compile on server 9.0. Without the extra ``scripts``, nothing is checked.

    Scripts that are not enabled are not checked.

    Raises:
        CommandError: if some do not; it names all of them.
    """
    scripts = list(_of_manifest(wanted) if isinstance(wanted, Manifest) else _of_plan(wanted))
    if not scripts or find_spec("py_mini_racer") is None:
        return
    problems = [f"  {place}: {problem}" for place, script in scripts if (problem := _problem(script)) is not None]
    if problems:
        reason = "a script does not compile, and the server would run the integration without it"
        advice = "--allow-broken-scripts goes on; nothing was changed"
        raise CommandError("\n".join([f"{reason} ({advice}):", *problems]))


def _of_manifest(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for entry in manifest.entries:
        if entry.definition.script and entry.definition.script_enabled:
            yield f"{entry.place}: {entry.script_file or 'script'}", entry.definition.script


def _of_plan(plan: Plan) -> Iterator[tuple[str, str]]:
    for create in plan.creates:
        if create.definition.script and create.definition.script_enabled:
            yield label(create), create.definition.script
    for update in plan.updates:
        # Without script_enabled, the integration keeps what it has.
        if update.fields.get("script") and update.fields.get("script_enabled", True):
            yield label(update), update.fields["script"]


def _problem(script: str) -> str | None:
    from rocketchat_integrations.scripts._engine import check_syntax

    try:
        check_syntax(script)
    except IntegrationScriptError as error:
        return str(error)
    return None
