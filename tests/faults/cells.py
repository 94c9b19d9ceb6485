"""One cell of the matrix: a method, a fault, and what came of them."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from rocketchat_integrations import (
    Client,
    IncomingIntegrationRecord,
    OutgoingIntegrationRecord,
    RetryPolicy,
    Timeout,
)
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations.testing import LocalRocketChat
from tests.leaks import RecordKeeper, leaks, logged_leaks

from .catalogue import Fault
from .methods import Caller, Method, Twin, fill
from .places import Site
from .proxy import Act

Times: TypeAlias = Literal["once", "always"]

ATTEMPTS = 2
RATE_LIMIT_WAIT = 0.3
_POLICY = RetryPolicy(attempts=ATTEMPTS, backoff=0.01, backoff_max=0.02, total=5.0, rate_limit_wait=RATE_LIMIT_WAIT)
# Faults that make the client wait use the short timeout, all others the long one.
_SHORT = Timeout(connect=0.25, read=0.25, total=0.5)
_LONG = Timeout(connect=10.0, read=10.0, total=20.0)


@attrs.frozen
class Cell:
    """A method of one twin, and a fault that happens once or always."""

    twin: Twin
    method: Method
    fault: Fault
    times: Times = "once"
    short_timeout: Timeout = _SHORT
    """Used if the fault makes the client wait. The later requests of the call, which are answered, have it, too."""

    def __str__(self) -> str:
        return f"{self.twin}-{self.method.name}-{self.fault.name}-{self.times}"


@attrs.frozen
class Effects:
    """Everything that calls can change on a server, without generated values."""

    documents: Counter[str]
    history: Counter[str]
    messages: Counter[str]

    @classmethod
    def of(cls, server: LocalRocketChat) -> Effects:
        generated = ("_id", "token", "_createdAt", "_updatedAt", "_updatedBy")
        documents = [
            {name: value for name, value in each.items() if name not in generated} for each in server.documents
        ]
        return cls(
            Counter(repr(sorted(document.items())) for document in documents),
            Counter(repr(each.get("_id")) for each in server.history_documents),
            Counter(message.text for message in server.messages),
        )

    def is_between(self, before: Effects, after: Effects) -> bool:
        """Return whether nothing is there twice, and nothing but what was there before or should be after."""
        triples = zip(
            attrs.astuple(self, recurse=False),
            attrs.astuple(before, recurse=False),
            attrs.astuple(after, recurse=False),
            strict=True,
        )
        return all(now <= was | will for now, was, will in triples)


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a call."""

    result: Any
    error: BaseException | None
    seconds: float
    arrived: int
    """How many requests for the acting endpoint arrived at the proxy."""

    acted: int
    """How often the server did what the method is for."""

    before: Effects
    after: Effects
    memory: int
    """Growth of the peak memory of the process, in bytes; 0 if it was not measured."""

    leaks: Sequence[str]
    next_error: BaseException | None
    """Why the next call over the same connections failed; None if it did not."""


class Laboratory:
    """A server, the proxy in front of it, and what methods do without faults."""

    def __init__(self, server: LocalRocketChat, site: Site) -> None:
        self.server = server
        self.site = site
        self._records: tuple[IncomingIntegrationRecord, OutgoingIntegrationRecord] | None = None
        self._expected: dict[str, tuple[Any, Effects]] = {}
        self._answered: Counter[str] = Counter()
        server.watch(self._count)

    def _count(self, activity: Any) -> None:
        if 200 <= getattr(activity, "status", 0) < 300 and hasattr(activity, "method"):
            self._answered[activity.endpoint] += 1

    def run(self, cell: Cell, acts: Sequence[Act] | None = None) -> Outcome:
        """Make the call while the fault happens; with ``acts``, these happen instead."""
        proxy, method, fault = self.site.proxy, cell.method, cell.fault
        fill(self.server)
        proxy.forget()
        before = Effects.of(self.server)
        keeper = RecordKeeper()
        with fault.place(self.site) as url, self._caller(cell, url) as caller, _logging_to(keeper):
            with self._straight(cell.twin) as reader:
                prepared = method.prepare(reader)
            if fault.is_pooled:
                _use_connections(caller)
                if fault.acts[0].__name__ == "answer_rightly":
                    proxy.close_connections()
            arrived, self._answered = Counter(proxy.arrived), Counter()
            proxy.plan(method.endpoint, list(acts or fault.acts), always=cell.times == "always")
            if fault.on_login:
                caller.client.user_id()
                proxy.plan("login", fault.on_login)
            result, error, seconds, memory = _measured(method, caller, prepared, fault.is_large)
            now = Counter(proxy.arrived)
            acted = self._answered[method.acting_endpoint]
            after = Effects.of(self.server)
            proxy.forget()
            outcome = Outcome(
                result=result,
                error=error,
                seconds=seconds,
                arrived=now[method.acting_endpoint] - arrived[method.acting_endpoint],
                acted=acted,
                before=before,
                after=after,
                memory=memory,
                leaks=[],
                next_error=self._next_error(caller) if fault.known != "not sent" else None,
            )
        return attrs.evolve(outcome, leaks=[*leaks(error), *logged_leaks(keeper.records)])

    def expected(self, twin: Twin, method: Method) -> tuple[Any, Effects]:
        """Return the result of a method without faults, and its effects."""
        if method.name not in self._expected:
            fill(self.server)
            with self._straight(twin) as caller:
                result = method.result(method.call(caller, method.prepare(caller)))
            self._expected[method.name] = result, Effects.of(self.server)
        return self._expected[method.name]

    @contextmanager
    def _straight(self, twin: Twin) -> Generator[Caller, None, None]:
        """Give a caller without the proxy."""
        with closing(Caller(twin, self.server.url, self._samples(), with_password=False)) as caller:
            yield caller

    @contextmanager
    def _caller(self, cell: Cell, url: str) -> Generator[Caller, None, None]:
        options: ConnectionKeywords = {
            "timeout": cell.short_timeout if cell.fault.waits else _LONG,
            "retry": _POLICY,
            "verify": str(self.site.bundle) if url.startswith("https") else True,
        }
        with_password = cell.fault.with_password or cell.method.with_password
        with closing(Caller(cell.twin, url, self._samples(), with_password=with_password, **options)) as caller:
            yield caller

    def _samples(self) -> tuple[IncomingIntegrationRecord, OutgoingIntegrationRecord]:
        if self._records is None:
            with Client(self.server.url, self.server.auth("admin")) as client:
                hook, bot = client.get("hook"), client.get("bot")
            assert isinstance(hook, IncomingIntegrationRecord)
            assert isinstance(bot, OutgoingIntegrationRecord)
            self._records = hook, bot
        return self._records

    @staticmethod
    def _next_error(caller: Caller) -> BaseException | None:
        """Make further calls over the same connections; return what is wrong with them."""
        try:
            assert caller.client.get("hook") == caller.hook
            assert caller.client.server_version()[0] == "9"
            assert caller.webhook.check() is True
        except Exception as error:
            return error
        return None


def _use_connections(caller: Caller) -> None:
    caller.client.server_version()
    caller.webhook.check()


def _measured(
    method: Method, caller: Caller, prepared: Any, is_large: bool
) -> tuple[Any, BaseException | None, float, int]:
    result, error = None, None
    before = _forget_peak() if is_large else 0
    began = time.monotonic()
    try:
        result = method.call(caller, prepared)
    except Exception as caught:
        error = caught
    return result, error, time.monotonic() - began, _peak() - before if is_large else 0


def _forget_peak() -> int:
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak()


def _peak() -> int:
    """Return the peak memory of this process in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@contextmanager
def _logging_to(keeper: RecordKeeper) -> Generator[None, None, None]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(keeper)
    try:
        yield
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)
