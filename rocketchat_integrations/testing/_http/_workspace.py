"""A workspace as a WSGI application: answer requests, log them, and start the calls that they lead to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from rocketchat_integrations.testing._api._endpoint_table import endpoints_of
from rocketchat_integrations.testing._delivery._deliveries import Deliveries
from rocketchat_integrations.testing._delivery._incoming_webhooks import PendingAnswer
from rocketchat_integrations.testing._delivery._script_runs import ScriptFetch, ScriptRuns
from rocketchat_integrations.testing._world._activity import AnsweredRequest, Watchers
from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._refusals import Refusal, internal_error
from rocketchat_integrations.testing._world._settings import Settings
from rocketchat_integrations.testing._world._starting_world import with_tokens
from rocketchat_integrations.testing._world._state import World

from ._addresses import Address, address_of
from ._faults import Dispatch, FaultPlan
from ._gate import Gate
from ._received import ReceivedRequest, RequestLog
from ._responses import json_response, web_app
from ._throttle import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")

DISPATCH = "rocketchat_integrations.dispatch"
"""The key of the request's ``Dispatch`` in its WSGI environment."""

_logger = logging.getLogger("rocketchat_integrations.testing")


class Workspace:
    """A WSGI application that answers as Rocket.Chat does. ``lock`` guards everything in it."""

    def __init__(
        self,
        description: Mapping[str, Any],
        dialect: Dialect,
        settings: Settings,
        base_path: str,
        script_fetch: ScriptFetch | None,
    ) -> None:
        self.lock = threading.RLock()
        self.log = RequestLog(self.lock)
        self.watchers = Watchers()
        self._description = with_tokens(description)
        self._dialect = dialect
        self._settings = settings
        self._base_path = base_path
        self._endpoints = endpoints_of(dialect)
        self.scripts = ScriptRuns(settings.scripts, dialect, script_fetch)
        self.deliveries = Deliveries(self.lock, dialect, settings, self.scripts)
        self.reset()

    def reset(self) -> None:
        """Go back to the described world, and forget everything that has happened or was planned since."""
        with self.lock:
            self.deliveries.restart()
            self.scripts.close()
            self.world = World(self._description, self._settings, self.watchers)
            self.faults = FaultPlan(self._endpoints)
            self.log.clear()
            self._gate = Gate(self.world, self._dialect, self._settings, Throttle(self._settings.now), self.scripts)

    def act(self, action: Callable[[World], T]) -> T:
        """Change the world, and return once the calls that this leads to are over.

        Raises:
            RuntimeError: they do not end.
        """
        with self.lock:
            result = action(self.world)
            chain = self.deliveries.chain(self.world)
        self.deliveries.run(chain)
        return result

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        body = request.get_data()
        path = environ["REQUEST_URI"].partition("?")[0]
        address = address_of(path, self._base_path, self._endpoints)
        received = ReceivedRequest(
            method=request.method,
            endpoint=address.name,
            path=path,
            query=MappingProxyType(request.args.to_dict()),
            headers=MappingProxyType(dict(request.headers)),
            body=body,
        )
        with self.lock:
            entry = self.log.add(received)
            fault = self.faults.take(address.name)
        if fault is not None and fault.substitute is not None:
            response, note = fault.substitute(path, self._settings), "it was planned to fail"
        else:
            response, note = self._answer(request, body, address)
        entry.request = attrs.evolve(received, note=note)
        _logger.debug("%s %s: %s %s", request.method, address.name or "?", response.status_code, note)
        answered = AnsweredRequest(
            method=request.method,
            endpoint=address.name,
            integration_id=address.integration_id,
            status=response.status_code,
            note=note,
        )
        with self.lock:
            self.watchers.report(answered)
        response.headers["Date"] = http_date(self._settings.now())
        if fault is not None:
            dispatch: Dispatch = environ[DISPATCH]
            dispatch.sending = fault.sending
        return response(environ, start_response)

    def _answer(self, request: Request, body: bytes, address: Address) -> tuple[Response, str]:
        """Return the response, and a note if it is a refusal."""
        endpoint = self._endpoints.get(address.name)
        if endpoint is None:
            return web_app(), f"version {self._dialect.version} has no such endpoint below the base URL"
        headers: dict[str, str] = {}
        try:
            answer = self._act_on_request(lambda: self._gate.handle(request, body, address, endpoint, headers))
            if isinstance(answer, PendingAnswer):
                pending, result = answer, answer.run()
                answer = self._act_on_request(lambda: pending.answer_to(result))
            return json_response(200, answer, headers), ""
        except Refusal as refusal:
            if refusal.plain:
                return Response(
                    refusal.body, status=refusal.status, headers=headers, mimetype="text/plain"
                ), refusal.note
            return json_response(refusal.status, refusal.body, headers), refusal.note
        except Exception as error:
            # Odd documents can break anything; an answer says more about it than a broken connection.
            failed = internal_error(f"unexpected {type(error).__name__}: {error}")
            return json_response(failed.status, failed.body, headers), failed.note

    def _act_on_request(self, action: Callable[[], T]) -> T:
        """Act on a request, and start the calls that this leads to."""
        with self.lock:
            try:
                return action()
            finally:
                # After a refusal too: a message may have been posted before it.
                self.deliveries.start(self.deliveries.chain(self.world))
