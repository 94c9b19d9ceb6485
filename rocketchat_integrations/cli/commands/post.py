"""``post``: post a message through an incoming webhook."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast, get_args

import attrs
import click

from rocketchat_integrations._text_length import length
from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.cli.credentials import Credentials, warn_if_typed, warn_of_secret
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.input_files import read_file_or_stdin
from rocketchat_integrations.cli.integration_names import complete_integration
from rocketchat_integrations.cli.lookup import find
from rocketchat_integrations.cli.shared_options import File, is_url, json_option, type_option
from rocketchat_integrations.cli.terminal import print_error, print_json, printable
from rocketchat_integrations.client import IncomingWebhook
from rocketchat_integrations.messages import Action, Attachment, AttachmentField, Message, Overflow
from rocketchat_integrations.models import IntegrationType

webhook_option: Callable[[Any], Any] = click.option(
    "--webhook",
    metavar="URL",
    envvar="ROCKETCHAT_WEBHOOK_URL",
    show_envvar=True,
    callback=warn_if_typed,
    help="The URL of the webhook. It needs no login.",
)


@contextmanager
def open_webhook(
    credentials: Credentials, integration: str | None, kind: IntegrationType | None, url: str | None
) -> Generator[IncomingWebhook, None, None]:
    """Open the webhook of an integration, or the webhook with this URL.

    Args:
        credentials: the login, which a URL does not need, and how to connect.
        integration: an id, a name or a URL; it overrides ``url``.
        kind: only an integration of this type.
        url: the webhook's URL.

    Raises:
        CommandError: if neither is given, or there is no such integration.
    """
    if integration is not None and is_url(integration):
        warn_of_secret("the URL")
        integration, url = None, integration
    if integration is not None:
        with credentials.client() as client:
            yield client.webhook(find(client, integration, kind))
    elif url:
        with IncomingWebhook(url, **credentials.connection_options()) as webhook:
            yield webhook
    else:
        raise CommandError("missing webhook: name an integration, or set ROCKETCHAT_WEBHOOK_URL to its URL")


@click.command("post")
@click.argument("text", required=False)
@click.option(
    "--to",
    "integration",
    metavar="ID|NAME|URL",
    shell_complete=complete_integration,
    help="The integration, by its id or its name.",
)
@type_option
@webhook_option
@click.option(
    "--json-file", metavar="FILE", type=File(), help="The message as JSON, with attachments; - for standard input."
)
@click.option(
    "--overflow",
    type=click.Choice(get_args(Overflow)),
    default="error",
    show_default=True,
    help="What to do with a text that is too long: fail, post several messages, or cut it off.",
)
@click.option(
    "--max-message-size",
    metavar="LENGTH",
    type=click.IntRange(100),
    default=5000,
    show_default=True,
    help="The longest text that the server allows, in UTF-16.",
)
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    text: str | None,
    integration: str | None,
    kind: IntegrationType | None,
    webhook: str | None,
    json_file: str | None,
    overflow: Overflow,
    max_message_size: int,
    as_json: bool,
) -> int:
    """Post a message through an incoming webhook.

    TEXT is the message; without it, the message is read from standard input.
    """
    if text is not None and json_file is not None:
        raise click.UsageError("TEXT and --json-file exclude each other")
    message = _message(text, json_file)
    if overflow == "error":
        _check_length(message, max_message_size)
    with open_webhook(credentials, integration, kind, webhook) as target:
        result = target.post(message, overflow=overflow, max_message_size=max_message_size)
    if as_json:
        print_json(result.raw)
    failed = [response for response in result.responses if response.error is not None]
    for response in failed:
        print_error(printable(f"error: not posted to {response.channel}: {response.error}"))
    if failed:
        return 1
    print_error("posted")
    return 0


def _check_length(message: str | Message, limit: int) -> None:
    size = length(trimmed(message if isinstance(message, str) else message.text or ""))
    if size > limit:
        raise CommandError(
            f"the text has {size} characters in UTF-16, and the server's limit is {limit}: add --overflow split or "
            "--overflow truncate, or set --max-message-size to the limit of your server"
        )


def _message(text: str | None, json_file: str | None) -> str | Message:
    if json_file is not None:
        return _parse_message(_read(json_file), json_file)
    if text is not None:
        return text
    if sys.stdin.isatty():
        raise CommandError("missing message: add TEXT, or write it to standard input")
    return _read("-")


def _read(path: str) -> str:
    content = read_file_or_stdin(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise CommandError(f"{'standard input' if path == '-' else path} is not UTF-8 text")


def _parse_message(text: str, path: str) -> Message:
    try:
        data = _fields(json.loads(text), Message)
        data["attachments"] = [_attachment(attachment) for attachment in _array(data, "attachments")]
        return Message(**data)
    except (RecursionError, TypeError, ValueError) as error:
        problem = str(error)
    raise CommandError(f"{path}: {problem}")


def _attachment(data: object) -> Attachment:
    fields = _fields(data, Attachment)
    if not isinstance(fields.get("fields"), dict):
        fields["fields"] = [AttachmentField(**_fields(cell, AttachmentField)) for cell in _array(fields, "fields")]
    fields["actions"] = [Action(**_fields(action, Action)) for action in _array(fields, "actions")]
    return Attachment(**fields)


def _array(data: dict[str, Any], name: str) -> list[object]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise TypeError(f"{name}: must be an array")
    return cast("list[object]", value)


def _fields(data: object, cls: type) -> dict[str, Any]:
    """Check that the data is a JSON object with only fields of a class."""
    if not isinstance(data, dict):
        raise TypeError(f"{cls.__name__}: must be a JSON object")
    fields = cast("dict[str, Any]", data)
    allowed = [field.name for field in attrs.fields(cls)]
    for name in fields:
        if name not in allowed:
            raise ValueError(f"unknown field {name!r}; allowed are {', '.join(allowed)}")
    return dict(fields)
