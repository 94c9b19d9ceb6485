"""A bot in a FastAPI application, at ``/hook``.

It answers at once, in a thread. If ``ROCKETCHAT_WEBHOOK_URL`` is set, it posts the result there when the work is done:
use an incoming webhook for the room of the bot.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.routing import Route

from rocketchat_integrations.aio import AsyncIncomingWebhook
from rocketchat_integrations.outgoing import Command, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])
webhook = AsyncIncomingWebhook.from_env() if os.environ.get("ROCKETCHAT_WEBHOOK_URL") else None


@bot.command("!deploy")
async def deploy(command: Command) -> Reply:
    """Deploy a service: `!deploy SERVICE`."""
    message = command.message
    now = message.reply_in_thread(f"deploying {command.text or 'nothing'} for {message.user_name}")
    return Reply.later(partial(deployed, command), webhook, now=now) if webhook else now


async def deployed(command: Command) -> Reply:
    """Do the work, however long it takes, and return the result."""
    return command.message.reply_in_thread(f"deployed {command.text or 'nothing'}")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
    """Finish the work before the application stops."""
    yield
    await bot.finish_async()
    if webhook is not None:
        await webhook.close()


app = FastAPI(lifespan=lifespan)
app.router.routes.append(Route("/hook", bot.asgi))


@app.get("/status")
async def status() -> dict[str, str]:
    """Stand for the rest of the application."""
    return {"deployments": "none"}
