"""Commands: messages such as ``!deploy web``, and messages that match a pattern.

:class:`Commands` is a handler of messages. It finds the function for a message by its first word, else by the trigger
word within it, else by a pattern, and otherwise answers with a list of the commands.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import itertools
import re
import shlex
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

import attrs

from rocketchat_integrations.exceptions import ConfigurationError

from ._handlers import HandlerResult, Router
from ._payloads import MessageSent
from ._replies import is_async

_HELP = ("help",)


@attrs.frozen(kw_only=True)
class Command:
    """A command that somebody wrote, such as ``!deploy web --to "stage 2"``."""

    name: str
    """The name of the command: ``"!deploy"``."""

    arguments: tuple[str, ...] = ()
    """What follows the name, split as a shell does: ``("web", "--to", "stage 2")``. Empty with ``split=False``."""

    text: str = ""
    """What follows the name, as it was written and without white space around it: ``'web --to "stage 2"'``."""

    message: MessageSent
    """The message."""


CommandHandler: TypeAlias = Callable[[Command], HandlerResult]
MatchHandler: TypeAlias = Callable[[MessageSent, re.Match[str]], HandlerResult]
_CommandHandler = TypeVar("_CommandHandler", bound=CommandHandler)
_MatchHandler = TypeVar("_MatchHandler", bound=MatchHandler)


@attrs.frozen
class _NamedCommand:
    """A function with the name of its command."""

    name: str
    handler: CommandHandler
    splits: bool

    @property
    def help(self) -> str:
        """The docstring of the function; empty if there is none."""
        function: object = self.handler
        while isinstance(function, functools.partial):
            function = function.func
        return inspect.cleandoc(function.__doc__ or "")

    def called_with(self, text: str, message: MessageSent) -> Callable[[], HandlerResult]:
        """Return the function to call for a command with this text behind its name."""
        try:
            arguments = tuple(shlex.split(text)) if self.splits else ()
        except ValueError:
            return partial(message.reply, f"The quotes do not match. For a quote in the text, write {_ESCAPED_QUOTES}.")
        if self.splits and arguments == _HELP:
            return partial(message.reply, f"`{self.name}`: {self.help or 'this command has no description'}")
        return partial(self.handler, Command(name=self.name, arguments=arguments, text=text, message=message))


_ESCAPED_QUOTES = r"`\'` or `\"`"


class Commands(Router):
    """A handler of messages that is made of commands and patterns.

    :meth:`WebhookApp.command` and :meth:`WebhookApp.matches` add to the commands of an app. Make commands of your own
    for a bot with several integrations, and register them with :meth:`WebhookApp.on`::

        commands = Commands()

        @commands.command("!deploy")
        def deploy(command: Command) -> str: ...

        app.on(EventType.SEND_MESSAGE, token="…")(commands)

    For each message one function is called:

    - the command that is the first word of the text; or else the command that is the message's ``trigger_word``, if it
      is a word in the text: for an integration whose trigger words may stand anywhere. Upper and lower case differ, as
      they do in trigger words;
    - else the first pattern that is found in the text.

    Otherwise the answer is a list of the commands, if there are any and the message has a trigger word. A message
    without one is not meant for a command and gets no answer.

    ``!deploy help`` is answered with the docstring of the command's function, and does not call it. Quotes that do not
    match are answered with a hint. These answers are posted where the message is: in its thread, if it is in one.

    Call the object with a message to test it; for an ``async`` function, await the result.
    """

    def __init__(self) -> None:
        self._commands: dict[str, _NamedCommand] = {}
        self._patterns: list[tuple[re.Pattern[str], MatchHandler]] = []

    def command(self, name: str, *, split: bool = True) -> Callable[[_CommandHandler], _CommandHandler]:
        """Register the function of a command. Use it as a decorator.

        The function is called with a :class:`Command`, and returns what a handler may return. It may be ``async``. Its
        docstring is the help: the first line in the list of commands, all of it for ``!deploy help``.

        Args:
            name: the first word of the message, such as ``"!deploy"``; also the trigger word of the integration.
            split: whether to split the arguments as a shell does. With False, quotes have no meaning, ``help`` is an
                ordinary word, and only :attr:`Command.text` is set.

        Returns:
            The decorator. It returns the function unchanged, so a function can have several commands.

        Raises:
            ConfigurationError: if the name is not one word, or has a function already. The decorator raises it if the
                function is not callable.
        """
        if not isinstance(name, str) or name.split() != [name]:
            raise ConfigurationError("name: must be one word")
        self._check_is_free(name)

        def register(handler: _CommandHandler) -> _CommandHandler:
            _check_callable(handler)
            self._check_is_free(name)
            self._commands[name] = _NamedCommand(name, handler, split)
            return handler

        return register

    def matches(self, pattern: str | re.Pattern[str]) -> Callable[[_MatchHandler], _MatchHandler]:
        r"""Register a function for messages in which a pattern is found. Use it as a decorator.

        The function is called with the message and the match, and returns what a handler may return. It may be
        ``async``. Patterns are tried in the order in which they are registered; the first one that is found is used.

        Args:
            pattern: the regular expression, such as ``r"\bOPS-(\d+)"``. It may match anywhere in the text; begin it
                with ``^`` for the start.

        Returns:
            The decorator. It returns the function unchanged.

        Raises:
            ConfigurationError: if the pattern is wrong. The decorator raises it if the function is not callable.
        """
        compiled = _compiled(pattern)

        def register(handler: _MatchHandler) -> _MatchHandler:
            _check_callable(handler)
            self._patterns.append((compiled, handler))
            return handler

        return register

    @property
    def trigger_words(self) -> tuple[str, ...]:
        """The words for ``OutgoingIntegration.trigger_words``: the names of the commands, in the order of registration.

        Empty if there is a pattern: it must see every message, and Rocket.Chat sends every message of an integration
        without trigger words. If all messages for your patterns have certain words in common, give these to the
        integration yourself, together with the names of the commands.
        """
        return () if self._patterns else tuple(self._commands)

    def help(self) -> str:
        """Return the list of the commands, with the first lines of their docstrings."""
        if not self._commands:
            return "There are no commands."
        summaries = [(each.name, each.help.partition("\n")[0]) for each in self._commands.values()]
        lines = [f"`{name}`: {summary}" if summary else f"`{name}`" for name, summary in summaries]
        return "\n".join(
            ["The commands are:", *lines, f"For more about a command, write for example `{summaries[0][0]} help`."]
        )

    @property
    def has_async(self) -> bool:
        """Whether a function is ``async``."""
        named = (each.handler for each in self._commands.values())
        return any(map(is_async, itertools.chain(named, (handler for _, handler in self._patterns))))

    def __call__(self, message: MessageSent) -> HandlerResult:
        """Call the function for a message and return its result."""
        return self.select(message)()

    def select(self, message: MessageSent) -> Callable[[], HandlerResult]:
        """Return the function that :meth:`__call__` calls for a message, with its arguments."""
        text = message.text or ""
        words = text.split(maxsplit=1)
        first = words[0] if words else ""
        if first in self._commands:
            return self._commands[first].called_with("".join(words[1:]).strip(), message)
        word = message.trigger_word
        if word in self._commands and (found := re.search(rf"(?<!\S){re.escape(word)}(?!\S)", text)):
            return self._commands[word].called_with(text[found.end() :].strip(), message)
        for pattern, handler in self._patterns:
            if match := pattern.search(text):
                return partial(handler, message, match)
        if word is None or not self._commands:
            return lambda: None
        return partial(message.reply, f"{self._unknown(first)}\n{self.help()}")

    def _unknown(self, word: str) -> str:
        # The word itself is not repeated: it could mention somebody.
        similar = difflib.get_close_matches(word, self._commands, n=1)
        return "This is not a command." + (f" Did you mean `{similar[0]}`?" if similar else "")

    def _check_is_free(self, name: str) -> None:
        if name in self._commands:
            raise ConfigurationError(f"name: {name} has a function already")


def _check_callable(handler: object) -> None:
    if not callable(handler):
        raise ConfigurationError("handler: must be callable")


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    problem = "must be text or a compiled pattern for text"
    try:
        compiled = re.compile(pattern)
        if isinstance(compiled.pattern, str):
            return compiled
    except re.error as error:
        problem = f"is not a regular expression: {error}"
    except TypeError:
        pass
    raise ConfigurationError(f"pattern: {problem}")
