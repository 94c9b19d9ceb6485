"""A bot in a FastAPI application, at ``/hook``.

It answers at once. If ``ROCKETCHAT_WEBHOOK_URL`` is set, it posts the result there when the work is done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from rocketchat_integrations import EventType
from rocketchat_integrations.aio import AsyncIncomingWebhook
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])

webhook = AsyncIncomingWebhook.from_env() if os.environ.get("ROCKETCHAT_WEBHOOK_URL") else None
under_way: set[asyncio.Task[None]] = set()  # the event loop itself does not keep its tasks


@bot.on(EventType.SEND_MESSAGE)
async def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    task = asyncio.create_task(deployed(service, message.user_name))
    under_way.add(task)
    task.add_done_callback(under_way.discard)
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


async def deployed(service: str, user_name: str | None) -> None:
    """Do the work, however long it takes, and post the result."""
    if webhook is not None:
        await webhook.post(f"deployed {service or 'nothing'} for {user_name}")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
    """Finish the work before the application stops."""
    yield
    await asyncio.gather(*under_way, return_exceptions=True)
    if webhook is not None:
        await webhook.close()


app = FastAPI(lifespan=lifespan)
app.router.routes.append(Route("/hook", bot.asgi))


@app.get("/status")
async def status() -> dict[str, str]:
    """Stand for the rest of the application."""
    return {"deployments": "none"}
