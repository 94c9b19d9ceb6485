"""A bot without a framework, for any WSGI server; run as a program, it serves itself."""

from __future__ import annotations

import os
from wsgiref.simple_server import make_server

from rocketchat_integrations.outgoing import Command, WebhookApp

application = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@application.command("!deploy")
def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    return f"deploying {command.text or 'nothing'} for {command.message.user_name}"


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"Serving on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
