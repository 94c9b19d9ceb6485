"""A bot in a Django project, at ``/hook``. The project is this one file."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rocketchat_integrations.outgoing import Command, WebhookApp

bot = WebhookApp(token=os.environ["DEPLOY_BOT_TOKEN"])


@bot.command("!deploy")
def deploy(command: Command) -> str:
    """Deploy a service: `!deploy SERVICE`."""
    return f"deploying {command.text or 'nothing'} for {command.message.user_name}"


# A call has no CSRF token; the bot verifies the token in its body.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def hook(request: HttpRequest) -> HttpResponse:
    """Pass a call to the bot; answer GET and HEAD as a health check."""
    if request.method != "POST":
        return JsonResponse({"status": "ok"})
    answer = bot.handle(request.body, request.headers.get("Content-Type"))
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def status(request: HttpRequest) -> HttpResponse:
    """Stand for the rest of the project."""
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
    SECRET_KEY=secrets.token_urlsafe(32),  # keep a fixed one in a project that signs anything
)
application = get_wsgi_application()
