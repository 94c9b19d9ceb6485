"""Read the workspace's URL and the login from options and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import attrs
import click
from click.core import ParameterSource

from rocketchat_integrations._redaction import mask
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.client import Client

from .failures import CommandError
from .input_files import read_file
from .shared_options import File
from .terminal import print_error


@attrs.frozen(kw_only=True)
class Credentials:
    """What a client needs. Checked when a client is made, because some commands need none."""

    url: str | None
    user_id: str | None
    token: str | None = attrs.field(repr=mask)
    user: str | None
    password: str | None = attrs.field(repr=mask)

    def client(self) -> Client:
        """Return a client for the workspace.

        Raises:
            CommandError: if a credential is missing, or there are two kinds of credentials.
            ConfigurationError: if a value is malformed.
        """
        by_token, by_password = self.user_id or self.token, self.user or self.password
        if by_token and by_password:
            raise CommandError(
                "two kinds of credentials: set either ROCKETCHAT_USER_ID and ROCKETCHAT_AUTH_TOKEN, or ROCKETCHAT_USER "
                "and ROCKETCHAT_PASSWORD"
            )
        url = {"--workspace or ROCKETCHAT_URL": self.url}
        if by_password:
            _check_given({**url, "ROCKETCHAT_USER": self.user, "ROCKETCHAT_PASSWORD": self.password})
            return Client(self.url or "", PasswordAuth(self.user or "", self.password or ""))
        user_and_token = {
            "--user-id or ROCKETCHAT_USER_ID": self.user_id,
            "--token-file or ROCKETCHAT_AUTH_TOKEN": self.token,
        }
        _check_given({**url, **user_and_token})
        return Client(self.url or "", TokenAuth(self.user_id or "", self.token or ""))


def _check_given(values: dict[str, str | None]) -> None:
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise CommandError(f"missing credentials: set {', and '.join(missing)}")


def credential_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the workspace and the login; the command gets ``credentials``."""

    @click.option(
        "--workspace", metavar="URL", envvar="ROCKETCHAT_URL", show_envvar=True, help="The URL of the workspace."
    )
    @click.option(
        "--user-id", metavar="ID", envvar="ROCKETCHAT_USER_ID", show_envvar=True, help="The id of the user to act as."
    )
    @click.option(
        "--token-file",
        metavar="FILE",
        type=File(),
        callback=read_secret,
        help="A file with the user's personal access token.",
    )
    @click.option(
        "--token",
        envvar="ROCKETCHAT_AUTH_TOKEN",
        show_envvar=True,
        callback=warn_if_typed,
        help="The token itself. Instead of user id and token, the environment can have ROCKETCHAT_USER and "
        "ROCKETCHAT_PASSWORD.",
    )
    @wraps(command)
    def with_credentials(
        *args: Any,
        workspace: str | None,
        user_id: str | None,
        token: str | None,
        token_file: str | None,
        **options: Any,
    ) -> Any:
        # Options override the environment.
        by_options = any(map(_is_typed, ("user_id", "token", "token_file")))
        credentials = Credentials(
            url=workspace,
            user_id=user_id,
            token=token_file or token,
            user=None if by_options else os.environ.get("ROCKETCHAT_USER"),
            password=None if by_options else os.environ.get("ROCKETCHAT_PASSWORD"),
        )
        return command(*args, credentials=credentials, **options)

    return with_credentials


def _is_typed(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def warn_if_typed(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Warn of a secret on the command line: a ``callback``."""
    if value and _is_typed(str(option.name)) and not context.resilient_parsing:
        warn_of_secret(option.opts[0])
    return value


def warn_of_secret(name: str) -> None:
    """Warn of a secret on the command line, by the name of the option or argument."""
    print_error(
        f"warning: {name}: other users of this machine can see it in the list of processes; keep it in a file or in "
        "the environment"
    )


def read_secret(context: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Read a file without the line break at its end: a ``callback``.

    Raises:
        BadParameter: if it is not UTF-8 text, or blank.
        CommandError: if it is not a regular file, or is too large.
        OSError: if it cannot be read.
    """
    if path is None or context.resilient_parsing:  # when a shell completes
        return None
    try:
        text = re.sub(r"\r?\n\Z", "", read_file(path).decode("utf-8"))
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path!r} is not UTF-8 text") from None
    if not text.strip():
        raise click.BadParameter(f"{path!r} is blank")
    return text
