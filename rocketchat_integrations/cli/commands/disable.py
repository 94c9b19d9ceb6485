"""``disable``: disable an integration."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.shared_options import json_option
from rocketchat_integrations.models import IntegrationType

from .update import switch


@click.command("disable")
@integration_argument
@json_option
@click.pass_obj
def command(credentials: Credentials, integration: str, kind: IntegrationType | None, as_json: bool) -> None:
    """Disable an integration. Its webhook answers 503, or makes no calls."""
    switch(credentials, integration, kind, enabled=False, as_json=as_json)
