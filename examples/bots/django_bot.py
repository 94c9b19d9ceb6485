"""A bot within a Django project, at ``/hook``: all of it in one file."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.on(EventType.SEND_MESSAGE)
def deploy(message: MessageSent) -> Reply | None:
    """Answer ``!deploy SERVICE``."""
    if not message.text:  # a call that was replayed has no content
        return None
    service = message.text.removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


# The token in the call is what CSRF tokens are to forms.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def hook(request: HttpRequest) -> HttpResponse:
    """Hand a call to the bot; GET and HEAD tell that it is there."""
    if request.method != "POST":
        return JsonResponse({"status": "ok"})
    answer = bot.handle(request.body, request.headers.get("Content-Type"))
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def status(request: HttpRequest) -> HttpResponse:
    """Stand for what the project has besides the bot."""
    return JsonResponse({"deployments": "none"})


urlpatterns = [
    path("hook", hook),
    path("status", status),
]

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(","),
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    SECRET_KEY=secrets.token_urlsafe(32),  # a project that signs anything keeps the same one
)
application = get_wsgi_application()
