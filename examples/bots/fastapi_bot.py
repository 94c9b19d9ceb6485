"""A bot in a FastAPI application, at ``/hook``."""

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
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


app = FastAPI()
app.router.routes.append(Route("/hook", bot.asgi))


@app.get("/status")
async def status() -> dict[str, str]:
    """Stand for the rest of the application."""
    return {"deployments": "none"}
