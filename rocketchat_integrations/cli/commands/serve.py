"""``serve``: run a small Rocket.Chat server on this machine."""

from __future__ import annotations

from threading import Event

import click

from rocketchat_integrations.cli.shared_options import json_option
from rocketchat_integrations.cli.terminal import print_error, print_json


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; a free one by default.")
@click.option("--version", default="9.0", show_default=True, help="The server version to imitate: 9.x, 8.x or 6.x.")
@json_option
def command(port: int, version: str, as_json: bool) -> None:
    """Run a small Rocket.Chat server on this machine.

    It runs until you press Ctrl-C, and keeps everything in memory. Prints the environment variables that other commands
    need: its URL, and the credentials of its administrator.
    """
    from rocketchat_integrations.testing import LocalRocketChat

    try:
        server = LocalRocketChat(port=port, version=version)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
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
        print_error("serving until you press Ctrl-C")
        Event().wait()
