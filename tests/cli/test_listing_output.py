"""`-o` and `--columns` of the listings."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
import yaml

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord, OutgoingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace


def csv_rows(output: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(output)))


def test_csv_has_the_columns_of_the_table_under_the_names_of_the_fields(
    hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """With the values of JSON; lists are joined."""
    heading, *rows = csv_rows(run("list", "-o", "csv").out)
    assert heading == ["id", "type", "name", "channel", "username", "event", "enabled"]
    assert sorted(rows) == sorted(
        [
            [hook.id, "webhook-incoming", "ci", "#general", "rocket.cat", "", "true"],
            [bot.id, "webhook-outgoing", "bot", "#general, #random", "rocket.cat", "sendMessage", "true"],
        ]
    )
    assert csv_rows(run("list", "--name", "nobody", "-o", "csv").out) == [heading]


def test_columns_are_chosen_in_every_format(hook: IncomingIntegrationRecord, run: Run) -> None:
    """By the name of the field or the heading, in this order; a user is a name."""
    chosen = ("--columns", "NAME, user,created_by,alias,token")
    assert run("list", *chosen, "-o", "csv").out.splitlines()[1] == "ci,rocket.cat,admin,,<hidden>"
    assert run("list", *chosen).out.splitlines()[0].split() == ["NAME", "USER", "CREATED_BY", "ALIAS", "TOKEN"]
    expected = {"name": "ci", "username": "rocket.cat"}
    assert run("list", "--columns", "name,user", "--json").json == [expected]
    assert run("list", "--columns", "name,user", "-o", "json").json == [expected]
    assert run("list", "--columns", "name,user", "-o", "yaml").out == "- name: ci\n  username: rocket.cat\n"


def test_yaml_has_what_json_has(workspace: Workspace, hook: object, bot: object, run: Run) -> None:
    """Masked in the same way."""
    for command in ("list", "doctor"):
        result = run(command, "-o", "yaml")
        assert yaml.safe_load(result.out) == run(command, "--json").json


def test_findings_are_csv(workspace: Workspace, run: Run) -> None:
    """Notes and numbers stay on stderr."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": 7})
    heading, row = csv_rows(run("doctor", "-o", "csv", "--columns", "kind,id,name").out)
    assert (heading, row) == (["kind", "id", "name"], ["unreadable", "odd", ""])


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|x", "'+cmd|x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("-2.5", "-2.5"),
        ("@alice, #ops", "@alice, #ops"),
        ("a=b", "a=b"),
        ("two\r\nlines\x1b", "two\nlines\\x1b"),
    ],
)
def test_a_spreadsheet_computes_no_cell(client: Client, run: Run, name: str, cell: str) -> None:
    """Names come from others. Escape sequences do not reach the terminal."""
    client.create(IncomingIntegration(name, channel="#general", username="rocket.cat"))
    assert csv_rows(run("list", "-o", "csv", "--columns", "name").out)[1] == [cell]


def test_nested_values_are_json_in_a_cell(workspace: Workspace, run: Run) -> None:
    """Fields that this version does not know may be anything."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "odd", "new": [{"a": 1}]})
    shown = ("list", "--show-secrets", "--columns", "extra", "-o", "csv")
    assert csv_rows(run(*shown).out)[1] == ['{"new": [{"a": 1}]}']


def test_an_empty_list_says_so(workspace: Workspace, run: Run) -> None:
    """On stderr; without a word in the formats for programs."""
    for arguments, message in (
        (("list",), "there are no integrations that you may see\n"),
        (("list", "--type", "outgoing"), "no such integrations\n"),
        (("list", "-o", "yaml"), ""),
    ):
        result = run(*arguments)
        assert (result.status, result.err) == (0, message)
    assert run("doctor").err.splitlines()[0] == "nothing was found"
