"""What the client promises, it promises for servers of today and of yesterday."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def servers(path: Path) -> Iterator[ast.Call]:
    """Yield the calls that make a server."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "LocalRocketChat":
            yield node


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.stem)
def test_no_server_of_these_tests_has_one_dialect_only(path: Path) -> None:
    """Each is started with the version that a parameter gives, so each test runs in both."""
    versions = [[keyword.value for keyword in call.keywords if keyword.arg == "version"] for call in servers(path)]
    assert all(len(given) == 1 and isinstance(given[0], ast.Name) for given in versions)


def test_the_parameter_goes_through_both_dialects() -> None:
    """What does not say otherwise is run with a server of 8.8 and with one of 6.14."""
    conftest = ast.parse((HERE / "conftest.py").read_text(encoding="utf-8"))
    (fixture,) = (node for node in conftest.body if isinstance(node, ast.FunctionDef) and node.name == "dialect")
    assert ast.unparse(fixture.decorator_list[0]) == "pytest.fixture(params=['8.8', '6.14'])"
