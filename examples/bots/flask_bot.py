"""A bot in a Flask application, at ``/hook``."""

from __future__ import annotations

import os

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rocketchat_integrations.outgoing import Command, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.command("!deploy")
def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    return f"deploying {command.text or 'nothing'} for {command.message.user_name}"


app = Flask(__name__)


@app.get("/status")
def status() -> dict[str, str]:
    """Stand for the rest of the application."""
    return {"deployments": "none"}


application = DispatcherMiddleware(app, {"/hook": bot})
