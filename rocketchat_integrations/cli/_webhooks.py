"""Posting through webhooks: ``post`` and ``check``."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import attrs
import click

from rocketchat_integrations.client import IncomingWebhook
from rocketchat_integrations.messages import Attachment, AttachmentField, Message
from rocketchat_integrations.models import IntegrationType

from ._credentials import Credentials, warn_if_typed, warn_of
from ._finding import find
from ._messages import print_error, printable
from ._options import File, is_address, json_option, type_option
from ._outcome import Failure
from ._output import print_json

_webhook_option = click.option(
    "--webhook",
    metavar="URL",
    envvar="ROCKETCHAT_WEBHOOK_URL",
    show_envvar=True,
    callback=warn_if_typed,
    help="The address of the webhook. No login is needed with it.",
)


@contextmanager
def _webhook(
    credentials: Credentials, integration: str | None, kind: IntegrationType | None, address: str | None
) -> Generator[IncomingWebhook, None, None]:
    if integration is not None and is_address(integration):
        warn_of("the address")
        integration, address = None, integration
    if integration is not None:
        with credentials.client() as client:
            yield client.webhook(find(client, integration, kind))
    elif address:
        with IncomingWebhook(address) as webhook:
            yield webhook
    else:
        raise Failure("which webhook? Name an integration, or set ROCKETCHAT_WEBHOOK_URL to the address")


@click.command("post")
@click.argument("text", required=False)
@click.option("--to", "integration", metavar="ID|NAME|URL", help="The integration, by its id or its name.")
@type_option
@_webhook_option
@click.option(
    "--json-file", metavar="FILE", type=File(), help="The message as JSON, with attachments; - for standard input."
)
@json_option
@click.pass_obj
def post_command(
    credentials: Credentials,
    text: str | None,
    integration: str | None,
    kind: IntegrationType | None,
    webhook: str | None,
    json_file: str | None,
    as_json: bool,
) -> int:
    """Post a message through an incoming webhook.

    TEXT is the message; without it, standard input is.
    """
    if text is not None and json_file is not None:
        raise click.UsageError("give either TEXT or --json-file")
    with _webhook(credentials, integration, kind, webhook) as target:
        result = target.post(_message(text, json_file))
    if as_json:
        print_json(result.raw)
    failed = [response for response in result.responses if response.error is not None]
    for response in failed:
        print_error(printable(f"error: not posted to {response.channel}: {response.error}"))
    if failed:
        return 1
    print_error("posted")
    return 0


def _message(text: str | None, json_file: str | None) -> str | Message:
    if json_file is not None:
        return _message_of(_read(json_file), json_file)
    if text is not None:
        return text
    if sys.stdin.isatty():
        raise Failure("what is to be posted? Give TEXT, or write it to standard input")
    return _read("-")


def _read(path: str) -> str:
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise Failure(f"{'standard input' if path == '-' else path} is not UTF-8 text")


def _message_of(text: str, path: str) -> Message:
    try:
        data = _fields(json.loads(text), Message)
        data["attachments"] = [_attachment(attachment) for attachment in _list(data, "attachments")]
        return Message(**data)
    except (RecursionError, TypeError, ValueError) as error:
        problem = str(error)
    raise Failure(f"{path}: {problem}")


def _attachment(data: object) -> Attachment:
    fields = _fields(data, Attachment)
    fields["fields"] = [AttachmentField(**_fields(cell, AttachmentField)) for cell in _list(fields, "fields")]
    return Attachment(**fields)


def _list(data: dict[str, Any], name: str) -> list[object]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise TypeError(f"{name}: must be an array")
    return cast("list[object]", value)


def _fields(data: object, kind: type) -> dict[str, Any]:
    """A JSON object with nothing but fields of a kind of value."""
    if not isinstance(data, dict):
        raise TypeError(f"{kind.__name__}: must be a JSON object")
    fields = cast("dict[str, Any]", data)
    allowed = [field.name for field in attrs.fields(kind)]
    for name in fields:
        if name not in allowed:
            raise ValueError(f"{name!r} is not known; allowed are {', '.join(allowed)}")
    return dict(fields)


@click.command("check")
@click.argument("integration", metavar="[ID|NAME|URL]", required=False)
@type_option
@_webhook_option
@json_option
@click.pass_obj
def check_command(
    credentials: Credentials,
    integration: str | None,
    kind: IntegrationType | None,
    webhook: str | None,
    as_json: bool,
) -> int:
    """Find out whether the address of a webhook is right. Posts nothing; a disabled webhook is right, too."""
    with _webhook(credentials, integration, kind, webhook) as target:
        is_right = target.check()
    if as_json:
        print_json({"right": is_right})
    print_error("the address is right" if is_right else "error: the address is wrong, or its integration is gone")
    return 0 if is_right else 1
