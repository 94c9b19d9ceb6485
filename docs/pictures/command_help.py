"""Return the help of every command of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click

from rocketchat_integrations.cli.command_line import PROGRAM, app

_WIDTH = 78  # of a help on a terminal of 80 columns or more


def command_helps() -> Iterator[tuple[str, str]]:
    """Yield each command with what ``--help`` prints: the program, then its commands and theirs."""
    yield from _helps(app, click.Context(app, info_name=PROGRAM, terminal_width=_WIDTH, **app.context_settings))


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if subcommand is not None and not subcommand.hidden:
                yield from _helps(subcommand, click.Context(subcommand, parent=context, info_name=name))
