"""A bot in a Starlette application, at ``/hook``."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
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


async def status(request: Request) -> JSONResponse:
    """Stand for the rest of the application."""
    return JSONResponse({"deployments": "none"})


app = Starlette(
    routes=[
        Route("/status", status),
        Route("/hook", bot.asgi),
    ]
)
