"""A bot that leaves its work to Celery, with Redis as the queue: it answers at once, and a worker posts the result.

The worker posts to the address in ``ROCKETCHAT_WEBHOOK_URL``.
"""

from __future__ import annotations

import os

from celery import Celery

from rocketchat_integrations import EventType, IncomingWebhook
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

queue = Celery("celery_bot", broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"))
application = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@application.on(EventType.SEND_MESSAGE)
def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    work.delay(service, message.user_name)
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


@queue.task
def work(service: str, user_name: str | None) -> None:
    """Do the work, however long it takes, and post the result."""
    with IncomingWebhook.from_env() as webhook:
        webhook.post(f"deployed {service or 'nothing'} for {user_name}")
