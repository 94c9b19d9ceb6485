"""``script check``: find what breaks in scripts on server 9.0."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.script_samples import read_text
from rocketchat_integrations.cli.shared_options import File, json_option, type_name
from rocketchat_integrations.cli.terminal import counted, error_text, print_error, print_json, printable, show_count
from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.scripts._analysis import ScriptProblem, static_problems


@attrs.frozen
class _Checked:
    """A script and its problems."""

    place: str
    origin: dict[str, str]
    """Where it is, for JSON."""
    problems: tuple[ScriptProblem, ...]


@click.command("check")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=File())
@click.option("--live", is_flag=True, help="Check the scripts that the integrations of the workspace run.")
@json_option
@click.pass_obj
def command(credentials: Credentials, files: tuple[str, ...], live: bool, as_json: bool) -> int:
    """Find what breaks in scripts on server 9.0, without running them.

    Prints a line for each problem: the file, the line, the column, what is wrong, and what to write instead.

    Exit status 0: nothing was found; 2: something was found.
    """
    if bool(files) == live:
        raise click.UsageError("give either files or --live")
    unreadable: list[DecodingError] = []
    checked = list(_of_workspace(credentials, unreadable) if live else _of_files(files))
    found = [(script, problem) for script in checked for problem in script.problems]
    if as_json:
        print_json([{**script.origin, **attrs.asdict(problem)} for script, problem in found])
    else:
        for script, problem in found:
            place = f"{script.place}:{problem.line}:{problem.column}"
            print(printable(f"{place}: {problem.message}. {problem.instead}"))
    for error in unreadable:
        print_error(f"warning: not checked: {error_text(error)}")
    affected = sum(1 for script in checked if script.problems)
    print_error(f"{counted(len(found), 'problem')} in {affected} of {counted(len(checked), 'script')}")
    if unreadable:
        return 1
    return 2 if found else 0


def _of_files(files: tuple[str, ...]) -> Iterator[_Checked]:
    for file in files:
        yield _Checked(file, {"file": file}, static_problems(read_text(file)))


def _of_workspace(credentials: Credentials, unreadable: list[DecodingError]) -> Iterator[_Checked]:
    with credentials.client() as client:
        for record in show_count(client.list(on_error=unreadable.append)):
            if record.script and record.script_enabled:
                origin = {"type": str(record.type), "id": record.id, "name": record.name}
                place = f"{type_name(record.type)} {record.name} ({record.id})"
                yield _Checked(place, origin, static_problems(record.script))
