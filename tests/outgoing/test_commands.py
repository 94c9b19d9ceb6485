"""Commands: which function a message calls, with what, and what is answered where none fits."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import Answer, Command, Commands, MessageSent, Reply, WebhookApp

from .conftest import always
from .test_app import JSON, NOTHING, Way, body_of, each_way, text_of


@pytest.fixture
def commands() -> Commands:
    """Commands that return what they are called with."""
    commands = Commands()

    @commands.command("!deploy")
    def deploy(command: Command) -> Any:
        """Deploy a service.

        Usage: !deploy SERVICE
        """
        return command

    @commands.command("!say", split=False)
    def say(command: Command) -> Any:
        return command

    return commands


def called(commands: Commands, text: str | None, trigger_word: str | None = None) -> Any:
    return commands(MessageSent(text=text, trigger_word=trigger_word, tmid="thread"))


@pytest.mark.parametrize(
    ("text", "arguments", "rest"),
    [
        ("!deploy", (), ""),
        ("!deploy web", ("web",), "web"),
        ("!deploy\nweb  api ", ("web", "api"), "web  api"),
        ("!deploy web --to 'stage 2' a\\ b", ("web", "--to", "stage 2", "a b"), "web --to 'stage 2' a\\ b"),
        ("!deploy help web", ("help", "web"), "help web"),
    ],
)
def test_the_arguments_are_split_as_in_a_shell(
    commands: Commands, text: str, arguments: tuple[str, ...], rest: str
) -> None:
    command = called(commands, text)
    assert (command.name, command.arguments, command.text) == ("!deploy", arguments, rest)
    assert command.message == MessageSent(text=text, tmid="thread")


def test_a_command_can_take_its_text_unsplit(commands: Commands) -> None:
    """Then quotes and the word `help` have no meaning."""
    for text in ("it's fine", "help"):
        command = called(commands, f"!say {text}")
        assert (command.arguments, command.text) == ((), text)


def test_wrong_quotes_are_answered_with_a_hint(commands: Commands) -> None:
    """In the thread of the message."""
    reply = called(commands, "!deploy it's")
    assert reply.text.startswith("The quotes do not match.")
    assert reply.tmid == "thread"


def test_a_command_within_a_text_is_found_by_the_trigger_word(commands: Commands) -> None:
    """As a word of its own, for integrations with `trigger_word_anywhere`."""
    command = called(commands, "un!deploy or !deploy now", "!deploy")
    assert (command.name, command.text) == ("!deploy", "now")
    assert called(commands, "!say please !deploy now", "!deploy").name == "!say"
    assert called(commands, "please !deploy now") is None


def test_patterns_are_searched_in_order_after_the_commands(commands: Commands) -> None:
    @commands.matches(r"OPS-(\d+)")
    def ticket(message: MessageSent, match: re.Match[str]) -> str:
        return f"ticket {match[1]}, {message.text}"

    commands.matches(re.compile("ops", re.IGNORECASE))(always("ops"))
    assert called(commands, "see OPS-5", "see") == "ticket 5, see OPS-5"
    assert called(commands, "OpS") == "ops"
    assert called(commands, "!say OPS-5").name == "!say"


def test_help_is_made_of_docstrings(commands: Commands) -> None:
    commands.command("!partial")(functools.partial(always(None), "text"))
    assert commands.help() == (
        "The commands are:\n`!deploy`: Deploy a service.\n`!say`\n`!partial`\n"
        "For more about a command, write for example `!deploy help`."
    )
    assert called(commands, "!deploy help") == Reply(
        "`!deploy`: Deploy a service.\n\nUsage: !deploy SERVICE", tmid="thread"
    )
    assert called(commands, "!partial help").text == "`!partial`: this command has no description"
    assert Commands().help() == "There are no commands."


def test_an_unknown_command_is_answered_with_the_known_ones(commands: Commands) -> None:
    """The text is not repeated: it could mention somebody."""
    reply = called(commands, "!deployo @all", "!")
    assert reply == Reply(f"This is not a command. Did you mean `!deploy`?\n{commands.help()}", tmid="thread")
    assert called(commands, "!xyz", "!").text == f"This is not a command.\n{commands.help()}"


def test_a_message_that_is_not_meant_for_a_command_gets_no_answer(commands: Commands) -> None:
    """It has no trigger word; or there are only patterns."""
    for text in ("!deployment", "hello", "", None):
        assert called(commands, text) is None
    patterns = Commands()
    patterns.matches("a")(always("found"))
    assert called(patterns, "b", "b") is None


def test_trigger_words_are_the_names_unless_there_is_a_pattern(commands: Commands) -> None:
    before = commands.trigger_words
    commands.matches("a")(always("found"))
    assert (before, commands.trigger_words) == (("!deploy", "!say"), ())


WRONG: list[tuple[Callable[[Any], object], str]] = [
    (lambda app: app.command("!a b"), "name: must be one word"),
    (lambda app: app.command(""), "name: must be one word"),
    (lambda app: app.command(5), "name: must be one word"),
    (lambda app: app.command("!taken"), "name: !taken has a function already"),
    (lambda app: app.command("!free")("text"), "handler: must be callable"),
    (lambda app: app.matches("a")(None), "handler: must be callable"),
    (lambda app: app.matches("("), "pattern: is not a regular expression: missing "),
    (lambda app: app.matches(5), "pattern: must be text"),
    (lambda app: app.matches(b"a"), "pattern: must be text"),
    (lambda app: app.on("userCreated", token="other")(app.commands), "handler: commands are for sendMessage only"),
    (lambda app: app.on("sendMessage"), "token: is already used by the handler for sendMessage"),
    (lambda app: WebhookApp().command("!a"), "token: missing"),
]


@pytest.mark.parametrize(("register", "problem"), WRONG)
def test_a_wrong_registration_is_refused(register: Callable[[Any], object], problem: str) -> None:
    app: Any = WebhookApp(token="T0K3N")
    decorator = app.command("!twice")
    app.command("!taken")(print)
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        register(app)
    app.command("!twice")(print)
    with pytest.raises(ConfigurationError, match="^name: !twice has a function already"):
        decorator(print)


@each_way
def test_an_app_calls_its_commands_and_patterns(answer: Way) -> None:
    """Also for a second token, and its decorators return the functions."""
    app = WebhookApp(token="T0K3N")

    @app.command("!deploy")
    @app.command("!d")
    def deploy(command: Command) -> str:
        return f"{command.name}: {command.arguments[0]}"

    @app.matches("ping")
    def ping(message: MessageSent, match: re.Match[str]) -> Reply:
        return message.reply_in_thread("pong")

    assert deploy(Command(name="a", arguments=("b",), message=MessageSent())) == "a: b"
    app.on("sendMessage", token="new")(app.commands)
    for token in ("T0K3N", "new"):
        assert text_of(answer(app, body_of(token, text="!d web"), JSON)) == "!d: web"
    assert json.loads(answer(app, body_of(text="ping", message_id="m"), JSON).body) == {"text": "pong", "tmid": "m"}
    assert answer(app, body_of(text="else"), JSON) == NOTHING
    assert answer(app, body_of(text="!deploy"), JSON).status == 500
    assert app.trigger_words == app.commands.trigger_words == ()


def test_commands_can_be_registered_first_for_another_token() -> None:
    """Then the app needs no token of its own."""
    app = WebhookApp()
    app.on("sendMessage", token="a", bots=True)(app.commands)
    app.command("!a")(always("yes"))
    assert text_of(app.handle(body_of("a", text="!a", bot=True), JSON)) == "yes"
    assert app.trigger_words == ("!a",)


def test_plain_and_async_commands_can_be_mixed() -> None:
    """Under asyncio; one that is async keeps the app from being served without."""
    app = WebhookApp(token="T0K3N")
    app.command("!plain")(always("plain"))
    assert text_of(app.handle(body_of(text="!plain"), JSON)) == "plain"

    async def answers() -> list[Answer]:
        return [await app.handle_async(body_of(text=text), JSON) for text in ("!plain", "!async", "match")]

    @app.command("!async")
    async def command(command: Command) -> str:
        return "async"

    @app.matches("match")
    async def match(message: MessageSent, match: re.Match[str]) -> str:
        return match[0]

    with pytest.raises(ConfigurationError, match="one is async"):
        app.handle(body_of(text="!plain"), JSON)
    assert [text_of(answer) for answer in asyncio.run(answers())] == ["plain", "async", "match"]
