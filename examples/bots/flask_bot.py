"""A bot in a Flask application, at ``/hook``."""

from __future__ import annotations

import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.on(EventType.SEND_MESSAGE)
def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


app = Flask(__name__)


@app.get("/status")
def status() -> dict[str, str]:
    """Stand for the rest of the application."""
    return {"deployments": "none"}


application = DispatcherMiddleware(app, {"/hook": bot})
