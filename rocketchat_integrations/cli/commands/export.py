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
    Tokens of outgoing webhooks are not written; the manifest names the environment variables to set them in.
    """
    path = Path(manifest)
    if path.suffix.lower() not in WRITERS:
        raise click.UsageError(f"MANIFEST must end in {', '.join(WRITERS)}")
    with credentials.client() as client:
        content = export(list(show_count(client.list(on_error=_warn_of_unreadable))))
    files = {path.parent / name: script for name, script in content.scripts.items()}
    files[path] = WRITERS[path.suffix.lower()](content.tables).encode()
    secrets = {path.parent / ".env": _dotenv(content.variables)} if with_secrets else {}
    _write(files, secrets, force=force)
    written = [str(file) for file in (*files, *secrets)]
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


def _write(files: dict[Path, bytes], secrets: dict[Path, bytes], *, force: bool) -> None:
    existing = [str(file) for file in (*files, *secrets) if os.path.lexists(file)]
    if existing and not force:
        raise CommandError(f"already there: {', '.join(existing)}; --force overwrites them. Nothing was written")
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for file, content in secrets.items():
        write_private(file, content)
