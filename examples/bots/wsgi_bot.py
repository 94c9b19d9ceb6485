"""A bot without a framework, for any WSGI server; run as a program, it serves itself."""

from __future__ import annotations

import os
from wsgiref.simple_server import make_server

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

application = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@application.on(EventType.SEND_MESSAGE)
def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a replayed call has no text
        return None
    service = message.text.removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as server:
        print(f"Serving on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
