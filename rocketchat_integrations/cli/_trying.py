"""Trying things: ``serve`` and ``demo``."""

from __future__ import annotations

from threading import Event

import click

from ._demo import main as demo
from ._messages import print_error
from ._options import json_option
from ._output import print_json


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; a free port if left out.")
@click.option("--version", default="8.8", show_default=True, help="Which server to imitate: 8.8, or 6.14 and so on.")
@json_option
def serve_command(port: int, version: str, as_json: bool) -> None:
    """Run a small Rocket.Chat to try things on.

    It runs on this machine, until you press Ctrl-C. Prints what to set in the environment to use it: its address, and
    the credentials of its administrator. It keeps everything in memory.
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
            # At once: whoever waits for the file is not to find half of it.
            print("\n".join(f"export {name}={value}" for name, value in environment.items()), flush=True)
        print_error("serving until you press Ctrl-C")
        Event().wait()


@click.command("demo", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo_command(arguments: tuple[str, ...]) -> int:
    """Take a tour: create, list, update, post, remove."""
    # It understands its own arguments, for it has to do without click.
    return demo(arguments)
