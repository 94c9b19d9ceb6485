"""``check``: check whether the URL of a webhook is right."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import complete_integration
from rocketchat_integrations.cli.shared_options import json_option, type_option
from rocketchat_integrations.cli.terminal import print_error, print_json
from rocketchat_integrations.models import IntegrationType

from .post import open_webhook, webhook_option


@click.command("check")
@click.argument("integration", metavar="[ID|NAME|URL]", required=False, shell_complete=complete_integration)
@type_option
@webhook_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    integration: str | None,
    kind: IntegrationType | None,
    webhook: str | None,
    as_json: bool,
) -> int:
    """Check whether the URL of a webhook is right.

    Posts nothing. The URL of a disabled webhook is right, too.
    """
    with open_webhook(credentials, integration, kind, webhook) as target:
        is_right = target.check()
    if as_json:
        print_json({"right": is_right})
    print_error("the URL is right" if is_right else "error: the URL is wrong, or its integration was removed")
    return 0 if is_right else 1
