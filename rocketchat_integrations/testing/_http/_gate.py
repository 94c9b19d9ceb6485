"""Check a request in the server's order: method, login, permission, parameters, rate limit."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import attrs
from werkzeug.wrappers import Request

from rocketchat_integrations.testing._api._endpoint import ApiCall, Endpoint
from rocketchat_integrations.testing._api._validator import violations
from rocketchat_integrations.testing._delivery._incoming_webhooks import HookRequest, PendingAnswer
from rocketchat_integrations.testing._delivery._script_runs import ScriptRuns
from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import is_object, parse_json
from rocketchat_integrations.testing._world._refusals import (
    failure,
    invalid_params,
    not_logged_in,
    not_permitted,
    wrong_method,
)
from rocketchat_integrations.testing._world._settings import Settings
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User

from ._addresses import Address
from ._throttle import Throttle

_NOBODY = User(id="", username="nobody", password="", email="", permissions=frozenset())


@attrs.frozen
class Gate:
    """The checks that every request passes before its endpoint acts."""

    world: World
    dialect: Dialect
    settings: Settings
    throttle: Throttle
    scripts: ScriptRuns

    def handle(
        self, request: Request, body: bytes, address: Address, endpoint: Endpoint, headers: dict[str, str]
    ) -> Document | PendingAnswer:
        """Return the body of the answer, or what has to be done for it; add to its headers.

        Raises:
            Refusal: the request is refused.
        """
        if request.method not in endpoint.methods:
            raise wrong_method(f"{address.name} needs {' or '.join(endpoint.methods)}, not {request.method}")
        user = self._authenticated(request) if endpoint.login else self._caller(request) or _NOBODY
        if self.dialect.major >= 8:
            self._check_permission(user, endpoint)
        elif endpoint.limited:
            self._check_rate_limit(request, address, user, headers)
        params: Any = request.args.to_dict()
        if request.method != "GET":
            takes_forms = address.name == "hooks" and self.dialect.major >= 8
            is_form = takes_forms and request.mimetype == "application/x-www-form-urlencoded"
            params = _read_form(body) if is_form else _read_json(request, body)
        if endpoint.schema is not None:
            # The values of a query are texts, so every version coerces them.
            coerce = self.dialect.coerces_bodies or request.method == "GET"
            found = violations(endpoint.schema, params, coerce=coerce)
            if found:
                raise invalid_params(found)
        if self.dialect.major < 8:
            self._check_permission(user, endpoint)
        elif endpoint.limited:
            self._check_rate_limit(request, address, user, headers)
        return endpoint.handle(
            ApiCall(
                world=self.world,
                dialect=self.dialect,
                settings=self.settings,
                scripts=self.scripts,
                params=params if is_object(params) else {},
                user=user,
                token=request.headers.get("X-Auth-Token", "") if endpoint.login else address.token,
                integration_id=address.integration_id,
                hook_request=_hook_request(request, body, address, {} if request.method == "GET" else params),
            )
        )

    def _authenticated(self, request: Request) -> User:
        token = request.headers.get("X-Auth-Token")
        user_id = request.headers.get("X-User-Id")
        if not token or not user_id:
            raise not_logged_in(self.dialect, "both X-Auth-Token and X-User-Id are needed")
        owner = self._caller(request)
        if owner is not None:
            return owner
        if self.world.users.owner_of(token) is None:
            raise not_logged_in(self.dialect, "the token is unknown, or was revoked")
        raise not_logged_in(self.dialect, f"the token is not that of the user with the id {user_id!r}")

    def _caller(self, request: Request) -> User | None:
        """Return the user whose valid credentials the headers hold, if any."""
        owner = self.world.users.owner_of(request.headers.get("X-Auth-Token", ""))
        return owner if owner is not None and owner.id == request.headers.get("X-User-Id") else None

    def _check_permission(self, user: User, endpoint: Endpoint) -> None:
        if endpoint.permissions is not None and not user.has_any(endpoint.permissions):
            raise not_permitted(self.dialect, user.username, endpoint.permissions)

    def _check_rate_limit(self, request: Request, address: Address, user: User, headers: dict[str, str]) -> None:
        limit = self.settings.rate_limit
        if limit is None or "api-bypass-rate-limit" in user.permissions:
            return
        # From 8.x on, each webhook has a limit of its own.
        webhook = address.integration_id if self.dialect.major >= 8 else ""
        within, allowance = self.throttle.count((address.name, webhook, request.remote_addr), *limit)
        headers.update(allowance.headers(self.settings))
        if not within:
            raise allowance.refusal()


def _hook_request(request: Request, body: bytes, address: Address, content: Any) -> HookRequest:
    user = {"userId": address.user_id} if address.user_id else {}
    return HookRequest(
        url=request.environ["REQUEST_URI"],
        url_params={"integrationId": address.integration_id, **user, "token": address.token},
        query=request.args.to_dict(),
        headers={name.lower(): value for name, value in request.headers},
        content=content,
        content_raw=body.decode(errors="replace"),
    )


def _read_json(request: Request, body: bytes) -> Any:
    """Return the JSON body. Without the content type of JSON the server sees an empty object."""
    if request.mimetype != "application/json" or not body:
        return {}
    try:
        return parse_json(body)
    except (ValueError, RecursionError):
        raise failure("Invalid JSON", "the content type is JSON, but the body is not") from None


def _read_form(body: bytes) -> Any:
    """Return the message of a form: its only field ``payload``, or JSON labelled as a form, or its fields."""
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    if len(fields) != 1:
        return fields
    try:
        message = parse_json(fields.get("payload") or body)
    except (ValueError, RecursionError):
        return fields
    if not is_object(message):
        error = "Integration payload must be a JSON object, not an array or primitive"
        raise failure(error, f"the form holds {type(message).__name__} instead of an object")
    return message
