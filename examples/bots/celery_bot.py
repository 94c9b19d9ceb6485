"""A bot that leaves its work to Celery, with Redis as the queue: it answers at once, and a worker posts the result.

The worker posts to the address in ``ROCKETCHAT_WEBHOOK_URL``.
"""

from __future__ import annotations

import os

from celery import Celery

from rocketchat_integrations import IncomingWebhook
from rocketchat_integrations.outgoing import Command, WebhookApp

queue = Celery("celery_bot", broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"))
application = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@application.command("!deploy")
def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    work.delay(command.text, command.message.user_name)
    return f"deploying {command.text or 'nothing'} for {command.message.user_name}"


@queue.task
def work(service: str, user_name: str | None) -> None:
    """Do the work, however long it takes, and post the result."""
    with IncomingWebhook.from_env() as webhook:
        webhook.post(f"deployed {service or 'nothing'} for {user_name}")
