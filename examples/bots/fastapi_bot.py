"""A bot within a FastAPI application, at ``/hook``."""

from __future__ import annotations

import os

from fastapi import FastAPI
from starlette.routing import Route

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.on(EventType.SEND_MESSAGE)
async def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a call that was replayed has no content
        return None
    service = message.text.removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


app = FastAPI()
app.router.routes.append(Route("/hook", bot.asgi))


@app.get("/status")
async def status() -> dict[str, str]:
    """Stand for what the application has besides the bot."""
    return {"deployments": "none"}
