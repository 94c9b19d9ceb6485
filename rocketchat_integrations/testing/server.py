"""The embedded Rocket.Chat server, ``LocalRocketChat``.

Its parts, each of which uses those after it: ``_http`` (connections, checks, faults, rate limits), ``_api``
(endpoints), ``_delivery`` (messages through webhooks, calls of bots), ``_world`` (what is stored, and its rules).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from rocketchat_integrations.auth import TokenAuth

from ._http._connections import Connections
from ._http._listener import Listener
from ._http._received import ReceivedRequest
from ._http._workspace import Workspace
from ._world import _actions as actions
from ._world._activity import AnsweredCall, AnsweredRequest
from ._world._dialect import Dialect, SkipTranspile
from ._world._scripts import ScriptSupport
from ._world._settings import Settings, WorkspaceSettings
from ._world._starting_world import DEFAULT_WORLD
from ._world._state import World
from ._world._stored_message import StoredMessage
from ._world._stored_room import StoredRoom
from ._world._users import SecondFactor, permission_set

if TYPE_CHECKING:
    from rocketchat_integrations.scripts._engine import ScriptResponse

T = TypeVar("T")


class LocalRocketChat:
    """A Rocket.Chat server for tests: real HTTP on a port of this machine, with everything in memory.

    Use it as a context manager, or call ``start`` and ``stop``::

        with LocalRocketChat() as server:
            client = Client(server.url, server.auth("admin"))

    It imitates what the real server does with integrations: permissions, validation with the server's messages, rules,
    lists with a page cap, webhooks, scripts, history, login, and the calls of outgoing integrations. How it behaves as
    6.14 and 8.8 comes from recordings of those servers' code. 9.0 behaves as 8.8 except for:

    .. list-table::
       :header-rows: 1
       :widths: 60 40

       * - In 9.0
         - Source
       * - A refusal that was a 400 with ``error-not-allowed``, ``not-allowed``, ``not-authorized``, ``not_authorized``
           or ``no-permission`` is a 403 with the ``errorType`` ``error-forbidden``, on integrations' endpoints too.
         - known: release notes
       * - So is that of a post into a private room that the user is not in.
         - assumed: it is one of these refusals
       * - Its ``error`` is the text of 8.8, code included, and it has no ``details``.
         - assumed: the notes have ``<message>``
       * - All other refusals are those of 8.8: ``error-invalid-permissions``, ``Not enough permission``,
           ``error-user-lacks-message-impersonate-permission``, the 403 ``error-unauthorized`` for lists, history and
           removal.
         - assumed: the notes do not name them
       * - In an answer to ``separateResponse``, a channel that the user may not post to has the ``error`` of 8.8, and
           the status is 400 if all channels are refused.
         - assumed
       * - The parameters ``query`` and ``fields`` do not exist.
         - known: release notes
       * - They are refused by the schema, as other unknown parameters are; in 8.8, lists and history ignore ``query``,
           and ``integrations.get`` ignores every unknown parameter.
         - assumed
       * - Scripts run as they are written, in strict mode within classes: ``scriptCompiled`` is the script.
         - known: release notes and merged code
       * - ``skipTranspile`` is refused by the schema on create and on the update of an outgoing integration, ignored on
           the update of an incoming one, whose schema takes any property, and in no new record.
         - assumed: announced to be removed; choose otherwise with ``skip_transpile``
       * - Everything else, such as room lists that cannot be paged, and the calls of bots.
         - assumed: as 8.8

    It does not imitate:

    - Babel, which compiles scripts before 9.0: ``scriptCompiled`` is the script itself, ``scriptError`` has V8's words,
      and ``this`` in a plain nested function is undefined. Names that are assigned without a declaration do become
      global, except with ``skipTranspile``;
    - of scripts: what :class:`~rocketchat_integrations.scripts.Script` lists, a ``user`` in the result of
      ``process_incoming_request``, and ``timeout`` in that of ``prepare_outgoing_request``;
    - of 6.x: the parameters ``query`` and ``fields`` (ignored), and refusals that arrive up to a second late;
    - of the newest 8.x and 9.0: their texts for parameters that the schema refuses;
    - teams, private rooms of teams, and end-to-end encrypted rooms;
    - the setting ``Message_CustomFields``, the schema of custom fields: any are taken;
    - the renaming of rooms, and the effects of archiving a room;
    - proxies and redirects on the way to a bot: neither is followed. History is kept without limit.

    Outgoing integrations call their URLs, whatever these are, after ``say``, ``press``, ``edit``, ``upload``,
    ``create_room``, ``archive_room``, ``join_room``, ``leave_room`` and ``register_user``, after a message through a
    webhook, after the reply of a bot is posted, and for a replay::

        with LocalRocketChat() as server:
            ...  # create an outgoing integration with the URL of your bot
            server.say("alice", "general", "!deploy web")
            server.messages[-1].text  # the bot's reply

    Those methods return when all calls that they led to are over, including retries and the calls that replies led to.
    The calls are made without a lock, so a bot may use the server while it is called. A message
    through a webhook and a replay are answered at once, and their calls are made in a thread of their own: wait for
    them with ``wait_until_quiet``. ``stop`` and ``reset`` abort all calls; nothing that follows from them is stored.
    Calls that never end, because bots answer each other, raise ``RuntimeError``: after 100 calls that followed from
    those of one event, or with 100 events nested in one another.

    Scripts of integrations run in V8 if the extra ``scripts`` is installed. In 9.0 they run as written; before, names
    that are assigned without a declaration become global. A script is loaded once, and keeps what it stores, until its
    integration changes or is removed, or the server stops or is reset. It runs without a lock, one call at a time, for
    3 seconds at most. What it writes to the console, and why it failed, is logged for
    ``rocketchat_integrations.testing`` with the level INFO (``console.debug``: DEBUG). Without the extra, a webhook
    posts what it receives, an outgoing integration calls its URLs, and a script compiles if its braces match: before
    8.x it must start with ``class Script``; from 8.x on, a post fails where a script does not define it.

    Which integrations are called, what they send, what replies do, when a call is retried and what the history holds
    are as on the real server. Some details are less certain:

    - the bodies of calls from 6.x are those of a 6.14 with small users and rooms; a real server sends more about both;
    - an upload is also a message, and triggers ``sendMessage`` with an empty text before ``fileUploaded``;
    - a reply to a channel that does not exist is not posted, and the history has an ``httpError``, as after a call
      without a reply; so is a reply that a webhook would be refused. On 6.x such a channel means the event's room;
    - ``impersonateUser`` posts replies as the user whom the reply names in ``user_name``; on 6.x as the user of the
      event, if the event has one;
    - from 8.x on, all URLs are called at once, at most 8 at a time, and the replies handled in the order of the calls;
      on 6.x, each URL is called after the reply of the one before;
    - the retries of one URL do not delay the first calls of others;
    - a reply longer than 10 MiB counts as none, and the part before an ``@`` in a URL is not sent;
    - a replay (8.x) sends only ``token`` and ``bot``, and with trigger words nothing; its reply is only posted if it
      names a channel, or the integration a target room;
    - a user who posts into a channel, through a webhook or with a reply, becomes its member;
    - GET of a webhook's address runs its script with an empty object as content;
    - no call is made if ``prepare_outgoing_request`` returns ``auth`` without a colon, ``data`` or ``auth`` without
      ``headers``, or a ``message`` that may not be posted: the history does not say why;
    - an outgoing integration whose script throws while it is loaded calls its URLs as without a script.

    Without a ``world`` there are the users ``admin`` (all four permissions for integrations), ``alice`` (the two for
    her own), ``bob`` (none) and ``rocket.cat`` (``message-impersonate``, which 8.6 and later ask of the user that an
    incoming integration posts as); their passwords are their names with ``-password`` added, their e-mail
    addresses ``admin@chat.example`` and so on. There are the channels ``general`` and ``random`` with admin and alice
    in them, the empty channel ``ops``, and the empty private group ``secret``.

    All methods and attributes may be used from any thread, also while requests are answered.

    Args:
        world: the users and rooms to begin with: ``users``, a list of objects with ``_id`` and ``username``, and
            optionally ``permissions``, ``password`` and ``email``; ``rooms``, a list of objects with ``_id``,
            ``name`` and ``type`` (``"channel"`` or ``"private group"``); optionally ``members``, usernames by the
            names of rooms, and ``credentials``, objects with a user's ``X-Auth-Token`` by usernames.
        version: ``"9.0"`` or any other 9.x; ``"8.8"``, or ``"8.0"`` to ``"8.7"`` for one that lacks what came later
            (``skipTranspile`` in 8.4, the question for ``message-impersonate`` in 8.6, clearing the history and replays
            in 8.7); or ``"6.x"`` such as ``"6.14"`` for an older server. A patch such as ``"8.8.1"`` is allowed.
        skip_transpile: what a server of 9.x does with ``skipTranspile`` in the definition of an integration:
            ``"refused"`` for a 400 by the schema, ``"ignored"`` for taking it without storing it, ``"stored"`` for what
            8.x does. Older servers decide by their version: 8.4 and later store it, those before refuse it.
        page_cap: how many items a page of a list has at most.
        infinite_count: whether ``count=0`` asks for all items of a list at once, the setting
            ``API_Allow_Infinite_Count``; if not, it asks for 50.
        rate_limit: how many calls of one endpoint are allowed in how many seconds, as ``(calls, seconds)``; None for
            no limit. Users with the permission ``api-bypass-rate-limit`` are not limited.
        clock_skew: how many seconds the server's clock is ahead of this machine's.
        frozen_scripts: whether the server refuses new scripts, and refuses (from 8.x on) or ignores changed ones.
        requires_impersonation: whether the user that an incoming integration posts as needs ``message-impersonate``,
            from 8.6 on; earlier versions do not ask for it.
        custom_fields: whether messages may have ``customFields``, the setting ``Message_CustomFields_Enabled``; on a
            real server it is off by default. If it is off, messages with such fields are refused, from 8.x on.
        max_message_size: the longest text of a message, from 8.x on; the setting ``Message_MaxAllowedSize``.
        base_path: the path below which the server answers, such as ``"/chat"``; empty for none.
        port: the port to listen on; 0 for any free port.
        retry_pace: factor for the real server's waits before it retries a call of an outgoing integration: 1.0 waits as
            long as it does (0.1, 1, 10 … seconds, or as the integration says); with 0, the default, **calls are retried
            at once**.
        reply_timeout: how many seconds a bot has for its reply.
        scripts: whether the scripts of integrations run, which needs the extra ``scripts``. By default, they do if it
            is installed; if not, the first script is logged with a warning. False for not running them.
        script_fetch: what ``fetch`` in scripts answers, since the server makes no requests for them: a
            :class:`~rocketchat_integrations.scripts.ScriptResponse` for each URL, or a function of the URL and the
            options (``method``, ``headers``, ``body`` and others) that returns one. The promise is rejected for other
            URLs, and if the function raises an OSError. The function may use the server, but not the webhook of the
            script that waits for it.

    Raises:
        ValueError: an argument is not allowed.
        ConfigurationError: ``scripts`` is True, and the extra ``scripts`` is not installed.
    """

    def __init__(
        self,
        *,
        world: Mapping[str, Any] | None = None,
        version: str = "9.0",
        skip_transpile: SkipTranspile = "refused",
        page_cap: int = 100,
        infinite_count: bool = True,
        rate_limit: tuple[int, float] | None = None,
        clock_skew: float = 0.0,
        frozen_scripts: bool = False,
        requires_impersonation: bool = True,
        custom_fields: bool = True,
        max_message_size: int = 5000,
        base_path: str = "",
        port: int = 0,
        retry_pace: float = 0.0,
        reply_timeout: float = 20.0,
        scripts: bool | None = None,
        script_fetch: Mapping[str, ScriptResponse] | Callable[[str, Mapping[str, Any]], ScriptResponse] | None = None,
    ) -> None:
        if base_path and (not base_path.startswith("/") or base_path.endswith("/")):
            raise ValueError(f"base_path must be empty or look like '/chat', not {base_path!r}")
        self._settings = Settings(
            page_cap=page_cap,
            infinite_count=infinite_count,
            rate_limit=rate_limit,
            clock_skew=clock_skew,
            frozen_scripts=frozen_scripts,
            requires_impersonation=requires_impersonation,
            custom_fields=custom_fields,
            max_message_size=max_message_size,
            retry_pace=retry_pace,
            reply_timeout=reply_timeout,
            scripts=ScriptSupport(scripts),
        )
        description = copy.deepcopy(DEFAULT_WORLD if world is None else world)
        self._base_path = base_path
        self._port = port
        dialect = Dialect.of(version, skip_transpile)
        self._workspace = Workspace(description, dialect, self._settings, base_path, script_fetch)
        self._connections = Connections()
        self._listener: Listener | None = None

    # Start and stop

    def start(self) -> Self:
        """Start to listen, and return the server itself.

        Raises:
            RuntimeError: it has been started already.
            OSError: the port is taken.
        """
        if self._listener is not None:
            raise RuntimeError("the server has been started already")
        self._listener = Listener(self._workspace, self._connections, self._port)
        self._workspace.deliveries.begin(f"{self.url}/")
        self._listener.start()
        return self

    def stop(self) -> None:
        """Close all connections, also to bots, and stop listening. What is stored can still be looked at.

        A server that is not running stays as it is.
        """
        if self._listener is not None:
            self._workspace.deliveries.end()
            self._listener.stop()
            self._workspace.scripts.close()
            self._listener = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Go back to the starting world: users, rooms, tokens, integrations, messages, requests, planned faults.

        Calls of outgoing integrations are aborted. Settings (``page_cap`` and so on) and ``connections`` stay as they
        are. Credentials that ``auth`` returned for users of the starting world are valid again, unless they replaced a
        token that had been revoked; logins are not.
        """
        self._workspace.reset()

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end.

        Raises:
            RuntimeError: the server is not running.
        """
        return f"http://127.0.0.1:{self._running().port}{self._base_path}"

    def _running(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("the server is not running: use it in a with statement, or call start()")
        return self._listener

    # Settings

    @property
    def settings(self) -> WorkspaceSettings:
        """The settings of Rocket.Chat that the server has, such as ``Message_MaxAllowedSize``, by their names there.

        Example: ``server.settings["Message_MaxAllowedSize"] = 100``. They stay as they are after ``reset``.
        """
        return WorkspaceSettings(self._settings)

    @property
    def page_cap(self) -> int:
        """How many items a page of a list has at most; at least 1."""
        return self._settings.page_cap

    @page_cap.setter
    def page_cap(self, value: int) -> None:
        self._settings.page_cap = value

    @property
    def infinite_count(self) -> bool:
        """Whether ``count=0`` asks for all items of a list at once."""
        return self._settings.infinite_count

    @infinite_count.setter
    def infinite_count(self, value: bool) -> None:
        self._settings.infinite_count = value

    @property
    def rate_limit(self) -> tuple[int, float] | None:
        """How many calls of one endpoint are allowed in how many seconds; None for no limit."""
        return self._settings.rate_limit

    @rate_limit.setter
    def rate_limit(self, value: tuple[int, float] | None) -> None:
        self._settings.rate_limit = value

    @property
    def clock_skew(self) -> float:
        """How many seconds the server's clock is ahead: in ``Date``, ``X-RateLimit-Reset`` and timestamps."""
        return self._settings.clock_skew

    @clock_skew.setter
    def clock_skew(self, value: float) -> None:
        self._settings.clock_skew = value

    @property
    def frozen_scripts(self) -> bool:
        """Whether new scripts are refused, and changed ones refused (from 8.x on) or silently ignored."""
        return self._settings.frozen_scripts

    @frozen_scripts.setter
    def frozen_scripts(self, value: bool) -> None:
        self._settings.frozen_scripts = value

    @property
    def requires_impersonation(self) -> bool:
        """Whether the user of an incoming integration needs ``message-impersonate``, from 8.6 on."""
        return self._settings.requires_impersonation

    @requires_impersonation.setter
    def requires_impersonation(self, value: bool) -> None:
        self._settings.requires_impersonation = value

    @property
    def custom_fields(self) -> bool:
        """Whether messages may have custom fields; 6.x does not look at it."""
        return self._settings.custom_fields

    @custom_fields.setter
    def custom_fields(self, value: bool) -> None:
        self._settings.custom_fields = value

    @property
    def max_message_size(self) -> int:
        """The longest text of a message, the setting ``Message_MaxAllowedSize``; 6.x does not look at it."""
        return self._settings.max_message_size

    @max_message_size.setter
    def max_message_size(self, value: int) -> None:
        self._settings.max_message_size = value

    # Users and rooms

    def auth(self, username: str) -> TokenAuth:
        """Return valid credentials of a user: the same ones until they are revoked or logged out.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            users = self._workspace.world.users
            user = users.named(username)
            return TokenAuth(user_id=user.id, token=users.standing_token(user))

    def password(self, username: str) -> str:
        """Return the password of a user.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            return self._workspace.world.users.named(username).password

    def require_second_factor(self, username: str, code: str = "123456", method: str = "totp") -> None:
        """Require a code for a user's next logins; tokens stay valid.

        Args:
            username: the user.
            code: the ``code`` to log in with.
            method: the server's name of the second factor: ``"totp"``, ``"email"`` or ``"password"``.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            self._workspace.world.users.named(username).second_factor = SecondFactor(method, code)

    def revoke_tokens(self, username: str) -> None:
        """Log a user out everywhere: the tokens so far are refused with 401.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            users = self._workspace.world.users
            users.log_out_everywhere(users.named(username))

    def add_user(
        self,
        username: str,
        permissions: Iterable[str] = (),
        password: str | None = None,
        *,
        id: str | None = None,
        email: str | None = None,
    ) -> None:
        """Add a user, who is in no room. No integration is called: see ``register_user``.

        Args:
            username: the name to log in with and to post as.
            permissions: such as ``"manage-own-incoming-integrations"`` or ``"api-bypass-rate-limit"``.
            password: by default, the name with ``-password`` added.
            id: the ``_id``, also ``auth(username).user_id``; by default, a random one.
            email: the e-mail address, to log in with as well; by default, the name with ``@chat.example`` added.

        Raises:
            ValueError: the name, the id or the e-mail address is taken.
            TypeError: ``permissions`` is text instead of a list.
        """
        with self._workspace.lock:
            self._workspace.world.users.add(username, permissions, password=password, email=email, user_id=id)

    def set_permissions(self, user: str, permissions: Iterable[str]) -> None:
        """Replace all permissions of a user, from the next request on; tokens stay valid.

        Args:
            user: the username.
            permissions: as for ``add_user``; empty for none.

        Raises:
            LookupError: there is no such user.
            TypeError: ``permissions`` is text instead of a list.
        """
        with self._workspace.lock:
            self._workspace.world.users.named(user).permissions = permission_set(permissions)

    def remove_user(self, username: str) -> None:
        """Delete a user. Webhooks that post as the user are disabled, and answer 401 (503 before 8.x).

        From 8.x on, a check of their address is answered with 401, too.

        Raises:
            LookupError: there is no such user.
        """
        with self._workspace.lock:
            world = self._workspace.world
            world.remove_user(world.users.named(username))

    def add_room(self, name: str, type: str = "channel", members: Iterable[str] = ()) -> None:
        """Add a room. No integration is called: see ``create_room``.

        Args:
            name: the name, without ``#``.
            type: ``"channel"`` or ``"private group"``.
            members: usernames.

        Raises:
            ValueError: the name is taken, or the type is not allowed.
            LookupError: a member is not a user.
        """
        with self._workspace.lock:
            self._workspace.world.add_room(name, type, members)

    def room(self, name: str) -> StoredRoom:
        """Return a channel or a private group as it is now; later changes do not show in what is returned.

        Args:
            name: its name, with or without ``#``, or its id.

        Raises:
            LookupError: there is no such room.
        """
        with self._workspace.lock:
            return self._workspace.world.rooms.named(name).stored

    def remove_room(self, name: str) -> None:
        """Remove a channel or a private group. No integration is called.

        Integrations for the room stay, and posts to it are refused. Its messages stay in ``messages``.

        Args:
            name: its name, with or without ``#``, or its id.

        Raises:
            LookupError: there is no such room.
        """
        with self._workspace.lock:
            rooms = self._workspace.world.rooms
            rooms.remove(rooms.named(name))

    # Actions of users, after which outgoing integrations are called

    def say(self, user: str, room: str, text: str, *, tmid: str | None = None) -> StoredMessage:
        """Post a message as a user; calls the outgoing integrations for ``sendMessage``.

        A channel takes messages from everybody, a private group from its members.

        Args:
            user: username of the author.
            room: name of the room, with or without ``#``, or its id, or ``@username`` for a direct message.
            text: the text; white space around it is trimmed.
            tmid: ``id`` of the message whose thread this belongs to; for a message in a thread, its ``tmid``.

        Returns:
            The message, once all calls that it led to are over.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._act(lambda world: actions.say(world, user, room, text, tmid))

    def press(self, message: StoredMessage, button: str, *, user: str) -> StoredMessage:
        """Press a button of a message as a user, as in the web client; calls the outgoing integrations for its text.

        Args:
            message: one that this server returned, with ``actions`` in an attachment.
            button: the button's ``text``.
            user: username of the user who presses it.

        Returns:
            The message that the button has sent as the user, into the room of the message, and into its thread if it
            is in one, once all calls that it led to are over.

        Raises:
            LookupError: the web client shows no such button, there is no such user, or the room was removed.
            ValueError: the button opens a URL or only fills the message box, or the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._act(lambda world: actions.press(world, message, button, user))

    def edit(self, message: StoredMessage, text: str) -> StoredMessage:
        """Edit a message; calls the outgoing integrations for ``sendMessage`` that have ``runOnEdits``.

        Args:
            message: one that this server returned.
            text: the new text; white space around it is trimmed.

        Returns:
            The edited message, which replaces the other in ``messages``, once all calls that it led to are over.

        Raises:
            LookupError: there is no such message, or its room was removed.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._act(lambda world: actions.edit(world, message, text))

    def upload(self, user: str, room: str, filename: str) -> StoredMessage:
        """Upload a file as a user; calls the outgoing integrations for ``sendMessage`` and for ``fileUploaded``.

        Args:
            user: username of the user.
            room: as for ``say``.
            filename: name of the file; it has no content.

        Returns:
            The message with the file, whose text is empty, once all calls that it led to are over.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        return self._act(lambda world: actions.upload(world, user, room, filename))

    def create_room(self, user: str, name: str, type: str = "channel") -> None:
        """Create a room as a user, who becomes a member; calls the outgoing integrations for ``roomCreated``.

        Args:
            user: username of the creator.
            name: the name, without ``#``.
            type: ``"channel"`` or ``"private group"``.

        Raises:
            LookupError: there is no such user.
            ValueError: the name is taken, or the type is not allowed.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._act(lambda world: actions.create_room(world, user, name, type))

    def archive_room(self, user: str, room: str) -> None:
        """Archive a room as a user; calls the outgoing integrations for ``roomArchived``. The room does not change.

        Args:
            user: username of the user.
            room: its name, with or without ``#``, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in the private group.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._act(lambda world: actions.archive_room(world, user, room))

    def join_room(self, user: str, room: str) -> None:
        """Join a channel as a user; calls the outgoing integrations for ``roomJoined``.

        Args:
            user: username of the user.
            room: its name, with or without ``#``, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the room is a private group, or the user is in it already.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._act(lambda world: actions.join_room(world, user, room))

    def leave_room(self, user: str, room: str) -> None:
        """Leave a room as a user; calls the outgoing integrations for ``roomLeft``.

        Args:
            user: username of the user.
            room: its name, with or without ``#``, or its id.

        Raises:
            LookupError: there is no such user or room.
            ValueError: the user is not in it.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._act(lambda world: actions.leave_room(world, user, room))

    def register_user(self, username: str) -> None:
        """Register a user, who is in no room; calls the outgoing integrations for ``userCreated``.

        The password is the name with ``-password`` added, and there are no permissions.

        Args:
            username: the name to log in with.

        Raises:
            ValueError: the name is taken.
            RuntimeError: the server is not running, or the calls do not end.
        """
        self._act(lambda world: actions.register_user(world, username))

    def _act(self, action: Callable[[World], T]) -> T:
        self._running()
        return self._workspace.act(action)

    def wait_until_quiet(self, timeout: float = 10.0) -> None:
        """Wait until the calls are over that messages through webhooks and replays have led to.

        Args:
            timeout: how many seconds to wait at most.

        Raises:
            TimeoutError: they are not over in that time.
            RuntimeError: the calls of one of these messages did not end, and were aborted.
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
        return self._workspace.log.requests

    def wait_for_request(self, endpoint: str, timeout: float = 10.0) -> ReceivedRequest:
        """Wait until a request for an endpoint has arrived, answered or not, and return the first one.

        Args:
            endpoint: its name, as for `fail_next`.
            timeout: how many seconds to wait at most.

        Raises:
            TimeoutError: none has arrived in that time.
        """
        request = self._workspace.log.wait_for(endpoint, timeout)
        if request is None:
            raise TimeoutError(f"no request for {endpoint} has arrived in {timeout:g} seconds")
        return request

    def watch(self, watcher: Callable[[AnsweredRequest | AnsweredCall | StoredMessage], object]) -> None:
        """Call a function for each request answered, message posted or edited, and answer to a call of an integration.

        It is called as soon as that happens, from any thread, while other requests wait. It must return quickly, and
        must not use the server.

        Args:
            watcher: the function; it gets an :class:`AnsweredRequest`, a :class:`StoredMessage` or an
                :class:`AnsweredCall`.
        """
        self._workspace.watchers.add(watcher)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._connections.accepted

    # Documents

    @property
    def documents(self) -> tuple[dict[str, Any], ...]:
        """Copies of the integrations as the server stores them, in the order of insertion."""
        with self._workspace.lock:
            return tuple(copy.deepcopy(document) for document in self._workspace.world.integrations)

    @property
    def history_documents(self) -> tuple[dict[str, Any], ...]:
        """Copies of the history records of all integrations."""
        with self._workspace.lock:
            collections = self._workspace.world.history.values()
            return tuple(copy.deepcopy(document) for collection in collections for document in collection)

    def insert(self, document: Mapping[str, Any]) -> str:
        """Store an integration as it is, without any check.

        Use it for old data: odd events, null creators, ``{"$date": …}``, unknown fields.

        Args:
            document: what to store, with the field names of the wire. Only ``_id`` is filled in if it is missing.

        Returns:
            The ``_id``.

        Raises:
            ValueError: the ``_id`` is taken or not text.
        """
        with self._workspace.lock:
            return self._workspace.world.integrations.add(copy.deepcopy(dict(document)))

    def insert_history(self, integration_id: str, document: Mapping[str, Any]) -> str:
        """Store a history record of an integration as it is.

        Args:
            integration_id: id of the integration, which need not exist.
            document: what to store. ``_id`` and ``integration`` (a copy of the stored integration as it is now) are
                filled in if they are missing.

        Returns:
            The record's ``_id``.

        Raises:
            ValueError: the integration has a record with this ``_id``, or the ``_id`` is not text.
        """
        with self._workspace.lock:
            return self._workspace.world.insert_history(integration_id, document)

    # Faults

    def fail_next(self, endpoint: str, fault: str, times: int = 1) -> None:
        """Let the next calls of an endpoint fail. Faults of one endpoint happen in the order of these calls.

        For a refused connection, use a port that nobody listens on: stop the server, or bind a socket without
        listening.

        Args:
            endpoint: what comes after ``/api/v1/`` (``"integrations.get"``, ``"login"`` …), ``"info"``, ``"hooks"`` (a
                webhook's address) or ``"hooks.info"`` (the question whether that address is right).
            fault: what goes wrong:

                - ``"reset-before"``: nothing is done, and the connection is reset.
                - ``"reset-after"``: the server acts, and resets the connection instead of answering.
                - ``"hang"``: nothing is done and nothing is answered, until the client or this server closes the
                  connection.
                - ``"502"``, ``"503"``: nothing is done, and a proxy answers with an HTML page.
                - ``"truncate"``: the server acts, and sends half of the answer's body.
                - ``"html"``: nothing is done, and a portal answers 200 with an HTML page.
                - ``"429"``: nothing is done: the answer of the rate limit, with its headers, for one second.
                - ``"redirect"``: nothing is done: 302 to the same path of ``https://elsewhere.example``.
            times: how many calls fail; at least 1.

        Raises:
            ValueError: the endpoint (of this version) or the fault is unknown, or ``times`` is not positive.
        """
        with self._workspace.lock:
            self._workspace.faults.add(endpoint, fault, times)
