"""A bot without a framework, for any ASGI server. It answers other calls while a handler waits."""

from __future__ import annotations

import asyncio
import os
import sys

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])
application = bot.asgi


@bot.on(EventType.SEND_MESSAGE)
async def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    # Run your deployment here. Never pass text of a message to a shell.
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", service)
    done = await process.wait() == 0
    return Reply(f"{'deployed' if done else 'could not deploy'} {service or 'nothing'} for {message.user_name}")
