"""What users look up is in the documentation: variables, exceptions, options, and the words that they search for."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from rocketchat_integrations import ConnectionOptions, RetryPolicy, Timeout, exceptions
from rocketchat_integrations.cli.command_line import COMMANDS, PROGRAM as NAME
from rocketchat_integrations.cli.profiles import profiles_file
from tests.cli.conftest import PROGRAM

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "rocketchat_integrations"
_command_helps: Callable[[], Iterator[tuple[str, str]]] = runpy.run_path(str(DOCS / "pictures" / "command_help.py"))[
    "command_helps"
]

# Code that reads the environment, and code that reads a variable by its name.
_READS_ENVIRONMENT = re.compile(r"\bos\.environ\b|\bgetenv\b|\benvvar=")
_DIRECT_READ = re.compile(r"""(?:\bos\.environ(?:\.get\(|\[)|\bgetenv\(|\benvvar=)"(\w+)\"""")
# Variables that libraries read for the package.
_OF_LIBRARIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "XDG_CONFIG_HOME", "APPDATA"}


def page(name: str) -> str:
    return (DOCS / f"{name}.rst").read_text(encoding="utf-8")


def variables_of_the_sources() -> set[str]:
    """Return what modules that read the environment read directly, and their constants that look like a variable."""
    names = set[str]()
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if _READS_ENVIRONMENT.search(text):
            constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            texts = [value for value in constants if isinstance(value, str)]
            names.update(value for value in texts if re.fullmatch(r"_?[A-Z]+(_[A-Z]+)+_?", value))
            names.update(_DIRECT_READ.findall(text))
    return names


def test_the_page_of_environment_variables_is_complete() -> None:
    """It has every variable that the package reads, and no other."""
    rows = re.findall(r"^   \* - (.*)$", page("reference/environment"), re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"``(\w+)…?``", row)}
    of_package = variables_of_the_sources()
    assert {"ROCKETCHAT_URL", "ROCKETCHAT_SECRET_", "NO_COLOR", "REQUESTS_CA_BUNDLE"} <= of_package
    assert of_package | _OF_LIBRARIES == shown


@pytest.mark.skipif("sys.platform != 'linux'")
def test_profiles_are_where_the_page_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert profiles_file() == tmp_path / "rocketchat-integrations" / "profiles.toml"


def test_the_page_of_servers_names_the_pythons_of_the_classifiers() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    expected = [text.rpartition(" ")[2] for text in classifiers if re.search(r":: 3\.\d+$", text)]
    (sentence,) = re.findall(r"CPython (3\.[^\n]*)", page("reference/servers"))
    assert re.findall(r"3\.\d+", sentence) == expected


def test_every_exception_has_a_row_that_says_what_to_do() -> None:
    classes = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, exceptions.RocketChatError)
    }
    assert set(re.findall(r"^   \* - :exc:`(\w+)`$", page("reference/exceptions"), re.MULTILINE)) == classes


def test_the_page_of_connections_has_every_option_with_its_default() -> None:
    text = page("reference/connections")
    rows = dict(re.findall(r"^   \* - (``\w+``.*)\n     - (.*)$", text, re.MULTILINE))
    named = {name for row in rows for name in re.findall(r"``(\w+)``", row)}
    classes = (ConnectionOptions, RetryPolicy, Timeout)
    assert {field.name for each in classes for field in attrs.fields(each)} <= named
    for field in (*attrs.fields(RetryPolicy), *attrs.fields(Timeout)):
        if field.name not in ("backoff", "backoff_max", "total"):  # their rows have two names, or their names two rows
            assert re.match(rf"{field.default:g}\b", rows[f"``{field.name}``"]), field.name


@pytest.mark.parametrize("command", ["", "plan", "create incoming", "script test"])
def test_the_help_of_a_command_is_what_the_program_prints(command: str) -> None:
    shown: dict[str, str] = dict(_command_helps())
    environment = {**os.environ, "COLUMNS": "100"}
    # In another process, because click caches the option --help.
    printed = subprocess.run(
        [*PROGRAM, *command.split(), "--help"], env=environment, stdout=subprocess.PIPE, check=True
    )
    assert shown[f"{NAME} {command}".strip()].splitlines() == printed.stdout.decode().splitlines()


def test_every_command_has_its_help() -> None:
    shown = {command.removeprefix(f"{NAME} ") for command, _ in _command_helps()}
    assert {name for names in COMMANDS.values() for name in names} | {"history show", "script new"} <= shown


def headings() -> Iterator[str]:
    for file in DOCS.rglob("*.rst"):
        text = file.read_text(encoding="utf-8")
        yield from re.findall(r"^(\S.*)\n(?:={3,}|-{3,}|~{3,})$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [
        "rotate token",
        "copy workspace",
        "asyncio",
        "alert",
        "migrate",
        "supported servers",
        "proxy",
        "proxies",
        "timeout",
        "certificate",
        "second factor",
        "rate limit",
        "environment variable",
        "retry",
        "embedded server",
    ],
)
def test_what_users_search_for_is_in_a_title(words: str) -> None:
    """Part of a word is enough: the search compares word stems, so "alerting" also finds "alerts"."""
    found = [title for title in headings() if all(word in title.lower() for word in words.split())]
    assert found
