"""Read profiles: workspaces and logins by name, in a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from .failures import CommandError

_KEYS = ("url", "user_id", "token", "user", "password")
_LOGINS = ({"user_id", "token"}, {"user", "password"})
_SOURCES = 'must be text, {env = "VARIABLE"} or {keyring = "service/name"}'


def profiles_file() -> Path:
    """Return the path of the file, in the folder for configurations of the platform."""
    return Path(click.get_app_dir("rocketchat-integrations")) / "profiles.toml"


def profile_names() -> list[str]:
    """Return the names of the profiles.

    Raises:
        CommandError: if the file cannot be read, or others can read it.
    """
    return list(_profiles())


def read_profile(name: str) -> dict[str, str]:
    """Return the values of a profile: ``url``, and ``user_id`` and ``token`` or ``user`` and ``password``.

    Raises:
        CommandError: if there is no such profile, or it is wrong.
    """
    profiles, file = _profiles(), profiles_file()
    if name not in profiles:
        raise CommandError(f"{file}: there is no profile {name!r}; the file has: {', '.join(profiles) or 'none'}")
    place, profile = f"{file}: {name}", profiles[name]
    if not isinstance(profile, dict):
        raise CommandError(f"{place}: must be a table, such as [{name}]")
    values = cast("dict[str, object]", profile)
    if unknown := [key for key in values if key not in _KEYS]:
        raise CommandError(f"{place}: {unknown[0]}: unknown key; allowed are {', '.join(_KEYS)}")
    if "url" not in values or values.keys() - {"url"} not in _LOGINS:
        raise CommandError(f"{place}: must have url, and either user_id and token, or user and password")
    return {key: _text(value, f"{place}: {key}") for key, value in values.items()}


def _profiles() -> Mapping[str, object]:
    import tomllib  # few commands need it

    file = profiles_file()
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise CommandError(f"{file}: other users can read it: chmod 600 {file}")
            return tomllib.load(stream)
    except OSError as error:
        problem = str(error.strerror)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"is not TOML: {error}" if isinstance(error, tomllib.TOMLDecodeError) else "is not UTF-8 text"
    raise CommandError(f"{file}: {problem}")


def _text(value: object, place: str) -> str:
    """Return a value as text, from the environment or the keyring if it says so."""
    if isinstance(value, str):
        text: str | None = value
    elif isinstance(value, dict) and len(cast("dict[str, object]", value)) == 1:
        ((source, name),) = cast("dict[str, object]", value).items()
        if source not in _READERS or not isinstance(name, str):
            raise CommandError(f"{place}: {_SOURCES}")
        text = _READERS[source](name, place)
    else:
        raise CommandError(f"{place}: {_SOURCES}")
    if not text or not text.strip():
        raise CommandError(f"{place}: is blank")
    return text


def _from_environment(name: str, place: str) -> str:
    if name not in os.environ:
        raise CommandError(f"{place}: the environment variable {name} is not set")
    return os.environ[name]


def _from_keyring(name: str, place: str) -> str:
    try:
        module: Any = import_module("keyring")
    except ImportError:
        raise CommandError(f"{place}: needs the package keyring: python -m pip install keyring") from None
    service, separator, user = name.rpartition("/")
    if not separator:
        raise CommandError(f'{place}: keyring: must be "service/name"')
    try:
        secret: str | None = module.get_password(service, user)
    except Exception as error:  # of the platform's keyring
        problem = type(error).__name__
    else:
        if secret is not None:
            return secret
        problem = "there is no such entry"
    raise CommandError(f"{place}: cannot read {name!r} from the keyring: {problem}")


_READERS = {"env": _from_environment, "keyring": _from_keyring}
