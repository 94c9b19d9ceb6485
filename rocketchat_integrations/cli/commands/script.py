"""``script``: check, run and test the scripts of integrations."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.command_groups import SuggestingGroup

from . import script_check, script_new, script_run, script_test, script_types


@click.group("script", cls=SuggestingGroup, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Check, run and test scripts of integrations.

    Scripts run in the engine that the server uses. All commands but new and types need the extra "scripts".
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _module in (script_check, script_run, script_test, script_new, script_types):
    command.add_command(_module.command)
