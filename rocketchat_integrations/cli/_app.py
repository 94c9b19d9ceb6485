"""The commands: what they are called, where they are, and what comes before all of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib import import_module

import click

from rocketchat_integrations._redaction import HIDDEN
from rocketchat_integrations._version import __version__

from ._credentials import Credentials, credential_options
from ._messages import waits_are_shown
from ._options import debug_option
from ._outcome import Failure

PROGRAM = "rocketchat-integrations"
COMPLETION = "_ROCKETCHAT_INTEGRATIONS_COMPLETE"

# By headings of the help: each command with its module (which is loaded when it is used) and what it does.
_COMMANDS = {
    "Integrations": {
        "list": ("_integrations", "List the integrations of a workspace."),
        "show": ("_integrations", "Show one integration, or the address of its webhook."),
        "create": ("_changes", "Create an integration."),
        "update": ("_changes", "Change some fields of an integration."),
        "remove": ("_changes", "Remove an integration."),
    },
    "Webhooks": {
        "post": ("_webhooks", "Post a message through an incoming webhook."),
        "check": ("_webhooks", "Find out whether the address of a webhook is right."),
        "history": ("_history", "Show the last calls of an outgoing webhook."),
        "replay": ("_history", "Make a call of an outgoing webhook again."),
    },
    "Integrations as code": {
        "plan": ("_manifests", "Show what would bring a workspace in line with a manifest."),
        "apply": ("_manifests", "Bring a workspace in line with a manifest."),
        "export": ("_export", "Write a manifest of what a workspace has."),
    },
    "Trying things": {
        "serve": ("_trying", "Run a small Rocket.Chat to try things on."),
        "demo": ("_trying", "Take a tour: create, list, update, post, remove."),
    },
}
_MODULES = {name: module for commands in _COMMANDS.values() for name, (module, _) in commands.items()}


class _Commands(click.Group):
    """Loads a command when it is used, so that help comes quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f".{_MODULES[cmd_name]}", __package__), f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in _COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, summary) for name, (_, summary) in commands.items()])


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 when all is done or in line, 2 when plan finds something to do, 1 after any failure.",
)
@credential_options
@debug_option
@click.version_option(__version__, message="rocketchat-integrations %(version)s")
@click.pass_context
def app(context: click.Context, credentials: Credentials) -> None:
    """The integrations of a Rocket.Chat workspace: incoming and outgoing webhooks.

    Options for the workspace and the login come before the command; options of a command after it.
    """
    context.obj = credentials
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: Sequence[str]) -> int | None:
    """Do what the command line says.

    Returns:
        The exit status; None for 0.

    Raises:
        Failure: if it cannot be understood, or a command gives up.
        RocketChatError: if a call fails.
    """
    if COMPLETION in os.environ:
        app.main([], PROGRAM, COMPLETION)
    try:
        with app.make_context(PROGRAM, list(arguments)) as context, waits_are_shown():
            status: int | None = app.invoke(context)
            return status
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        # Click's own way of telling takes three lines, and a status that means something else here.
        path = PROGRAM if error.ctx is None else error.ctx.command_path
        # What stands in the wrong place may be the address of a webhook, which is a secret.
        message = re.sub(r"\S*(://|/hooks/)\S*", HIDDEN, error.format_message())
        if isinstance(error, click.NoSuchOption) and any(error.option_name in param.opts for param in app.params):
            message = f"{error.option_name} goes before the command"
        problem = f"{message} (see {path} --help)"
    raise Failure(problem)
