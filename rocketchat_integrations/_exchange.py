"""The conversations: what is sent after what, again, and when. Pure: nothing here sends or sleeps.

A conversation is a generator with one effect. It yields a :class:`Send`, is sent the
:class:`Response`, and has a :class:`TransportError` thrown in where there was none. What it
returns is the result of the call. A driver (the client's, synchronous or not) does the rest.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from . import _operations
from ._decoding import Quota, quota
from ._http import Request, Response
from ._operations import PAGE_SIZE, Operation, Page, RoomList
from ._settle import changed_fields, differences
from .auth import PasswordAuth, TokenAuth
from .exceptions import (
    ApiError,
    ConfigurationError,
    DecodingError,
    InvalidParamsError,
    NotFoundError,
    RateLimitError,
    RocketChatError,
    ServerError,
    StaleRecordError,
    TransportError,
    TwoFactorRequired,
    UpdateIncomplete,
)
from .models import (
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
    judge,
    trimmed,
)

T = TypeVar("T")

# What an integration without a script behaves like.
_IDLE_SCRIPT = "class Script {}"

# Trying again would not help.
_LASTING = ("certificate", "too-large", "other")


def _not_negative(_: object, field: attrs.Attribute[float], value: float) -> None:
    # Not without end: waits are bounded.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{field.name}: must be a finite number of seconds of at least 0, not {value!r}")


def _at_least_once(_: object, field: attrs.Attribute[int], value: int) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{field.name}: must be a whole number of at least 1, not {value!r}")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a call is tried again, and how long it may wait. All times are in seconds.

    Only what cannot do harm is tried again: after lost answers and 502, 503 and 504 the
    calls that do no more when done twice, and everything after a refused connection or a
    rate limit, for then nothing was done. ``create``, ``replay_outgoing`` and posts are
    never sent again after a lost answer.

    Raises:
        ConfigurationError: for a value that is not allowed.
    """

    attempts: int = attrs.field(default=4, validator=_at_least_once)
    """How often a call is tried at most, the first time included. Waits for rate limits do not count."""

    backoff: float = attrs.field(default=0.5, validator=_not_negative)
    """The longest wait before the second try; doubles from try to try. The wait is between half of it and it."""

    backoff_max: float = attrs.field(default=8.0, validator=_not_negative)
    """What the wait grows to at most."""

    total: float = attrs.field(default=60.0, validator=_not_negative)
    """A call that has taken this long is not tried again. Does not count waits for rate limits."""

    rate_limit_wait: float = attrs.field(default=65.0, validator=_not_negative)
    """How long a call waits for rate limits at most, over all its tries. A wait that would be longer is not begun:
    the call fails with :class:`~rocketchat_integrations.RateLimitError`."""

    @classmethod
    def never(cls) -> RetryPolicy:
        """Neither repeats nor waits."""
        return cls(attempts=1, rate_limit_wait=0.0)

    def pause(self, tries: int) -> float:
        """How long to wait after this many tries: exponential backoff with jitter."""
        longest = min(self.backoff_max, self.backoff * 2.0 ** min(tries - 1, 60))
        return longest * random.uniform(0.5, 1.0)


@attrs.define
class Patience:
    """How much longer one call waits for rate limits."""

    left: float
    spent: float = 0.0

    def spend(self, seconds: float) -> bool:
        """Whether there is patience for this wait; if so, it is spent."""
        if seconds > self.left:
            return False
        self.left -= seconds
        self.spent += seconds
        return True


@attrs.frozen
class Send:
    """The one effect: wait, then send this."""

    request: Request
    after: float
    """Seconds to wait before."""

    patience: Patience
    """What to take waits for the endpoint's rate window from."""


Conversation: TypeAlias = Generator[Send, Response, T]


def call(operation: Operation[T], policy: RetryPolicy) -> Conversation[T]:
    """One operation, tried again as the policy allows.

    Raises:
        RocketChatError: the failure of the last try, without the frames that decoded it: those hold what
            the server sent.
    """
    patience = Patience(policy.rate_limit_wait)
    began, tries, refusals, after, lost = time.monotonic(), 1, 0, 0.0, False
    while True:
        try:
            response = yield Send(operation.request, after, patience)
            return operation.decode(response)
        except RocketChatError as error:
            failure = error
        if lost and operation.missing_is_done and isinstance(failure, NotFoundError):
            return cast(T, None)
        lost = lost or failure.may_have_acted
        if isinstance(failure, RateLimitError):
            refusals += 1
            # Never no wait at all: a server that always says "now" would be asked for ever.
            pause = max(failure.retry_after or 0.0, policy.pause(refusals), 0.05)
            again = patience.spend(pause)
        else:
            pause = policy.pause(tries)
            taken = time.monotonic() - began - patience.spent
            again = _may_repeat(failure, operation) and tries < policy.attempts and taken + pause <= policy.total
            tries += 1
        if not again:
            failure.may_have_acted = lost  # also for a last try that did nothing, after one that may have
            try:
                raise failure.with_traceback(None)
            finally:
                del failure
        after = pause


def _may_repeat(failure: RocketChatError, operation: Operation[Any]) -> bool:
    if isinstance(failure, TransportError):
        return failure.kind not in _LASTING and (operation.idempotent or not failure.may_have_acted)
    if isinstance(failure, ServerError):
        return failure.status in (502, 503, 504) and operation.idempotent
    return False


def create(definition: IntegrationDefinition, policy: RetryPolicy) -> Conversation[IntegrationRecord]:
    """Judge (a record may have been evolved into anything) and create.

    Raises:
        ConfigurationError: if a field has a value that is not allowed.
    """
    _judged(definition, None)
    return (yield from call(_operations.create(definition), policy))


def update(
    id: str, wanted: IntegrationDefinition, policy: RetryPolicy, *, overwrite: bool
) -> Conversation[IntegrationRecord]:
    """Read, compare, write all of it, compare again.

    Raises:
        ConfigurationError: if the integration is of the other type, ``wanted`` is the record of another
            one, a field that is to change has a value that is not allowed, or is an incoming one's token.
        StaleRecordError: if ``wanted`` is a record that the server has changed since, without ``overwrite``.
        UpdateIncomplete: if the server did not take some fields.
    """
    known = wanted if isinstance(wanted, (IncomingIntegrationRecord, OutgoingIntegrationRecord)) else None
    if known is not None and known.id != id:
        raise ConfigurationError(f"id: {id} is to be updated, with the record of {known.id}")
    current = yield from call(_operations.get(id), policy)
    if current.type is not wanted.type:
        raise ConfigurationError(f"type: {id} is {current.type}, and cannot become {wanted.type}")
    if known is not None and not overwrite and _is_stale(known, current):
        raise StaleRecordError(
            f"{id} was updated {_by_whom(current)} after this record was read: get it again and evolve that, "
            "or pass overwrite=True"
        )
    if known is not None and not overwrite and known.type is IntegrationType.INCOMING and known.token != current.token:
        raise ConfigurationError("token: the server makes an incoming integration's, and does not change it")
    _judged(wanted, changed_fields(current, wanted))
    answer = yield from _write(current, wanted, policy)
    if answer is None:
        answer = yield from _read_back(id, policy)
    missing = differences(answer, wanted)
    if missing:
        fields = ", ".join(change.field for change in missing)
        raise UpdateIncomplete(
            f"{id} was updated, but the server did not take: {fields}", changes=missing, record=answer
        )
    return answer


def _write(
    current: IntegrationRecord, wanted: IntegrationDefinition, policy: RetryPolicy
) -> Conversation[IntegrationRecord | None]:
    try:
        # The server wants a token with every update of an outgoing integration, also of one that has none yet.
        return (yield from call(_operations.update(current, wanted, os.urandom(32).hex()), policy))
    except ApiError as error:
        refusal = error
    try:
        if _runs_another_script(current, wanted, refusal):
            return (yield from _put_back(current, wanted, refusal, policy))
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _runs_another_script(current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError) -> bool:
    """Whether the server runs the new script, of an update that it refused.

    It puts an incoming integration's script to work before it looks at the channel and the user, and leaves it there
    when it refuses these.
    """
    is_rule = refusal.status == 400 and not isinstance(refusal, (InvalidParamsError, NotFoundError))
    both_run = current.script_enabled and wanted.script_enabled and trimmed(wanted.script or "") != ""
    is_incoming = current.type is IntegrationType.INCOMING
    return is_rule and is_incoming and both_run and wanted.script != current.script


def _put_back(
    current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError, policy: RetryPolicy
) -> Conversation[IntegrationRecord | None]:
    """Send the same again, to be refused likewise, with the script that the server has stored.

    Raises:
        ApiError: the refusal; or if this one is taken after all, nothing.
    """
    try:
        latest = yield from call(_operations.get(current.id), policy)
        return (yield from call(_operations.update(latest, wanted, None, run=_what_ran(current, latest)), policy))
    except ApiError as error:
        refused_again = error.status == 400
    except RocketChatError:
        refused_again = False
    refusal.may_have_acted = refusal.may_have_acted or not refused_again
    try:
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _what_ran(before: IntegrationRecord, latest: IntegrationRecord) -> str:
    # Old data can run what it has no source of; by now that is only in the record read before.
    return next(filter(trimmed, (latest.script or "", before.script_compiled or "", _IDLE_SCRIPT)))


def _read_back(id: str, policy: RetryPolicy) -> Conversation[IntegrationRecord]:
    try:
        return (yield from call(_operations.get(id), policy))
    except RocketChatError as error:
        failure = error
    failure.may_have_acted = True  # reading failed; what was written is written
    raise failure.with_traceback(None)


def _judged(definition: IntegrationDefinition, fields: tuple[str, ...] | None) -> None:
    try:
        judge(definition, fields)
        return
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _is_stale(known: IntegrationRecord, current: IntegrationRecord) -> bool:
    if known.updated_at is None and known.updated_by is None:  # as create's answer before 8.x
        return current.updated_by is not None
    return known.updated_at != current.updated_at


def _by_whom(current: IntegrationRecord) -> str:
    username = current.updated_by.username if current.updated_by else None
    return f"by {username}" if username else "by somebody"


def login(auth: PasswordAuth, second_factor: Callable[[], str | None], policy: RetryPolicy) -> Conversation[TokenAuth]:
    """A token for a password; the second factor is asked for only when the server wants it.

    Raises:
        TwoFactorRequired: if the server wants one and there is none.
    """
    try:
        return (yield from call(_operations.login(auth.user, auth.password, None), policy))
    except TwoFactorRequired as error:
        required = error
    operation = _login_with(auth, second_factor())
    if operation is None:
        raise required.with_traceback(None)
    return (yield from call(operation, policy))


def _login_with(auth: PasswordAuth, code: str | None) -> Operation[TokenAuth] | None:
    return None if code is None else _operations.login(auth.user, auth.password, code)


class Walk(Generic[T]):
    """One way through a list, page by page, that misses nothing and repeats nothing."""

    def __init__(
        self,
        page_at: Callable[[int, int], Operation[Page[T]]],
        new_of: Callable[[list[str]], Callable[[str], bool]],
        policy: RetryPolicy,
    ) -> None:
        self._page_at = page_at
        self._new_of = new_of
        self._policy = policy
        self._offset = 0
        self._total: int | None = None

    def turn(self) -> Conversation[Iterator[T | DecodingError] | None]:
        """The next page's records, or what is wrong with them; None at the end.

        Raises:
            DecodingError: if the server says that there is more and gives nothing, or did not sort.
        """
        while self._total is None or self._offset < self._total:
            page = yield from call(self._page_at(self._offset, PAGE_SIZE), self._policy)
            removed = 0 if self._total is None else self._total - page.total
            self._total = page.total
            if removed > 0:
                # What follows has moved up by so many, perhaps past us: ask again from there.
                self._offset = max(0, self._offset - removed)
                continue
            if len(page) == 0 and self._offset < page.total:
                error = f"no records from {self._offset} on, of {page.total}"
                raise DecodingError(f"the list is incomplete: {error}", errors=(error,))
            self._offset += len(page)
            is_new = self._new_of(page.ids())
            return (record for id, record in page.records() if id is None or is_new(id))
        return None


def in_order() -> Callable[[list[str]], Callable[[str], bool]]:
    """For lists sorted by id: which ids of a page sort after all the pages before.

    Raises (with a page's ids):
        DecodingError: if they are not sorted: what could not be told from a repeat would be lost.
    """
    last: str | None = None

    def new_of(ids: list[str]) -> Callable[[str], bool]:
        nonlocal last
        if ids != sorted(ids):
            error = "the records are not sorted by their ids"
            raise DecodingError(f"the list may be incomplete: {error}", errors=(error,))
        before, last = last, max(filter(None, (last, *ids[-1:])), default=None)
        return lambda id: before is None or id > before

    return new_of


def not_seen() -> Callable[[list[str]], Callable[[str], bool]]:
    """For lists in another order: which ids did not come before."""
    seen: set[str] = set()

    def is_new(id: str) -> bool:
        if id in seen:
            return False
        seen.add(id)
        return True

    return lambda _: is_new


def whole_room(room: RoomList, policy: RetryPolicy) -> Conversation[Iterator[IntegrationRecord | DecodingError] | None]:
    """All of a room's integrations, if one page holds them; None if it does not (8.x has no second one)."""
    page = yield from call(room.first_page(), policy)
    return (record for _, record in page.records()) if len(page) >= page.total else None


def room_name(room: RoomList, policy: RetryPolicy) -> Conversation[str | None]:
    """The name of the room, from what its integrations have in common; None if there are none with its name.

    Raises:
        ConfigurationError: if that leaves several names.
    """
    if "roomName" in room.room:
        return room.room["roomName"]
    page = yield from call(room.first_page(everywhere=False), policy)
    channels = [set(record.channel) for _, record in page.records() if not isinstance(record, DecodingError)]
    names = {name[1:] for name in set[str].intersection(*channels) if name.startswith("#")} if channels else set[str]()
    if len(page) and len(names) != 1:
        among = f" (it may be one of {', '.join(sorted(names))})" if names else ""
        raise ConfigurationError(
            f"{room.endpoint}: the room has more integrations than the server gives at once, and its name cannot be "
            f"told from its id{among}: ask by room_name"
        )
    return names.pop() if names else None


class RateWindows:
    """How many calls each endpoint still takes, as its answers have said. Shared by threads."""

    # Dates in headers are whole seconds: the end of one and the same window moves by as much.
    _SAME = 1.5
    # All calls of a new window are under way, and none of them has said when it ends.
    _UNKNOWN = 0.05

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def delay(self, request: Request) -> float:
        """Seconds to wait before this may be sent; 0.0: go, and it has been counted."""
        with self._lock:
            window = self._windows.get(_window_of(request))
            if window is None:
                return 0.0
            left = window.ends - time.monotonic()
            if left <= 0:
                window.remaining, window.ends = window.limit, _NOT_KNOWN
            if window.remaining > 0:
                window.remaining -= 1
                return 0.0
            return self._UNKNOWN if window.ends == _NOT_KNOWN else left

    def learn(self, request: Request, response: Response | None) -> None:
        """Take in what an answer says; None if there was none."""
        said = _NOTHING_SAID if response is None else quota(response)
        with self._lock:
            window = self._windows.get(_window_of(request))
            if said.limit is None or said.remaining is None or said.resets_in is None:
                # Nobody is to wait for a call that has ended without a word.
                if window is not None and window.ends == _NOT_KNOWN:
                    window.remaining = min(window.remaining + 1, window.limit)
                return
            ends = time.monotonic() + said.resets_in
            if window is None or (window.ends != _NOT_KNOWN and ends > window.ends + self._SAME):
                self._windows[_window_of(request)] = _Window(max(said.limit, 1), said.remaining, ends)
            else:
                # Calls under way have been counted here, and perhaps not yet there.
                window.remaining = min(window.remaining, said.remaining)
                window.ends = min(window.ends, ends)


_NOT_KNOWN = float("inf")
_NOTHING_SAID = Quota(limit=None, remaining=None, resets_in=None)


@attrs.define
class _Window:
    limit: int
    remaining: int
    ends: float


def _window_of(request: Request) -> str:
    return request.endpoint if request.authenticated else request.url
