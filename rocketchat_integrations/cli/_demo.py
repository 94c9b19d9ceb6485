"""The demo: a tour in one command, for whoever has the extra ``testing`` and nothing else."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import secrets
import signal
import sys
import textwrap
import time
from collections.abc import Generator, Iterable, Sequence
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import attrs
from typing_extensions import Self

from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import (
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    RocketChatError,
    TransportError,
    TransportTimeout,
)
from rocketchat_integrations.models import IntegrationRecord

from ._messages import print_error, told, waits_are_shown
from ._outcome import status_of

PROGRAM = "rocketchat-integrations demo"

# What one can do about a failure on a workspace, where its own message cannot know.
_LIVE_HINTS: dict[type[Exception], str] = {
    ConfigurationError: f"see {PROGRAM} --help",
    TransportError: "is ROCKETCHAT_URL right?",
    TransportTimeout: "is ROCKETCHAT_URL right?",
    BadRequestError: "is --room right, and does the workspace have the user rocket.cat?",
}


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says.

    Args:
        arguments: what follows ``demo``.

    Returns:
        The exit status.
    """
    try:
        options = _options(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    hints = _LIVE_HINTS if options.live else {}
    return status_of(lambda: demo(options.room, as_json=options.json), hints=hints, debug=options.debug)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.live and options.room is None:
        parser.error("--live needs --room NAME: where the demo may post")
    if options.room is not None and not options.live:
        parser.error("--room goes with --live: the embedded server has its own rooms")
    return options


class _Parser(argparse.ArgumentParser):
    """Complains as the other commands do; they have click for this, which the demo does without."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description=(
            "Creates, lists, updates, posts through a webhook, has a bot called and removes again, and prints the code "
            "of each step. "
            "It runs against a small Rocket.Chat inside this process; against a real workspace only with --live."
        ),
        epilog=(
            "With --live, the workspace is $ROCKETCHAT_URL, and the credentials are $ROCKETCHAT_USER_ID and "
            "$ROCKETCHAT_AUTH_TOKEN, or $ROCKETCHAT_USER and $ROCKETCHAT_PASSWORD. The integrations are removed "
            "again, also when the demo fails or is interrupted; the two messages stay in the room."
        ),
    )
    parser.add_argument("--live", action="store_true", help="run against a real workspace")
    parser.add_argument(
        "--room",
        metavar="NAME",
        type=_room,
        help="where to post with --live: a channel, or a private group that rocket.cat is in (with or without #)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs: the steps, at the end")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    return parser


def _room(text: str) -> str:
    name = text.strip().removeprefix("#")
    if not name or "," in name or name.startswith("@") or not name.isprintable():
        raise argparse.ArgumentTypeError("must be the name of one channel or private group")
    return f"#{name}"


# What a step prints.


def _say(text: str) -> None:
    # What the terminal's encoding lacks is printed as an escape, which in Python code means the same.
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


# The demo.


def _dedented(code: str) -> str:
    return textwrap.dedent(code).strip()


@attrs.frozen
class Step:
    """A step of the demo. What is shown as its code is what is run; what that prints is shown below it."""

    title: str
    code: str = attrs.field(converter=_dedented)


def demo(room: str | None = None, *, as_json: bool = False) -> None:
    """Show how to create, list, update, post and remove, each step with its code.

    Whatever happens, no integration is left behind in a workspace.

    Args:
        room: a room of the workspace that the environment names, such as ``"#general"``; None: the steps run
            against an embedded server.
        as_json: print an array with the title, the code and the output of each step, when all are done.

    Raises:
        RocketChatError: a step failed.
        ModuleNotFoundError: the embedded server needs the extra ``testing``.
    """
    if room is None:
        import_module("rocketchat_integrations.testing")  # or say at once that the extra is missing
    tag = f"demo-{secrets.token_hex(4)}"
    opening, *tour, farewell = _steps(tag, room)
    names: dict[str, Any] = {}
    done: list[dict[str, str]] = []

    def perform(number: int, step: Step) -> None:
        if not as_json:
            _say(f"{number}. {step.title}\n\n{textwrap.indent(step.code, ' ' * 5)}\n")
        output = _run(f"<step {number}>", step.code, names)
        done.append({"title": " ".join(step.title.split()), "code": step.code, "output": output})
        if output and not as_json:
            _say(textwrap.indent(output, "  -> "))

    proxies = contextlib.nullcontext() if room is not None else _no_proxies()
    with _Interruptions() as interruptions, waits_are_shown(), proxies:
        try:
            perform(1, opening)
            try:
                try:
                    for number, step in enumerate(tour, 2):
                        perform(number, step)
                finally:
                    # From here on, nothing keeps us from tidying up.
                    interruptions.hold()
            except BaseException as error:
                if room is not None:
                    _remove_leftovers(tag, names, is_sure=not getattr(error, "may_have_acted", True))
                raise
            perform(len(tour) + 2, farewell)
        finally:
            _close(names)
    if as_json:
        print(json.dumps(done, indent=2))


def _run(name: str, code: str, names: dict[str, Any]) -> str:
    """What the code prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, name, "exec"), names)
    return output.getvalue()


def _steps(tag: str, room: str | None) -> Iterable[Step]:
    is_live = room is not None
    channel = json.dumps(room or "#general", ensure_ascii=False)
    # In a workspace there is no such program: nobody is called.
    called = 'urls=["https://bot.example.com/hook"],\n                enabled=False,'
    if not is_live:
        called = "urls=[program.url],\n                token=token,"
    if is_live:
        yield Step(
            "Make a client for the workspace that the environment names",
            """
            import attrs
            from rocketchat_integrations import (
                Attachment,
                Client,
                EventType,
                IncomingIntegration,
                Message,
                OutgoingIntegration,
            )

            client = Client.from_env()
            print("user", client.user_id(), "on server", client.server_version())
            """,
        )
    else:
        yield Step(
            "Start a small Rocket.Chat in this process, and make a client for it",
            """
            import secrets

            import attrs
            from rocketchat_integrations import (
                Attachment,
                Client,
                EventType,
                IncomingIntegration,
                Message,
                OutgoingIntegration,
            )
            from rocketchat_integrations.outgoing import Reply, WebhookApp
            from rocketchat_integrations.testing import LocalBot, LocalRocketChat

            server = LocalRocketChat().start()
            client = Client(server.url, server.auth("admin"))
            print("user", client.user_id(), "on server", client.server_version())
            """,
        )
    yield Step(
        "Create an incoming webhook: a program posts to Rocket.Chat",
        f"""
        hook = client.create(
            IncomingIntegration(
                name="{tag}-ci",
                channel={channel},
                username="rocket.cat",
            )
        )
        print("created", hook.id, "in", *hook.channel, "posting as", hook.username)
        """,
    )
    if not is_live:
        yield Step(
            "Write a bot, and serve it: any WSGI or ASGI server will do, too",
            """
            token = secrets.token_urlsafe(32)  # it is in each call
            app = WebhookApp(token=token)

            @app.on(EventType.SEND_MESSAGE)
            def deploy(message):
                print("called for", message.text)
                match (message.text or "").split():
                    case [_, "later"]:
                        return Reply.retry_later()
                    case [_, "never"]:
                        return Reply.disable()
                    case [_, service]:
                        return Reply(f"deploying {service} for {message.user_name}")

            program = LocalBot(app).start()
            print("serving the bot at", program.url)
            """,
        )
    yield Step(
        "Create an outgoing webhook: Rocket.Chat calls a program",
        f"""
        bot = client.create(
            OutgoingIntegration(
                name="{tag}-bot",
                event=EventType.SEND_MESSAGE,
                channel={channel},
                trigger_words=["!deploy"],
                {called}
                username="rocket.cat",
            )
        )
        print("created", bot.id, "calling", *bot.urls, "on", *bot.trigger_words)
        """,
    )
    yield Step(
        "List them",
        f"""
        for integration in client.list(name_contains="{tag}"):
            print(integration.id, integration.type, integration.name)
        """,
    )
    yield Step(
        "Update one field of the bot; nothing else changes",
        """
        bot = client.update(bot.id, attrs.evolve(bot, alias="Deploy Bot"))
        print("now known as", bot.alias, "and still calling", *bot.urls)
        """,
    )
    yield Step(
        "Post through the webhook. Other programs post to its address, which is\n   a secret: webhook.url",
        f"""
        webhook = client.webhook(hook)
        webhook.post("Hello from {tag}")
        tests = Attachment(title="Tests", text="all passed", color="green")
        webhook.post(Message(text="Build 42", attachments=[tests]))
        print("posted to", *hook.channel)
        """,
    )
    if not is_live:
        yield Step(
            "Say the trigger word, as alice: Rocket.Chat calls the bot, which replies",
            """
            server.say("alice", "general", "!deploy web")
            """,
        )
        yield Step(
            "Look into the room",
            """
            for message in server.messages:
                print(message.room, message.user, repr(message.text))
                for attachment in message.attachments:
                    print("  with", attachment["title"], repr(attachment["text"]))
            """,
        )
        yield Step(
            "Read what history has of the call, and replay it. Servers of today send\n    no text then",
            """
            for entry in list(client.history(bot.id)):
                print(entry.step, "with an error" if entry.error else "without errors")
                client.replay_outgoing(bot.id, entry.id)
                server.wait_until_quiet()
            """,
        )
        yield Step(
            "See failures: a call is tried again if the integration wants that,\n    and 410 disables it",
            """
            retries = {"retry_failed_calls": True, "retry_count": 1}
            client.update(bot.id, attrs.evolve(bot, **retries))
            server.say("alice", "general", "!deploy later")
            server.say("alice", "general", "!deploy never")
            print("enabled:", client.get(bot.id).enabled)
            """,
        )
    yield Step(
        "Remove both",
        f"""
        client.remove(bot)
        client.remove(hook)
        print("left:", list(client.list(name_contains="{tag}")))
        """,
    )
    yield Step(
        "Close the client" if is_live else "Close the client, and stop the bot and the server",
        "client.close()" if is_live else "client.close()\nprogram.stop()\nserver.stop()",
    )


def _close(names: dict[str, Any]) -> None:
    """Close what the steps have opened; the last step may have done so."""
    if "client" in names:
        names["client"].close()
    for name in ("program", "server"):
        if name in names:
            names[name].stop()


# Leaving nothing behind.

# How long the server may still be busy with a request whose answer nobody waited for.
_STILL_UNDER_WAY = 2.0


def _remove_leftovers(tag: str, names: dict[str, Any], *, is_sure: bool) -> None:
    client: Client = names["client"]
    known = [names[name] for name in ("hook", "bot") if name in names]
    if is_sure and not known:
        return
    print_error(f"stopped: removing the integrations named {tag}-*, please wait")
    problems = _remove_all(client, tag, known)
    if not is_sure:
        # A create that was under way may have come after that.
        time.sleep(_STILL_UNDER_WAY)
        problems = _remove_all(client, tag, known)
    for problem in problems:
        print_error(problem)


def _remove_all(client: Client, tag: str, known: Sequence[IntegrationRecord]) -> list[str]:
    """Remove all integrations with the tag in their names; what could not be done, in words."""
    problems: list[str] = []
    try:
        # An odd record of somebody else is no reason to stop.
        found: Sequence[IntegrationRecord] = list(client.list(name_contains=tag, on_error=lambda _: None))
    except RocketChatError as error:
        found = known
        problems.append(f"look for {tag}-* in the workspace, the list failed: {told(error)}")
    for record in found:
        try:
            client.remove(record)
            print_error(f"removed {record.name}")
        except NotFoundError:
            pass
        except RocketChatError as error:
            problems.append(f"left: {record.name}, {record.type} with id {record.id}: {told(error)}")
    return problems


class _Interrupted(KeyboardInterrupt):
    """A signal that ends the program."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


class _Interruptions:
    """Within this, the first signal that would end the program raises; those after it are ignored.

    So a Ctrl-C that somebody presses twice does not cut short what the first one set off.
    """

    _NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    _DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)

    def __init__(self) -> None:
        self._may_raise = True
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in signal.Signals:
            # One that is ignored (nohup) stays so.
            if number.name in self._NAMES and signal.getsignal(number) in self._DEFAULTS:
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """Ignore the first one, too, from now on."""
        self._may_raise = False

    def _arrived(self, number: int, _: FrameType | None) -> None:
        if self._may_raise:
            self._may_raise = False
            raise _Interrupted(number)


@contextlib.contextmanager
def _no_proxies() -> Generator[None, None, None]:
    """A proxy in the environment would look for the embedded server on its own machine."""
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    os.environ.update(dict.fromkeys(before, "*"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
