"""``serve``: run a small Rocket.Chat server on this machine."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

import click

from rocketchat_integrations.cli.activity_view import activity_line
from rocketchat_integrations.cli.shared_options import json_option
from rocketchat_integrations.cli.terminal import print_error, print_json, print_lines

if TYPE_CHECKING:
    from rocketchat_integrations.testing import AnsweredCall, AnsweredRequest, StoredMessage


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; a free one by default.")
@click.option("--version", default="9.0", show_default=True, help="The server version to imitate: 9.x, 8.x or 6.x.")
@json_option
def command(port: int, version: str, as_json: bool) -> None:
    """Run a small Rocket.Chat server on this machine.

    It runs until you press Ctrl-C, and keeps everything in memory. Prints the environment variables that other commands
    need: its URL, and the credentials of its administrator. Then it prints each request, each message, and each call of
    a bot with its answer, as it happens, to stderr. `say` posts a message as one of its users.
    """
    from rocketchat_integrations.testing import LocalRocketChat

    try:
        server = LocalRocketChat(port=port, version=version)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    server.watch(_print_activity)
    with server:
        auth = server.auth("admin")
        environment = {
            "ROCKETCHAT_URL": server.url,
            "ROCKETCHAT_USER_ID": auth.user_id,
            "ROCKETCHAT_AUTH_TOKEN": auth.token,
        }
        if as_json:
            print_json({name.removeprefix("ROCKETCHAT_").lower(): value for name, value in environment.items()})
        else:
            # In one write: a script that waits for a file must not find half of it.
            print("\n".join(f"export {name}={value}" for name, value in environment.items()), flush=True)
        print_error("paste these lines into another terminal to use the server; Ctrl-C ends it")
        Event().wait()


def _print_activity(activity: AnsweredRequest | AnsweredCall | StoredMessage) -> None:
    if getattr(activity, "endpoint", None) != "say":  # the message itself is printed
        print_lines([activity_line(activity, time.strftime("%H:%M:%S"))], stderr=True)
