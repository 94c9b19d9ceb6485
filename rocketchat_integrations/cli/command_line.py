"""The table of commands, the options before the command, and usage errors."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib import import_module

import click

from rocketchat_integrations._redaction import HIDDEN
from rocketchat_integrations._version import __version__

from .command_groups import SuggestingGroup
from .credentials import Credentials, credential_options
from .failures import CommandError
from .shared_options import debug_option
from .terminal import show_waits

PROGRAM = "rocketchat-integrations"
COMPLETION = "_ROCKETCHAT_INTEGRATIONS_COMPLETE"

# The help's headings, with the commands and what they do. A command is the `command` of the module with its name, with
# underscores for hyphens.
COMMANDS = {
    "Integrations": {
        "list": "List the integrations of a workspace.",
        "show": "Show one integration, or the URL of its webhook.",
        "create": "Create an integration.",
        "update": "Change some fields of an integration.",
        "remove": "Remove an integration.",
        "enable": "Enable an integration.",
        "disable": "Disable an integration.",
        "rotate-token": "Replace the token of an integration.",
        "doctor": "Find what is wrong with the integrations of a workspace.",
    },
    "Webhooks": {
        "post": "Post a message through an incoming webhook.",
        "check": "Check whether the URL of a webhook is right.",
        "history": "Show the last calls of an outgoing webhook, or one call.",
        "replay": "Repeat a call of an outgoing webhook.",
        "clear-history": "Delete the stored calls of an outgoing webhook.",
    },
    "Integrations as code": {
        "validate": "Check manifests without a login.",
        "plan": "Show how a workspace differs from a manifest.",
        "apply": "Change a workspace to match a manifest.",
        "export": "Write a manifest of the integrations of a workspace.",
        "schema": "Print the JSON Schema of manifests, for editors.",
    },
    "Scripts": {
        "script": "Check, run and test scripts of integrations.",
    },
    "Trying it out": {
        "serve": "Run a small Rocket.Chat server on this machine.",
        "say": "Post a message as a user of the server that `serve` runs.",
        "demo": "Take a tour: create, list, update, post, remove.",
    },
}


class _LazyGroup(SuggestingGroup):
    """Loads a command when it is used, so that ``--help`` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f".commands.{cmd_name.replace('-', '_')}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 success, 1 failure, 2 plan, validate, doctor, script check or script test found something.",
)
@credential_options
@debug_option
@click.version_option(__version__, message=f"{PROGRAM} %(version)s")
@click.pass_context
def app(context: click.Context, credentials: Credentials) -> None:
    """Manage the integrations of a Rocket.Chat workspace: incoming and outgoing webhooks.

    Options for the workspace and the login come before the command, the options of a command after it.
    """
    context.obj = credentials
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: Sequence[str]) -> int | None:
    """Parse the arguments and run the command.

    Returns:
        The exit status; None for 0.

    Raises:
        CommandError: if the arguments are wrong, or the command fails.
        RocketChatError: if a call fails.
    """
    if COMPLETION in os.environ:
        app.main([], PROGRAM, COMPLETION)
    try:
        with app.make_context(PROGRAM, list(arguments)) as context, show_waits():
            status: int | None = app.invoke(context)
            return status
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        problem = _usage_problem(error)
    raise CommandError(problem)


def _usage_problem(error: click.UsageError) -> str:
    """Return the message in one line; click prints three, and exits with 2, which is the status of a plan."""
    path = PROGRAM if error.ctx is None else error.ctx.command_path
    # A misplaced argument may be a webhook URL, which is secret.
    message = re.sub(r"\S*(://|/hooks/)\S*", HIDDEN, error.format_message())
    if isinstance(error, click.NoSuchOption) and any(error.option_name in param.opts for param in app.params):
        message = f"{error.option_name} goes before the command"
    return f"{message} (see {path} --help)"
