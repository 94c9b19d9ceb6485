"""A bot in a Starlette application, at ``/hook``."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rocketchat_integrations.outgoing import Command, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.command("!deploy")
async def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    return f"deploying {command.text or 'nothing'} for {command.message.user_name}"


async def status(request: Request) -> JSONResponse:
    """Stand for the rest of the application."""
    return JSONResponse({"deployments": "none"})


app = Starlette(
    routes=[
        Route("/status", status),
        Route("/hook", bot.asgi),
    ]
)
