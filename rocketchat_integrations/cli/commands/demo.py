"""``demo``: a tour against an embedded server. Each step is a function, whose body is printed and then run."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import os
import textwrap
from collections.abc import Callable, Generator
from importlib import import_module
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from rocketchat_integrations.cli.shared_options import json_option

if TYPE_CHECKING:
    from rocketchat_integrations import (
        Client,
        IncomingIntegrationRecord,
        OutgoingIntegrationRecord,
    )
    from rocketchat_integrations.testing import LocalBot, LocalRocketChat

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Steps. Names in one body are the names in the next: pasted together, the bodies are one program.


def start_server() -> tuple[LocalRocketChat, Client]:
    """Start a small Rocket.Chat in this process, and make a client for it."""
    from rocketchat_integrations import Client
    from rocketchat_integrations.testing import LocalRocketChat

    server = LocalRocketChat().start()
    client = Client(server.url, server.auth("admin"))
    print("user", client.user_id(), "on server", client.server_version())
    return server, client


def create_incoming(client: Client) -> IncomingIntegrationRecord:
    """Create an incoming webhook: a program posts to Rocket.Chat."""
    from rocketchat_integrations import IncomingIntegration

    hook = client.create(
        IncomingIntegration(
            name="ci",
            channel="#general",
            username="rocket.cat",
        )
    )
    print("created", hook.id, "in", *hook.channel, "posting as", hook.username)
    return hook


def serve_bot() -> tuple[str, LocalBot]:
    """Write a bot, and serve it. Any WSGI or ASGI server can serve it, too."""
    import secrets

    from rocketchat_integrations.outgoing import Command, Reply, WebhookApp
    from rocketchat_integrations.testing import LocalBot

    token = secrets.token_urlsafe(32)  # it is in each call
    app = WebhookApp(token=token)

    @app.command("!deploy")
    def deploy(command: Command) -> Reply:
        print("called for", command.name, command.text)
        if command.text == "later":
            return Reply.retry_later()
        if command.text == "never":
            return Reply.disable()
        user = command.message.user_name
        return Reply(f"deploying {command.text} for {user}")

    program = LocalBot(app).start()
    print("serving the bot at", program.url)
    return token, program


def create_outgoing(client: Client, token: str, program: LocalBot) -> OutgoingIntegrationRecord:
    """Create an outgoing webhook: Rocket.Chat calls a program."""
    from rocketchat_integrations import EventType, OutgoingIntegration

    bot = client.create(
        OutgoingIntegration(
            name="deployer",
            event=EventType.SEND_MESSAGE,
            channel="#general",
            trigger_words=["!deploy"],
            urls=[program.url],
            token=token,
            username="rocket.cat",
        )
    )
    print("created", bot.id, "calling", *bot.urls, "on", *bot.trigger_words)
    return bot


def list_integrations(client: Client) -> None:
    """List the integrations."""
    for integration in client.list():
        print(integration.id, integration.type, integration.name)


def update_bot(client: Client, bot: OutgoingIntegrationRecord) -> OutgoingIntegrationRecord:
    """Update one field of the bot; nothing else changes."""
    import attrs

    bot = client.update(bot.id, attrs.evolve(bot, alias="Deploy Bot"))
    print("now known as", bot.alias, "and still calling", *bot.urls)
    return bot


def post(client: Client, hook: IncomingIntegrationRecord) -> None:
    """Post through the webhook. Other programs post to webhook.url, a secret."""
    from rocketchat_integrations import Attachment, Message

    webhook = client.webhook(hook)
    webhook.post("Hello from the demo")
    tests = Attachment(title="Tests", text="all passed", color="green")
    webhook.post(Message(text="Build 42", attachments=[tests]))
    print("posted to", *hook.channel)


def say_trigger_word(server: LocalRocketChat) -> None:
    """Say the trigger word as alice: Rocket.Chat calls the bot, which replies."""
    server.say("alice", "general", "!deploy web")


def read_room(server: LocalRocketChat) -> None:
    """Read the messages of the room."""
    for message in server.messages:
        print(message.room, message.user, repr(message.text))
        for attachment in message.attachments:
            print("  with", attachment["title"], repr(attachment["text"]))


def replay(server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord) -> None:
    """Read the history, and replay a call; with trigger words, 8.x sends nothing."""
    for entry in list(client.history(bot.id)):
        print(entry.outcome.text)
        client.replay_outgoing(bot.id, entry.id)
        server.wait_until_quiet()


def fail(server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord) -> None:
    """See failures: a bot can ask for a repeat, and 410 disables the integration."""
    import attrs

    patient = attrs.evolve(bot, retry_failed_calls=True, retry_count=1)
    client.update(bot.id, patient)
    server.say("alice", "general", "!deploy later")
    server.say("alice", "general", "!deploy never")
    for entry in client.history(bot.id):
        print(entry.outcome.text)
    print("enabled:", client.get(bot.id).enabled)


def remove(client: Client, bot: OutgoingIntegrationRecord, hook: IncomingIntegrationRecord) -> None:
    """Remove both integrations."""
    client.remove(bot)
    client.remove(hook)
    print("left:", list(client.list()))


def close(client: Client, program: LocalBot, server: LocalRocketChat) -> None:
    """Close the client, and stop the bot and the server."""
    client.close()
    program.stop()
    server.stop()


# Running


@click.command("demo")
@json_option
def command(as_json: bool) -> None:
    """Take a tour: create, list, update, post, remove.

    Prints the code of each step and its output. Runs against a small Rocket.Chat inside this process. With --json, the
    steps are printed at the end.
    """
    with _without_proxies():
        _Demo(as_json=as_json).run()


class _Demo:
    """Prints and runs the steps."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._done: list[dict[str, str]] = []

    def run(self) -> None:
        import_module("rocketchat_integrations.testing")  # raises before the first step if the extra is missing
        step = self._step
        with contextlib.ExitStack() as stack:
            server, client = step(start_server)
            stack.callback(server.stop)
            stack.callback(client.close)
            hook = step(create_incoming, client)
            token, program = step(serve_bot)
            stack.callback(program.stop)
            bot = step(create_outgoing, client, token, program)
            step(list_integrations, client)
            bot = step(update_bot, client, bot)
            step(post, client, hook)
            step(say_trigger_word, server)
            step(read_room, server)
            step(replay, server, client, bot)
            step(fail, server, client, bot)
            step(remove, client, bot, hook)
            step(close, client, program, server)
        if self._as_json:
            print(json.dumps(self._done, indent=2))

    def _step(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        title, code = (inspect.getdoc(function) or "").rstrip("."), _body(function)
        if not self._as_json:
            print(f"{len(self._done) + 1}. {title}\n\n{textwrap.indent(code, ' ' * 5)}\n", flush=True)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            result = function(*args, **kwargs)
        self._done.append({"title": title, "code": code, "output": output.getvalue()})
        if output.getvalue() and not self._as_json:
            print(textwrap.indent(output.getvalue(), "  -> "), flush=True)
        return result


def _body(function: Callable[..., object]) -> str:
    """Return the source of a function's body, without its docstring and its last ``return``."""
    source = textwrap.dedent(inspect.getsource(function))
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef)
    _, first, *rest = definition.body
    end = rest[-1].lineno - 1 if rest and isinstance(rest[-1], ast.Return) else definition.end_lineno
    return textwrap.dedent("\n".join(source.splitlines()[first.lineno - 1 : end]))


@contextlib.contextmanager
def _without_proxies() -> Generator[None, None, None]:
    """Let no proxy of the environment stand between the client and the embedded server."""
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
