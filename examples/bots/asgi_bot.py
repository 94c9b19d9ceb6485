"""A bot without a framework, for any ASGI server. While its handler waits, it answers other calls."""

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
    if not message.text:  # a call that was replayed has no content
        return None
    service = message.text.removeprefix("!deploy").strip()
    # Put here what deploys. What people say goes to no shell.
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", service)
    done = await process.wait() == 0
    return Reply(f"{'deployed' if done else 'could not deploy'} {service or 'nothing'} for {message.user_name}")
