"""``script run``: run a script with a payload, and show what it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import sleep
from typing import Any, NoReturn

import attrs
import click

from rocketchat_integrations.cli.failures import CommandError, failure_text
from rocketchat_integrations.cli.message_view import message_lines
from rocketchat_integrations.cli.script_samples import (
    SAMPLES_SUFFIX,
    Sample,
    ScriptRun,
    is_sample,
    read_json,
    read_text,
    run_sample,
    sample_of,
)
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import MarkedLine, print_error, print_json, print_lines
from rocketchat_integrations.exceptions import RocketChatError, ScriptLimitError
from rocketchat_integrations.scripts import ScriptRequest

_SECONDS_BETWEEN_LOOKS = 0.3


def _is_strict(_: click.Context, __: click.Parameter, version: str) -> bool:
    found = re.fullmatch(r"(\d+)(\.\d+)*", version)
    if found is None:
        raise click.BadParameter(f"{version!r} is not a version of the server, such as 8.8 or 9.0")
    return int(found[1]) >= 9


def _pairs(separator: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], dict[str, str]]:
    """Return a ``callback`` that splits texts into names and values."""

    def split(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
        parts = [text.partition(separator) for text in texts]
        if not all(found and name.strip() for name, found, _ in parts):
            raise click.BadParameter(f"must be NAME{separator}VALUE")
        return {name.strip(): value.strip() for name, _, value in parts}

    return split


@attrs.frozen(kw_only=True)
class _Options:
    """What to run the script with."""

    script: str
    payload: str
    outgoing: bool
    url: str | None
    reply: str | None
    reply_status: int
    headers: dict[str, str]
    query: dict[str, str]
    strict: bool

    def files(self) -> list[str]:
        return [self.script, self.payload, *([self.reply] if self.reply is not None else [])]

    def sample(self) -> Sample:
        """Return the sample that the payload's file contains, or that is made of the payload, with these options."""
        value = read_json(self.payload)
        # Outside of a folder of samples, a payload may itself be an object with only this key.
        in_samples = Path(self.payload).absolute().parent.suffix == SAMPLES_SUFFIX
        as_sample = is_sample(value) and (in_samples or len(value) > 1)
        given = value if as_sample else {"payload" if self.outgoing else "content": value}
        values = dict(sample_of(given, self.payload).values)
        if "payload" in values:
            if self.headers or self.query:
                raise CommandError("--header and --query are for incoming integrations only")
            values |= {} if self.url is None else {"url": self.url}
            values |= {} if self.reply is None else {"reply": self._reply(self.reply)}
        elif self.outgoing:
            raise CommandError(f"{self.payload} is a sample for incoming integrations: leave out --outgoing")
        elif self.url is not None or self.reply is not None:
            raise CommandError("--url and --reply are for outgoing integrations only: add --outgoing")
        else:
            values["headers"] = {**values.get("headers", {}), **self.headers}
            values["query"] = {**values.get("query", {}), **self.query}
        return Sample(values)

    def _reply(self, path: str) -> dict[str, Any]:
        return {"status": self.reply_status, "content": read_text(path)}


@click.command("run")
@click.argument("script", metavar="FILE", type=File())
@click.option(
    "--payload", metavar="FILE", type=File(), required=True, help="The payload as JSON, or a sample of script test."
)
@click.option(
    "--outgoing", is_flag=True, help="Run the script of an outgoing integration: the payload is that of its call."
)
@click.option("--url", help="The URL that an outgoing integration calls.")
@click.option("--reply", metavar="FILE", type=File(), help="The body of the reply to the call.")
@click.option(
    "--reply-status", type=click.IntRange(100, 599), default=200, show_default=True, help="The status of the reply."
)
@click.option(
    "--header",
    "headers",
    metavar="NAME:VALUE",
    multiple=True,
    callback=_pairs(":"),
    help="A header of the request; may be given several times.",
)
@click.option(
    "--query",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_pairs("="),
    help="A parameter of the webhook's URL; may be given several times.",
)
@click.option(
    "--server",
    "strict",
    metavar="VERSION",
    default="9.0",
    show_default=True,
    callback=_is_strict,
    help="The server's version. Before 9.0, names that are not declared become global; shows which.",
)
@click.option("--watch", "-w", is_flag=True, help="Run it again after every change of a file, until you press Ctrl-C.")
@json_option
def command(watch: bool, as_json: bool, **options: Any) -> int:
    """Run a script with a payload, and show the message.

    Also shows the answer, the refusal, the request and reply of an outgoing integration, and what the script writes to
    the console. Nothing is sent.
    """
    given = _Options(**options)
    if watch:
        _watch(given, as_json=as_json)
    return _run(given, as_json=as_json, on_one_line=False)


def _watch(options: _Options, *, as_json: bool) -> NoReturn:
    each_change = changes(options.files(), lambda: sleep(_SECONDS_BETWEEN_LOOKS))
    while True:
        next(each_change)
        try:
            _run(options, as_json=as_json, on_one_line=True)
        except (CommandError, RocketChatError, OSError) as error:
            print_error(f"error: {failure_text(error)}")
        print_error("waiting for changes")


def changes(paths: Sequence[str], wait: Callable[[], None]) -> Iterator[None]:
    """Yield at first, and after each change of a file.

    Args:
        paths: the files; they may disappear and come back.
        wait: called before each further look at the files.
    """
    last: object = None
    while True:
        current = list(map(_state, paths))
        if current == last:
            wait()
        else:
            last = current
            yield


def _state(path: str) -> object:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _run(options: _Options, *, as_json: bool, on_one_line: bool) -> int:
    try:
        run = run_sample(options.script, options.sample(), strict=options.strict)
    except RocketChatError as error:
        problem = str(error)
    else:
        if as_json:
            logs = list(map(attrs.asdict, run.logs))
            print_json({"result": run.to_json(), "logs": logs, "leaked": run.leaked}, on_one_line=on_one_line)
        else:
            print_lines(_lines(run))
        if run.failure is None:
            return 0
        _print_failure(run, options)
        return 1
    raise CommandError(f"{options.script}: {problem}")


def _lines(run: ScriptRun) -> Iterator[MarkedLine]:
    for result in run.results:
        if result.message is not None:
            yield from message_lines(result.message)
    if run.incoming is not None:
        if run.incoming.error:
            yield MarkedLine(f"refused with status 400: {_json(run.incoming.error)}", "red")
        elif run.incoming.message is None:
            has_method = "process_incoming_request" in run.functions
            reason = "" if has_method else ": the script has no method process_incoming_request (--outgoing?)"
            yield MarkedLine(f"nothing is posted{reason}", "yellow")
        if run.incoming.response is not None:
            yield MarkedLine(f"answer: {_json(run.incoming.response)}", "dim")
    if run.prepared is not None:
        yield from _request_lines(run.prepared.request)
    if run.responded is not None and run.responded.message is None:
        is_suppressed = run.responded.suppressed
        yield MarkedLine("nothing is posted" if is_suppressed else "the reply is posted as without a script", "yellow")
    for line in run.logs:
        yield from (MarkedLine(text, "dim", f"console.{line.level}: ", "dim") for text in line.text.splitlines())
    if run.leaked:
        yield MarkedLine(f"not declared, which fails on server 9.0: {', '.join(run.leaked)}", "yellow")


def _request_lines(request: ScriptRequest | None) -> Iterator[MarkedLine]:
    if request is None:
        yield MarkedLine("no call is made", "yellow")
        return
    yield MarkedLine(f"{request.method} {request.url}", "bold")
    headers = {**request.headers, **({} if request.auth is None else {"Authorization": f"Basic ({request.auth})"})}
    for name, value in headers.items():
        yield MarkedLine(f"{name}: {value}")
    for line in json.dumps(request.data, indent=2, ensure_ascii=False).splitlines():
        yield MarkedLine(line)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _print_failure(run: ScriptRun, options: _Options) -> None:
    failure = run.failure
    if failure is None or isinstance(failure, ScriptLimitError):
        print_error(f"error: {options.script}: {failure}")
        return
    # The stack names places as editors understand them.
    stack = (failure.stack or failure.message).replace("script.js:", f"{options.script}:")
    print_error("\n".join(["error: the script throws", *(f"  {line.strip()}" for line in stack.splitlines())]))
