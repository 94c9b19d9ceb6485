"""Incoming webhooks: find the integration of an address, run its script, and post to its channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import as_array, either, is_array, is_object, is_truthy
from rocketchat_integrations.testing._world._permissions import MESSAGE_IMPERSONATE
from rocketchat_integrations.testing._world._refusals import (
    Refusal,
    failure,
    not_logged_in,
    webhook_disabled,
    wrong_webhook,
)
from rocketchat_integrations.testing._world._rules_shared import LACKS_IMPERSONATION, lacks_impersonation
from rocketchat_integrations.testing._world._scripts import defines_script
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User

from ._posting import Posting, distinct, message_of
from ._script_runs import IntegrationScript, ScriptFailed, ScriptRuns

_METHOD = "process_incoming_request"
_RUNNING = "error-running-script"


@attrs.frozen
class HookRequest:
    """A request for the address of a webhook. The repr shows nothing, since the URL has the token."""

    url: str = attrs.field(repr=False)
    """The path and the query."""
    url_params: Mapping[str, str] = attrs.field(repr=False)
    """The ids and the token in the path."""
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    content: Any = attrs.field(repr=False)
    """The JSON value or the form in the body; an empty object without one."""
    content_raw: str = attrs.field(repr=False)

    @property
    def body(self) -> Document:
        """The content, or an empty object if it is something else."""
        return self.content if is_object(self.content) else {}


@attrs.frozen
class PendingAnswer:
    """An answer that needs a script to run first."""

    run: Callable[[], Any]
    """Runs the script, which needs no lock of the server."""
    answer_to: Callable[[Any], Any]
    """Acts on what the script returned, and returns the body of the answer."""


@attrs.frozen
class Webhooks:
    """The webhook addresses of one server. Outgoing integrations have one, too."""

    world: World
    dialect: Dialect
    scripts: ScriptRuns

    def find(self, integration_id: str, token: str) -> Document:
        """Return the integration of an address. The server decodes the token twice; the router has done it once."""
        document = self.world.integrations.get(integration_id)
        if document is None:
            raise wrong_webhook(self.dialect, f"there is no integration {integration_id!r}")
        decoded = _decode_component(token)
        if decoded is None:
            raise wrong_webhook(self.dialect, "the token cannot be decoded twice: quote a % in it twice (%2525)")
        if decoded != document.get("token"):
            raise wrong_webhook(self.dialect, f"integration {integration_id!r} has another token")
        return document

    def check_poster(self, document: Document) -> None:
        """Refuse a call if the user that the integration posts as is gone, from 8.x on."""
        if self.dialect.major >= 8 and self.world.users.find_by_id(document.get("userId")) is None:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")

    def post(self, document: Document, request: HookRequest) -> Document | PendingAnswer:
        """Post a message as an integration and return the answer, or what has to be done for it."""
        poster = self._checked(document)
        script = self.scripts.script_of(document)
        if script is None:
            self._check_script(document)
            return self._post(document, poster, request.body)
        parameters = {"request": _script_request(request, poster)}
        return PendingAnswer(
            run=lambda: _run(script, parameters),
            answer_to=lambda result: self._answer_to_result(document, poster, request, result),
        )

    def _checked(self, document: Document) -> User:
        """Return the user to post as, if the integration may be used."""
        self.check_poster(document)
        poster = self.world.users.find_by_id(document.get("userId"))
        if document.get("enabled") is not True:
            raise webhook_disabled(self.dialect, "the integration is disabled")
        if poster is None:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")
        if lacks_impersonation(self.dialect, self.world.settings, poster):
            raise failure(LACKS_IMPERSONATION, f"{poster.username} lacks {MESSAGE_IMPERSONATE}")
        return poster

    def _answer_to_result(self, document: Document, poster: User, request: HookRequest, result: Any) -> Any:
        """Do what the result of a script asks for."""
        if not is_truthy(result):
            return {"success": True}
        fields: Document = result if is_object(result) else {}
        error, content = fields.get("error"), fields.get("content")
        if is_truthy(error):
            body: Document = error if is_object(error) else {"error": error}
            raise Refusal(400, {**body, "success": False}, "the script refused the request")
        if self.dialect.major >= 8:
            if not (is_object(content) or is_array(content)):
                raise failure(_RUNNING, "the result of the script has no content: return nothing to post nothing")
        elif not is_truthy(content):
            return {"success": True}
        message: Document = {"separateResponse": request.body.get("separateResponse") is True}
        answer = self._post(document, poster, message | (content if is_object(content) else {}))
        response = fields.get("response")
        if is_object(response):
            return {**response, "success": True}
        return response if is_truthy(response) else answer

    def _post(self, document: Document, poster: User, body: Document) -> Document:
        if not body and not document.get("scriptEnabled"):
            return {"success": True}
        message = message_of(self.dialect, document, poster, body)
        channels = _channels(self.dialect, document, body)
        if self.dialect.major >= 8 and not channels:
            raise failure("unknown-error", "the integration has no channels, and the message names none")
        if self.dialect.major >= 8 and is_truthy(body.get("separateResponse")):
            return self._post_separately(channels, poster, message)
        Posting(self.world, self.dialect).post(message, poster, channels)
        return {"success": True}

    def _check_script(self, document: Document) -> None:
        """On 8.x and later, refuse a post if the script, which is not run here, defines no class ``Script``."""
        script = document.get("scriptCompiled")
        if self.dialect.major >= 8 and document.get("scriptEnabled") is True and script and not defines_script(script):
            raise failure("error-evaluating-script", "the script defines no class Script")

    def _post_separately(self, channels: list[Any], poster: User, message: Document) -> Document:
        responses: list[Document] = []
        for channel in distinct(channels):
            try:
                responses += Posting(self.world, self.dialect).post(message, poster, [channel])
            except Refusal as refusal:
                responses.append({"channel": channel, "error": refusal.body["error"]})
        if all("error" in response for response in responses):
            raise Refusal(400, {"success": False, "responses": responses}, "nothing was posted to any of the channels")
        return {"success": True, "responses": responses}


def _script_request(request: HookRequest, poster: User) -> Document:
    """Return the request as a script gets it."""
    path, _, query = request.url.partition("?")
    search = f"?{query}" if query else ""
    return {
        "url": {"hash": "", "search": search, "query": request.query, "pathname": path, "path": request.url},
        "url_raw": request.url,
        "url_params": request.url_params,
        "content": request.content,
        "content_raw": request.content_raw,
        "headers": request.headers,
        "body": request.content,
        "user": poster.profile,
    }


def _run(script: IntegrationScript, parameters: Document) -> Any:
    try:
        return script.call(_METHOD, parameters)
    except ScriptFailed as failed:
        raise failure(failed.error_type, str(failed)) from None


def _channels(dialect: Dialect, document: Document, body: Document) -> list[Any]:
    wanted = either(body.get("channel"), body.get("roomId"))
    if not is_truthy(wanted):
        return as_array(document.get("channel") or [])
    if not document.get("overrideDestinationChannelEnabled"):
        raise failure(
            "overriding destination channel is disabled for this integration",
            "a channel in the body, even the configured one, needs overrideDestinationChannelEnabled",
        )
    channels = as_array(wanted)
    return channels if dialect.major >= 8 else [str(each) for each in channels]


def _decode_component(text: str) -> str | None:
    """Return what JavaScript's ``decodeURIComponent`` gives; None where it throws."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return None
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
