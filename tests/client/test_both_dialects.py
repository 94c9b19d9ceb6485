"""What the client promises, it promises for servers of today and of yesterday."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
PATHS = sorted(HERE.glob("*.py"))

# The tests that run in one dialect only, by what the other one is like.
ONE_DIALECT = {
    "6.x cannot clear the history, nor replay": {
        "test_history_is_forgotten",
        "test_replaying_names_integration_and_call",
        "test_what_is_not_there_is_neither_replayed_nor_cleared",
        "test_without_permission_for_history",
        "test_the_main_path_runs_as_it_is_shown",
    },
    "8.x can": {"test_an_endpoint_that_the_server_lacks_is_named_with_its_version"},
    "6.x does not know skip_transpile": {"test_how_a_script_is_run_stays"},
    "8.x knows every field": {"test_a_field_that_the_server_does_not_know"},
    "6.x keeps the user of an incoming integration": {"test_a_new_server_changes_the_user"},
    "8.x changes it": {"test_an_old_server_keeps_the_user_and_the_error_names_the_field"},
    "6.x answers as for a disabled webhook": {"test_the_webhooks_user_is_gone"},
    "6.x stops at the first channel that fails": {
        "test_separate_responses",
        "test_separate_responses_of_which_all_are_failures",
    },
    "8.x tells of each channel": {"test_separate_responses_of_a_server_that_gives_none"},
}


def marks(owner: Any) -> list[pytest.Mark]:
    """The marks of a test, or those that a module gives to all of its tests."""
    given = getattr(owner, "pytestmark", [])
    decorators: list[Any] = [given] if isinstance(given, pytest.MarkDecorator) else list(given)
    return [each.mark if isinstance(each, pytest.MarkDecorator) else each for each in decorators]


def chosen(mark: pytest.Mark) -> set[str]:
    """The dialects that a mark gives a test, if it gives any."""
    if mark.name != "parametrize":
        return set()
    names, values = mark.args[:2]
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    if "dialect" not in names:
        return set()
    return {value if len(names) == 1 else value[names.index("dialect")] for value in values}


def in_one_dialect(module: ModuleType) -> Iterator[str]:
    """The names of a module's tests that leave a dialect out."""
    for name, function in vars(module).items():
        if name.startswith("test_") and any(len(chosen(mark)) == 1 for mark in marks(module) + marks(function)):
            yield name


def test_who_leaves_a_dialect_out_has_a_reason() -> None:
    """All other tests with a server run in both, and so do those that had a reason once."""
    modules = [importlib.import_module(f"tests.client.{path.stem}") for path in HERE.glob("test_*.py")]
    found = sorted(name for module in modules for name in in_one_dialect(module))
    assert found == sorted(name for names in ONE_DIALECT.values() for name in names)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def servers(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that make a server."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "LocalRocketChat":
            yield node


def takes_its_version(function: ast.FunctionDef, server: ast.Call) -> bool:
    """Whether the server has the version that this function is given."""
    given = {each.arg for each in function.args.args} & {"dialect", "version"}
    return [ast.unparse(keyword.value) in given for keyword in server.keywords if keyword.arg == "version"] == [True]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_server_has_the_version_that_a_parameter_gives(path: Path) -> None:
    """So that what starts one of its own runs in both dialects, too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    good = {server for each in functions(tree) for server in servers(each) if takes_its_version(each, server)}
    assert [ast.unparse(server) for server in servers(tree) if server not in good] == []


def test_the_parameter_goes_through_both_dialects() -> None:
    """What does not say otherwise is run with a server of 8.8 and with one of 6.14, and no module changes that."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PATHS]
    (fixture,) = (each for tree in trees for each in functions(tree) if each.name == "dialect")
    assert ast.unparse(fixture.decorator_list[0]) == "pytest.fixture(params=['8.8', '6.14'])"
