"""A bot without a framework, for any ASGI server. It answers other calls while a handler waits."""

from __future__ import annotations

import asyncio
import os
import sys

from rocketchat_integrations.outgoing import Command, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])
application = bot.asgi


@bot.command("!deploy")
async def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    # Run your deployment here. Never pass text of a message to a shell.
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", *command.arguments)
    done = await process.wait() == 0
    return f"{'deployed' if done else 'could not deploy'} {command.text or 'nothing'} for {command.message.user_name}"
