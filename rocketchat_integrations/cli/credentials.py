"""Read the workspace's URL and the login from options and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import attrs
import click
from click.core import ParameterSource

from rocketchat_integrations import RetryPolicy, Timeout
from rocketchat_integrations._redaction import mask
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.client import Client

from .failures import CommandError
from .input_files import read_file
from .profiles import profile_names, read_profile
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
    profile: str | None = None
    """The profile that has what is None here."""
    timeout: float | None = None
    ca_bundle: str | None = None

    def client(self) -> Client:
        """Return a client for the workspace.

        Raises:
            CommandError: if a credential is missing, there are two kinds of credentials, or the profile is wrong.
            ConfigurationError: if a value is malformed.
        """
        return self._client(**self.connection_options())

    def client_for_completion(self, seconds: float) -> Client:
        """Return a client that gives up after about so many seconds, and repeats nothing. Raises as :meth:`client`."""
        timeout = Timeout(connect=seconds, read=seconds, total=seconds)
        return self._client(**{**self.connection_options(), "timeout": timeout, "retry": RetryPolicy.never()})

    def connection_options(self) -> dict[str, Any]:
        """Return the options of ``--timeout`` and ``--ca-bundle`` for a client or a webhook."""
        options = {"timeout": self.timeout, "verify": self.ca_bundle}
        return {name: value for name, value in options.items() if value is not None}

    def _client(self, **options: Any) -> Client:
        if self.profile is not None:
            return self._completed(read_profile(self.profile))._client(**options)
        by_token, by_password = self.user_id or self.token, self.user or self.password
        if by_token and by_password:
            raise CommandError(
                "two kinds of credentials: set either ROCKETCHAT_USER_ID and ROCKETCHAT_AUTH_TOKEN, or ROCKETCHAT_USER "
                "and ROCKETCHAT_PASSWORD"
            )
        url = {"--workspace or ROCKETCHAT_URL": self.url}
        if by_password:
            _check_given({**url, "ROCKETCHAT_USER": self.user, "ROCKETCHAT_PASSWORD": self.password})
            return Client(self.url or "", PasswordAuth(self.user or "", self.password or ""), **options)
        user_and_token = {
            "--user-id or ROCKETCHAT_USER_ID": self.user_id,
            "--token-file or ROCKETCHAT_AUTH_TOKEN": self.token,
        }
        _check_given({**url, **user_and_token})
        return Client(self.url or "", TokenAuth(self.user_id or "", self.token or ""), **options)

    def _completed(self, profile: Mapping[str, str]) -> Credentials:
        """Return these credentials with what the profile has. What is given here takes precedence."""
        by_token = self.user_id or self.token
        values = {name: value for name, value in profile.items() if not (by_token and name in ("user", "password"))}
        own = {name: getattr(self, name) for name in ("url", "user_id", "token") if getattr(self, name)}
        return attrs.evolve(self, profile=None, **{**values, **own})


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
    @click.option(
        "--profile",
        metavar="NAME",
        envvar="ROCKETCHAT_PROFILE",
        show_envvar=True,
        shell_complete=_complete_profile,
        help="A workspace and a login of your file profiles.toml, instead of those in the environment.",
    )
    @click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        help="How long to wait for the connection, and for each part of a response; by default 5 and 30.",
    )
    @click.option(
        "--ca-bundle", metavar="FILE", type=File(), help="The certificates of the authorities that you trust."
    )
    @wraps(command)
    def with_credentials(*args: Any, **options: Any) -> Any:
        context = click.get_current_context()
        others = {name: value for name, value in options.items() if name not in _OPTIONS}
        return command(*args, credentials=credentials_of(context), **others)

    return with_credentials


_OPTIONS = ("workspace", "user_id", "token_file", "token", "profile", "timeout", "ca_bundle")


def credentials_of(context: click.Context) -> Credentials:
    """Return the credentials that the options of :func:`credential_options` and the environment give."""
    options = {name: context.params.get(name) for name in _OPTIONS}
    sources = {name: context.get_parameter_source(name) for name in _OPTIONS}
    if options["profile"]:
        # The profile replaces the environment, but not what is typed.
        options |= {name: None for name, source in sources.items() if source is ParameterSource.ENVIRONMENT} | {
            "profile": options["profile"]
        }
    # A login in options replaces the login in the environment.
    by_options = any(sources[name] is ParameterSource.COMMANDLINE for name in ("user_id", "token", "token_file"))
    has_login = by_options or options["profile"]
    return Credentials(
        url=options["workspace"],
        user_id=options["user_id"],
        token=options["token_file"] or options["token"],
        user=None if has_login else os.environ.get("ROCKETCHAT_USER"),
        password=None if has_login else os.environ.get("ROCKETCHAT_PASSWORD"),
        profile=options["profile"],
        timeout=options["timeout"],
        ca_bundle=options["ca_bundle"],
    )


def _complete_profile(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    try:
        return [name for name in profile_names() if name.startswith(begun)]
    except CommandError:
        return []


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
