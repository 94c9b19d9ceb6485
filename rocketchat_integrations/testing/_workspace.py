"""One server behind its HTTP: the gate that every request passes, with the checks in the server's order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import attrs
from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from ._answers import json_answer, web_app
from ._deliveries import Deliveries
from ._dialect import Dialect
from ._endpoints import Call, Endpoint, endpoints_of
from ._faults import Dispatch, FaultPlan
from ._javascript import parse_json
from ._limits import RateLimiter
from ._records import ReceivedRequest
from ._refusals import Refusal, broken, failure, invalid_params, not_logged_in, not_permitted, wrong_method
from ._schemas import violations
from ._settings import Settings
from ._world import User, World, complete

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")

DISPATCH = "rocketchat_integrations.dispatch"
"""The place of the request's ``Dispatch`` in its WSGI environment."""

_logger = logging.getLogger("rocketchat_integrations.testing")

_NOBODY = User(id="", username="nobody", password="", email="", permissions=frozenset())


@attrs.frozen
class _Address:
    """What a path means."""

    name: str = ""
    endpoint: Endpoint | None = None
    integration_id: str = ""
    token: str = ""


@attrs.define
class _Entry:
    """A request in the record, which learns later how the request ended."""

    request: ReceivedRequest


class Workspace:
    """A WSGI application that answers as Rocket.Chat does. All that it holds is behind ``lock``."""

    def __init__(self, description: Mapping[str, Any], dialect: Dialect, settings: Settings, base_path: str) -> None:
        self.lock = threading.RLock()
        self._arrival = threading.Condition(self.lock)
        self._description = complete(description)
        self._dialect = dialect
        self._settings = settings
        self._base_path = base_path
        self._endpoints = endpoints_of(dialect)
        self.deliveries = Deliveries(self.lock, dialect, settings)
        self.reset()

    def reset(self) -> None:
        """Go back to the world as it was described, and forget what happened since and what was planned."""
        with self.lock:
            self.deliveries.restart()
            self.world = World(self._description, self._settings)
            self.faults = FaultPlan(self._endpoints)
            self._limiter = RateLimiter(self._settings.now)
            self._entries: list[_Entry] = []

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """What was received so far."""
        with self.lock:
            return tuple(entry.request for entry in self._entries)

    def act(self, act: Callable[[World], T]) -> T:
        """Let something happen in the world, and return once the calls that it leads to are over.

        Raises:
            RuntimeError: they do not end.
        """
        with self.lock:
            result = act(self.world)
            chain = self.deliveries.chain(self.world)
        self.deliveries.run(chain)
        return result

    def wait_for(self, endpoint: str, timeout: float) -> ReceivedRequest | None:
        """The first request of an endpoint, once there is one; None if none came in time."""
        with self._arrival:
            self._arrival.wait_for(lambda: any(r.endpoint == endpoint for r in self.requests), timeout)
            return next((request for request in self.requests if request.endpoint == endpoint), None)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        body = request.get_data()
        path = environ["REQUEST_URI"].partition("?")[0]
        address = self._locate(path)
        received = ReceivedRequest(
            method=request.method,
            endpoint=address.name,
            path=path,
            query=MappingProxyType(request.args.to_dict()),
            headers=MappingProxyType(dict(request.headers)),
            body=body,
        )
        entry = _Entry(received)
        with self.lock:
            self._entries.append(entry)
            self._arrival.notify_all()
            fault = self.faults.take(address.name)
        if fault is not None and fault.substitute is not None:
            response, note = fault.substitute(path, self._settings), "it was planned to fail"
        else:
            response, note = self._answer(request, body, address)
        entry.request = attrs.evolve(received, note=note)
        _logger.debug("%s %s: %s %s", request.method, address.name or "?", response.status_code, note)
        response.headers["Date"] = http_date(self._settings.now())
        if fault is not None:
            dispatch: Dispatch = environ[DISPATCH]
            dispatch.delivery = fault.delivery
        return response(environ, start_response)

    def _locate(self, path: str) -> _Address:
        if not path.startswith(f"{self._base_path}/"):
            return _Address()
        match [unquote(part) for part in path.removeprefix(self._base_path).strip("/").split("/")]:
            case ["api", "info"]:
                return _Address("info", self._endpoints["info"])
            case ["api", "v1", name] if name in self._endpoints and name not in ("info", "hooks", "hooks.info"):
                return _Address(name, self._endpoints[name])
            case ["hooks", "info", integration_id, _, token]:
                return _Address("hooks.info", self._endpoints["hooks.info"], integration_id, token)
            case ["hooks", integration_id, token] | ["hooks", integration_id, _, token]:
                return _Address("hooks", self._endpoints["hooks"], integration_id, token)
            case _:
                return _Address()

    def _answer(self, request: Request, body: bytes, address: _Address) -> tuple[Response, str]:
        """The answer, and a note if it is a refusal."""
        endpoint = address.endpoint
        if endpoint is None:
            return web_app(), f"version {self._dialect.version} has no such endpoint below the base URL"
        headers: dict[str, str] = {}
        try:
            with self.lock:
                try:
                    return json_answer(200, self._act(request, body, address, endpoint, headers), headers), ""
                finally:
                    # Also of a refusal, before which something may have been posted.
                    self.deliveries.start(self.deliveries.chain(self.world))
        except Exception as error:
            # Whatever was put in: an answer tells more than a connection that breaks.
            refusal = error if isinstance(error, Refusal) else broken(f"unforeseen {type(error).__name__}: {error}")
            return json_answer(refusal.status, refusal.body, headers), refusal.note

    def _act(
        self, request: Request, body: bytes, address: _Address, endpoint: Endpoint, headers: dict[str, str]
    ) -> Mapping[str, Any]:
        if request.method not in endpoint.methods:
            raise wrong_method(f"{address.name} wants {' or '.join(endpoint.methods)}, not {request.method}")
        user = self._authenticated(request) if endpoint.login else _NOBODY
        if self._dialect.is_8:
            self._check_permission(user, endpoint)
        if endpoint.limited:
            self._count(request, address, user, headers)
        params: Any = request.args.to_dict() if request.method == "GET" else _read_json(request, body)
        if endpoint.schema is not None:
            # The values of a query arrive as texts, so that also 6.x has to convert those.
            coerce = self._dialect.is_8 or request.method == "GET"
            mistakes = violations(endpoint.schema, params, coerce=coerce)
            if mistakes:
                raise invalid_params(mistakes)
        if not self._dialect.is_8:
            self._check_permission(user, endpoint)
        return endpoint.handle(
            Call(
                world=self.world,
                dialect=self._dialect,
                settings=self._settings,
                method=request.method,
                params=params if isinstance(params, dict) else {},  # pyright: ignore[reportUnknownArgumentType]
                user=user,
                token=request.headers.get("X-Auth-Token", "") if endpoint.login else address.token,
                integration_id=address.integration_id,
            )
        )

    def _authenticated(self, request: Request) -> User:
        token = request.headers.get("X-Auth-Token")
        user_id = request.headers.get("X-User-Id")
        if not token or not user_id:
            raise not_logged_in(self._dialect, "both X-Auth-Token and X-User-Id are needed")
        owner = self.world.token_owner(token)
        if owner is None:
            raise not_logged_in(self._dialect, "the token is unknown, or was revoked")
        if owner.id != user_id:
            raise not_logged_in(self._dialect, f"the token is not that of the user with the id {user_id!r}")
        return owner

    def _check_permission(self, user: User, endpoint: Endpoint) -> None:
        if endpoint.permissions is not None and not user.has_any(endpoint.permissions):
            raise not_permitted(self._dialect, user.username, endpoint.permissions)

    def _count(self, request: Request, address: _Address, user: User, headers: dict[str, str]) -> None:
        limit = self._settings.rate_limit
        if limit is None or "api-bypass-rate-limit" in user.permissions:
            return
        # From 8.x on every webhook has a limit of its own.
        of_webhook = address.integration_id if self._dialect.is_8 else ""
        key = (address.name, of_webhook, request.remote_addr)
        within, allowance = self._limiter.count(key, *limit)
        headers.update(allowance.headers(self._settings))
        if not within:
            raise allowance.refusal()


def _read_json(request: Request, body: bytes) -> Any:
    """The body if it says that it is JSON; otherwise the server sees an empty one."""
    if request.mimetype != "application/json" or not body:
        return {}
    try:
        return parse_json(body)
    except (ValueError, RecursionError):
        raise failure("Invalid JSON", "the body says that it is JSON and is none") from None
