"""Read manifests and check them, scripts included, without a login."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import click

from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.manifest._reading import in_order, read_files
from rocketchat_integrations.manifest._secrets import SECRET_PREFIX, SecretRules

from .broken_scripts import ALLOW_BROKEN, BROKEN, broken_scripts
from .failures import CommandError


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of :func:`read_manifest` that decide what is a mistake."""
    command = click.option(
        "--secret-env",
        "secret_names",
        metavar="NAME",
        multiple=True,
        help="Allow this environment variable as a secret. May be given several times.",
    )(command)
    command = click.option(
        "--secret-prefix",
        default=SECRET_PREFIX,
        show_default=True,
        help="The prefix of the environment variables that are allowed as secrets.",
    )(command)
    command = click.option(
        "--allow-outside", is_flag=True, help="Allow script_file and secrets outside the manifest's folder."
    )(command)
    return click.option(
        "--allow-broken-scripts", is_flag=True, help="Allow scripts that do not compile, which the server does not run."
    )(command)


@attrs.frozen(repr=False)
class ManifestFiles:
    """The content of files; without a repr, because there can be tokens among it."""

    manifest: Manifest
    """The entries, which can be wrong if there are mistakes."""

    mistakes: tuple[str, ...]
    """The mistakes in the files, each with its place."""

    broken_scripts: tuple[str, ...]
    """The scripts that do not compile, each with its place."""

    problems: tuple[str, ...]
    """Both, sorted by file and line."""


def read_manifest(
    paths: tuple[str, ...],
    *,
    allow_outside: bool,
    allow_broken_scripts: bool,
    secret_prefix: str,
    secret_names: Iterable[str],
    partial: bool = False,
) -> ManifestFiles:
    """Read files and find all that is wrong with them."""
    rules = SecretRules(secret_prefix, frozenset(secret_names))
    entries, scope, mistakes = read_files(paths, allow_outside=allow_outside, partial=partial, rules=rules)
    broken = () if allow_broken_scripts else tuple(broken_scripts(entries))
    problems = in_order([*mistakes, *broken], paths)
    return ManifestFiles(Manifest(entries=entries, scope=scope), mistakes, broken, problems)


def valid_manifest(files: ManifestFiles) -> Manifest:
    """Return the manifest of files.

    Raises:
        CommandError: if anything is wrong with it; the message has all of it.
    """
    if files.mistakes:
        count = f"{len(files.problems)} mistakes" if len(files.problems) > 1 else "a mistake"
        raise CommandError("\n  ".join([f"the manifest has {count}:", *files.problems]))
    if files.broken_scripts:
        raise CommandError("\n  ".join([f"{BROKEN} ({ALLOW_BROKEN}):", *files.broken_scripts]))
    return files.manifest
