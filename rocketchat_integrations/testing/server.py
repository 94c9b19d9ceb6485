"""An embedded Rocket.Chat."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from typing_extensions import Self

from rocketchat_integrations.auth import TokenAuth

from . import _actions
from ._dialect import Dialect
from ._faults import REFUSE
from ._http import Connections, HttpServer
from ._records import ReceivedRequest, StoredMessage
from ._settings import Settings
from ._workspace import Workspace
from ._world import DEFAULT_WORLD, SecondFactor, World

T = TypeVar("T")

_REFUSAL_SECONDS = 0.2


class LocalRocketChat:
    """A Rocket.Chat server for tests: real HTTP on a port of this machine, with everything in memory.

    Use it as a context manager, or call ``start`` and ``stop``::

        with LocalRocketChat() as server:
            client = Client(server.url, server.auth("admin"))

    It imitates what the real server does with integrations: permissions, validation in the server's words, rules,
    lists that are capped, webhooks, history, login, and the calls of outgoing integrations. It does not imitate these:

    - scripts: they are compiled as far as counting braces goes (they have to start with ``class Script``) and never
      run;
    - of 6.x: the parameters ``query`` and ``fields`` (ignored), and refusals that come up to a second late;
    - of the newest 8.x: its shapes of errors, and its rule that the posting user may ``message-impersonate``;
    - the renaming of rooms; what archiving a room does to it;
    - proxies and redirects on the way to a bot: neither is followed. History is kept without end.

    Outgoing integrations call their URLs, wherever these lead, when somebody uses ``say``, ``edit``, ``upload``,
    ``create_room``, ``archive_room``, ``join_room``, ``leave_room`` or ``register_user``, when a message comes in
    through a webhook's address, when a bot's reply is posted, and when a call is replayed::

        with LocalRocketChat() as server:
            ...  # an outgoing integration with the URL of your bot
            server.say("alice", "general", "!deploy web")
            server.messages[-1].text  # what the bot replied

    Those methods return when all calls that they led to are over, with all tries and with what replies set off in turn.
    The calls are made in the caller's thread, which holds no lock then: a bot may use the server while it is called. A
    message through a webhook and a replay are answered at once, and their calls are made in a thread of their own:
    ``wait_until_quiet`` waits for them. ``stop`` and ``reset`` cut all calls short, and nothing of them comes into the
    world afterwards. Calls that never end, since bots answer each other, end with a ``RuntimeError``: after 100 calls
    that followed from those of one event, or with 100 events inside one another.

    Which integrations fire, what they send, what replies do, when a call is tried again and what history says is as on
    the real server, but for scripts. Some of it is less known than the rest:

    - the payloads of 6.x are those of a 6.14 with small users and rooms; a real server sends more about both;
    - an upload is a message as well, and fires ``sendMessage`` with an empty text before ``fileUploaded``;
    - a reply for a channel that does not exist goes into the room of the event; one for a private group in which its
      author is not is not posted, and history has an ``httpError``, as after a call without a reply;
    - ``impersonateUser`` posts replies as the user of the event, where the payload names one;
    - the tries of one URL do not hold up the first calls of others;
    - a reply longer than 16 MiB is none, and what stands before an ``@`` in a URL is not sent;
    - a replay (8.x) sends nothing but ``token`` and ``bot``, whatever the trigger words are; its reply is only posted
      if it names a channel, or the integration a target room.

    Without a ``world`` there are the users ``admin`` (all four permissions for integrations), ``alice`` (the two
    for her own), ``bob`` (none) and ``rocket.cat``, whose passwords are their names with ``-password`` added, and
    their e-mail addresses ``admin@chat.example`` and so on; the channels ``general`` and ``random`` with admin and
    alice in them, the empty channel ``ops``, and the empty private group ``secret``.

    All methods and attributes may be used from any thread, also while requests are being answered.

    Args:
        world: the users and rooms to begin with: ``users``, a list of objects with ``_id`` and ``username``, and
            optionally ``permissions``, ``password`` and ``email``; ``rooms``, a list of objects with ``_id``,
            ``name`` and ``type`` (``"channel"`` or ``"private group"``); optionally ``members``, usernames by the
            names of rooms, and ``credentials``, objects with a user's ``X-Auth-Token`` by usernames.
        version: ``"8.8"``, or ``"6.x"`` such as ``"6.14"`` for the older ways; a patch such as ``"8.8.1"`` may follow.
        page_cap: how many items a page of a list has at most.
        rate_limit: how many calls of one endpoint are answered in how many seconds, as ``(calls, seconds)``; None
            for any number. Users with the permission ``api-bypass-rate-limit`` are not limited.
        clock_skew: how many seconds the server's clock is ahead of this machine's.
        frozen_scripts: whether the server refuses new scripts and ignores changed ones.
        base_path: the sub-path that the server lives under, such as ``"/chat"``; empty for none.
        port: where it listens; 0 for any port that is free.
        retry_pace: what the real server's waits before it tries a failed call of an outgoing integration again are
            multiplied by: 1.0 waits as long as it does (0.1, 1, 10 … seconds, or as the integration has it); with 0,
            the default, **calls are tried again at once**.
        reply_timeout: how many seconds a bot has for its reply.

    Raises:
        ValueError: an argument is not allowed.
    """

    def __init__(
        self,
        *,
        world: Mapping[str, Any] | None = None,
        version: str = "8.8",
        page_cap: int = 100,
        rate_limit: tuple[int, float] | None = None,
        clock_skew: float = 0.0,
        frozen_scripts: bool = False,
        base_path: str = "",
        port: int = 0,
        retry_pace: float = 0.0,
        reply_timeout: float = 20.0,
    ) -> None:
        if base_path and (not base_path.startswith("/") or base_path.endswith("/")):
            raise ValueError(f"base_path has to look like '/chat' or be empty, not {base_path!r}")
        self._settings = Settings(
            page_cap=page_cap,
            rate_limit=rate_limit,
            clock_skew=clock_skew,
            frozen_scripts=frozen_scripts,
            retry_pace=retry_pace,
            reply_timeout=reply_timeout,
        )
        description = copy.deepcopy(DEFAULT_WORLD if world is None else world)
        self._base_path = base_path
        self._port = port
        self._workspace = Workspace(description, Dialect.of(version), self._settings, base_path)
        self._connections = Connections()
        self._http: HttpServer | None = None

    # Its life

    def start(self) -> Self:
        """Listen, on a port of its own, and return the server itself.

        Raises:
            RuntimeError: it has been started already.
            OSError: the port is taken.
        """
        if self._http is not None:
            raise RuntimeError("the server has been started already")
        self._http = HttpServer(self._workspace, self._connections, self._port)
        self._workspace.deliveries.begin(f"{self.url}/")
        self._http.start()
        return self

    def stop(self) -> None:
        """Close all connections, also to bots, and stop listening; the world stays to be looked at.

        Stopping twice is fine.
        """
        if self._http is not None:
            self._workspace.deliveries.end()
            self._http.stop()
            self._http = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Go back to the starting world: users, rooms, tokens, integrations, messages, requests, planned faults.

        Calls of outgoing integrations are cut short.
        Settings (``page_cap`` and so on) and ``connections`` stay as they are. What ``auth`` gave for the users of
        the starting world before is good again, unless it replaced a token that had been revoked; logins are not.
        """
        self._workspace.reset()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end.

        Raises:
            RuntimeError: the server is not running.
        """
        return f"http://127.0.0.1:{self._running().port}{self._base_path}"

    def _running(self) -> HttpServer:
        if self._http is None:
            raise RuntimeError("the server is not running: use it in a with statement, or call start()")
        return self._http

    # Settings

    @property
    def page_cap(self) -> int:
        """How many items a page of a list has at most; at least 1."""
        return self._settings.page_cap

    @page_cap.setter
    def page_cap(self, value: int) -> None:
        self._settings.page_cap = value

    @property
    def rate_limit(self) -> tuple[int, float] | None:
        """How many calls of one endpoint are answered in how many seconds; None for any number."""
        return self._settings.rate_limit

    @rate_limit.setter
    def rate_limit(self, value: tuple[int, float] | None) -> None:
        self._settings.rate_limit = value

    @property
    def clock_skew(self) -> float:
        """How many seconds the server's clock is ahead, as seen in ``Date``, ``X-RateLimit-Reset`` and timestamps."""
        return self._settings.clock_skew

    @clock_skew.setter
    def clock_skew(self, value: float) -> None:
        self._settings.clock_skew = value

    @property
    def frozen_scripts(self) -> bool:
        """Whether new scripts are refused, and changes of scripts silently ignored."""
        return self._settings.frozen_scripts

    @frozen_scripts.setter
    def frozen_scripts(self, value: bool) -> None:
        self._settings.frozen_scripts = value

    # People and rooms

    def auth(self, username: str) -> TokenAuth:
        """Credentials of a user that work: always the same, until they are revoked or logged out.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            world = self._workspace.world
            user = world.user(username)
            return TokenAuth(user_id=user.id, token=world.standing_token(user))

    def password(self, username: str) -> str:
        """The password of a user.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            return self._workspace.world.user(username).password

    def require_second_factor(self, username: str, code: str = "123456", method: str = "totp") -> None:
        """Let the next logins of a user need a code; tokens stay good.

        Args:
            username: whose logins.
            code: what to send as ``code``.
            method: what the server calls the second factor: ``"totp"``, ``"email"`` or ``"password"``.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            self._workspace.world.user(username).second_factor = SecondFactor(method, code)

    def revoke_tokens(self, username: str) -> None:
        """Log a user out everywhere: tokens known so far are refused with 401.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            self._workspace.world.revoke_tokens(self._workspace.world.user(username))

    def add_user(self, username: str, permissions: Iterable[str] = (), password: str | None = None) -> None:
        """Add a user, who is in no room. No integration is called: see ``register_user``.

        Args:
            username: the name to log in with and to post as.
            permissions: such as ``"manage-own-incoming-integrations"`` or ``"api-bypass-rate-limit"``.
            password: the name with ``-password`` added if missing.

        Raises:
            ValueError: the name is taken.
        """
        with self._workspace.lock:
            self._workspace.world.add_user(username, permissions, password=password)

    def remove_user(self, username: str) -> None:
        """Delete a user. Webhooks that post as the user are disabled, and answer 401 (503 before 8.x).

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            self._workspace.world.remove_user(self._workspace.world.user(username))

    def add_room(self, name: str, type: str = "channel", members: Iterable[str] = ()) -> None:
        """Add a room. No integration is called: see ``create_room``.

        Args:
            name: the name, without a sign before it.
            type: ``"channel"`` or ``"private group"``.
            members: usernames.

        Raises:
            ValueError: the name is taken, or the type is none.
            LookupError: a member is no user.
        """
        with self._workspace.lock:
            self._workspace.world.add_room(name, type, members)

    # What people do

    def say(self, user: str, room: str, text: str, *, tmid: str | None = None) -> StoredMessage:
        """Let a user say something; calls the outgoing integrations of ``sendMessage``.

        A channel takes messages from everybody, a private group from its members.

        Args:
            user: username of the one who says it.
            room: name of the room, with ``#`` or without, or its id, or ``@username`` for a direct message.
            text: what is said; blanks around it are trimmed.
            tmid: ``_id`` of the message whose thread this belongs to.

        Returns:
            The message, once all calls that it led to are over.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._let(lambda world: _actions.say(world, user, room, text, tmid))

    def edit(self, message: StoredMessage, text: str) -> StoredMessage:
        """Give a message another text; calls the outgoing integrations of ``sendMessage`` that have ``runOnEdits``.

        Args:
            message: one that this server gave.
            text: the new text; blanks around it are trimmed.

        Returns:
            The message as it is now, in ``messages`` too, once all calls that it led to are over.

        Raises:
            LookupError: there is no such message.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._let(lambda world: _actions.edit(world, message, text))

    def upload(self, user: str, room: str, filename: str) -> StoredMessage:
        """Let a user upload a file; calls the outgoing integrations of ``sendMessage`` and of ``fileUploaded``.

        Args:
            user: username of the one who uploads it.
            room: as ``say`` takes it.
            filename: what the file is called; it has no content.

        Returns:
            The message with the file, whose text is empty, once all calls that it led to are over.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._let(lambda world: _actions.upload(world, user, room, filename))

    def create_room(self, user: str, name: str, type: str = "channel") -> None:
        """Let a user make a room, and be in it; calls the outgoing integrations of ``roomCreated``.

        Args:
            user: username of the one who makes it.
            name: the name, without a sign before it.
            type: ``"channel"`` or ``"private group"``.

        Raises:
            LookupError: there is no such user.
            ValueError: the name is taken, or the type is none.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._let(lambda world: _actions.create_room(world, user, name, type))

    def archive_room(self, user: str, room: str) -> None:
        """Let a user archive a room; calls the outgoing integrations of ``roomArchived``. The room stays as it is.

        Args:
            user: username of the one who archives it.
            room: its name, with ``#`` or without, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._let(lambda world: _actions.archive_room(world, user, room))

    def join_room(self, user: str, room: str) -> None:
        """Let a user enter a channel; calls the outgoing integrations of ``roomJoined``.

        Args:
            user: username of the one who enters.
            room: its name, with ``#`` or without, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the room is a private group, or the user is in it already.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._let(lambda world: _actions.join_room(world, user, room))

    def leave_room(self, user: str, room: str) -> None:
        """Let a user go out of a room; calls the outgoing integrations of ``roomLeft``.

        Args:
            user: username of the one who leaves.
            room: its name, with ``#`` or without, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in it.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._let(lambda world: _actions.leave_room(world, user, room))

    def register_user(self, username: str) -> None:
        """Let somebody become a user, who is in no room; calls the outgoing integrations of ``userCreated``.

        The password is the name with ``-password`` added, and there are no permissions.

        Args:
            username: the name to log in with.

        Raises:
            ValueError: the name is taken.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._let(lambda world: _actions.register_user(world, username))

    def _let(self, act: Callable[[World], T]) -> T:
        """Let something happen, and make the calls that it leads to."""
        self._running()
        return self._workspace.act(act)

    def wait_until_quiet(self, timeout: float = 10.0) -> None:
        """Wait until the calls are over that messages through webhooks and replays led to.

        Args:
            timeout: how many seconds to wait at most.

        Raises:
            TimeoutError: they are not over in that time.
            RuntimeError: the calls of one of these messages did not end, and were given up.
        """
        self._workspace.deliveries.wait_until_quiet(timeout)

    # What happened

    @property
    def messages(self) -> tuple[StoredMessage, ...]:
        """The messages posted so far, oldest first."""
        with self._workspace.lock:
            return tuple(self._workspace.world.messages)

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """The requests received so far, oldest first, refused ones included."""
        return self._workspace.requests

    def wait_for_request(self, endpoint: str, timeout: float = 10.0) -> ReceivedRequest:
        """Wait until a request for an endpoint has arrived, answered or not, and return the first one.

        Args:
            endpoint: its name, as `fail_next` takes it.
            timeout: how many seconds to wait at most.

        Raises:
            TimeoutError: none has arrived in that time.
        """
        request = self._workspace.wait_for(endpoint, timeout)
        if request is None:
            raise TimeoutError(f"no request for {endpoint} has arrived in {timeout:g} seconds")
        return request

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._connections.accepted

    # Documents

    @property
    def documents(self) -> tuple[dict[str, Any], ...]:
        """Copies of the integrations as the server stores them, in the order in which they came."""
        with self._workspace.lock:
            return tuple(copy.deepcopy(document) for document in self._workspace.world.integrations)

    @property
    def history_documents(self) -> tuple[dict[str, Any], ...]:
        """Copies of the history records of all integrations."""
        with self._workspace.lock:
            collections = self._workspace.world.history.values()
            return tuple(copy.deepcopy(document) for collection in collections for document in collection)

    def insert(self, document: Mapping[str, Any]) -> str:
        """Store an integration just as it is, past all rules.

        That is what old data needs: odd events, null creators, ``{"$date": …}``, unknown fields.

        Args:
            document: what to store, with the names of the wire. Only ``_id`` is filled in, if it is missing.

        Returns:
            The ``_id``.

        Raises:
            ValueError: there is one with this ``_id``, or the ``_id`` is no text.
        """
        with self._workspace.lock:
            return self._workspace.world.integrations.add(copy.deepcopy(dict(document)))

    def insert_history(self, integration_id: str, document: Mapping[str, Any]) -> str:
        """Store a history record of an integration just as it is.

        Args:
            integration_id: whose history; there need not be such an integration.
            document: what to store. Where they are missing, ``_id`` and ``integration`` (a copy of the stored
                integration as it is now) are filled in.

        Returns:
            The record's ``_id``.

        Raises:
            ValueError: the integration has a record with this ``_id``, or the ``_id`` is no text.
        """
        with self._workspace.lock:
            return self._workspace.world.insert_history(integration_id, document)

    # Faults

    def fail_next(self, endpoint: str, fault: str, times: int = 1) -> None:
        """Let the next calls of an endpoint fail. Faults of one endpoint happen in the order of these calls.

        Args:
            endpoint: what comes after ``/api/v1/`` (``"integrations.get"``, ``"login"`` …), ``"info"``, ``"hooks"`` (a
                webhook's address) or ``"hooks.info"`` (the question whether that address is right).
            fault: what goes wrong:

                - ``"refuse"``: connections are refused, whatever they are for, from now on for 0.2 seconds (times
                  ``times``). Idle connections are closed. The port stays this server's.
                - ``"reset-before"``: nothing is done, and the connection is reset.
                - ``"reset-after"``: the server acts, and resets the connection instead of answering.
                - ``"hang"``: nothing is done and nothing is answered, until the client or this server gives up.
                - ``"502"``, ``"503"``: nothing is done, and a proxy answers with an HTML page.
                - ``"truncate"``: the server acts, and breaks off in the middle of the answer's body.
                - ``"html"``: nothing is done, and somebody else answers 200 with an HTML page.
                - ``"429"``: nothing is done: the refusal of the rate limit, with its headers, for one second.
                - ``"redirect"``: nothing is done: 302 to the same path of ``https://elsewhere.example``.
            times: how many calls fail; at least 1.

        Raises:
            ValueError: the endpoint (of this version) or the fault is unknown, or ``times`` is not positive.
            RuntimeError: the fault is ``"refuse"`` and the server is not running.
        """
        with self._workspace.lock:
            self._workspace.faults.add(endpoint, fault, times)
        if fault == REFUSE:
            self._running().refuse(_REFUSAL_SECONDS * times)
