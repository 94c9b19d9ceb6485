"""``say``: post a message as a user of the server that ``serve`` runs."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.shared_options import json_option, refuse_url
from rocketchat_integrations.cli.terminal import print_error, print_json, printable

_SECONDS = 10.0


@click.command("say")
@click.argument("room", callback=refuse_url)
@click.argument("text")
@click.option("--user", metavar="NAME", default="alice", show_default=True, help="The user who posts.")
@click.option("--thread", metavar="ID", help="The id of the message to answer in its thread.")
@json_option
@click.pass_obj
def command(credentials: Credentials, room: str, text: str, user: str, thread: str | None, as_json: bool) -> None:
    """Post a message as a user of the server that `serve` runs.

    ROOM is a channel such as '#general', a group, or '@bob' for a direct message. Outgoing integrations are called as
    for any other message. The users are admin, alice, bob and rocket.cat.
    """
    if not text.strip():
        raise click.UsageError("TEXT must not be blank")
    posted = post(credentials, {"user": user, "room": room, "text": text, "tmid": thread})
    print_error(f"posted to {printable(posted['room'])} as {printable(posted['user'])}")
    if as_json:
        print_json({"id": posted["id"], "room": posted["room"], "user": posted["user"], "text": posted["text"]})


def post(credentials: Credentials, message: Mapping[str, str | None]) -> dict[str, Any]:
    """Post a message, and return what the server has posted.

    Args:
        credentials: those of any user of the server.
        message: ``user``, ``room``, ``text``, and ``tmid`` for a thread.

    Raises:
        CommandError: if the server is not on this machine, does not answer, or refuses it.
    """
    parts = urlsplit(credentials.url or "")
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise CommandError(
            "say needs a server that runs on this machine: start `rocketchat-integrations serve`, and set the "
            "environment variables that it prints"
        )
    headers = {
        "Content-Type": "application/json",
        "X-User-Id": credentials.user_id or "",
        "X-Auth-Token": credentials.token or "",
    }
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
    answer: Any = None
    try:
        connection.request("POST", f"{parts.path.rstrip('/')}/embedded/say", json.dumps(dict(message)), headers)
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        pass
    finally:
        connection.close()
    match answer:
        case {"success": True}:
            return dict(answer)
        case {"error": str(reason)} | {"message": str(reason)}:
            raise CommandError(reason)
        case _:
            raise CommandError(
                f"there is no embedded server at {parts.hostname}:{parts.port}: start `rocketchat-integrations serve`"
            )
