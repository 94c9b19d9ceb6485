"""``export``: write a manifest of the integrations of a workspace."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.manifest_export import WRITERS, export
from rocketchat_integrations.cli.private_files import write_private
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import error_text, print_error, print_json, show_count
from rocketchat_integrations.exceptions import DecodingError


@click.command("export")
@click.argument("manifest", metavar="MANIFEST", type=File())
@click.option("--with-secrets", is_flag=True, help="Also write the tokens, to a file .env that only you can read.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@json_option
@click.pass_obj
def command(credentials: Credentials, manifest: str, with_secrets: bool, force: bool, as_json: bool) -> None:
    """Write a manifest of the integrations of a workspace.

    The suffix of MANIFEST selects the format: .toml, .yaml, .yml or .json. Scripts are written to files beside it.
    Tokens of outgoing webhooks are not written; the manifest names the environment variables to set them in. Only you
    can read the files.
    """
    path = Path(manifest)
    if path.suffix.lower() not in WRITERS:
        raise click.UsageError(f"MANIFEST must end in {', '.join(WRITERS)}")
    with credentials.client() as client:
        content = export(list(show_count(client.list(on_error=_warn_of_unreadable))))
    scripts = {path.parent / name: script for name, script in content.scripts.items()}
    manifests = {path: WRITERS[path.suffix.lower()](content.tables).encode()}
    secrets = {path.parent / ".env": _dotenv(content.variables)} if with_secrets else {}
    # The manifest last: it names the others.
    _write({**scripts, **secrets, **manifests}, force=force)
    written = [str(file) for file in (*scripts, *manifests, *secrets)]
    print_error(f"written: {', '.join(written)}")
    if content.variables and not with_secrets:
        print_error(f"to use it, set {', '.join(content.variables)}; --with-secrets writes them to a file")
    if as_json:
        print_json({"files": written, "variables": list(content.variables)})


def _warn_of_unreadable(error: DecodingError) -> None:
    print_error(f"warning: left out: {error_text(error)}")


def _dotenv(variables: dict[str, str]) -> bytes:
    """Return assignments that a shell can read: ``set -a; . ./.env``."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()).encode()


def _write(files: dict[Path, bytes], *, force: bool) -> None:
    existing = [str(file) for file in files if os.path.lexists(file)]
    if existing and not force:
        raise CommandError(f"already there: {', '.join(existing)}; --force overwrites them. Nothing was written")
    top = next(reversed(files)).parent
    for folder in {file.parent: None for file in files}:
        if folder != top and folder.is_symlink():
            raise CommandError(f"{folder} is a link; make it a folder. Nothing was written")
        folder.mkdir(parents=True, exist_ok=True)
    write_private(files)
