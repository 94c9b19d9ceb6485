"""The laboratory, and the option that runs the whole matrix and the long runs."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from rocketchat_integrations.testing import LocalRocketChat

from .cells import Laboratory
from .methods import WORLD, fill
from .places import Site
from .proxy import Proxy

_RESULT = "result of a fault"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="run the whole matrix of faults, and the long runs")
    parser.addoption("--fault-results", type=Path, metavar="FILE", help="add what the faults did to this JSON file")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # The option is unknown when all tests are collected.
    is_long_run = collection_path.name == "test_long_runs.py"
    return True if is_long_run and not config.getoption("all_faults", default=False) else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.path.name == "test_long_runs.py":
        # They take longer than the timeout for tests that hang.
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A server with the proxy in front of it."""
    bundle = tmp_path_factory.mktemp("faults") / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(bundle)
    # Lists have two pages.
    with LocalRocketChat(world=WORLD, page_cap=2) as server:
        fill(server)
        proxy = Proxy(server.url)
        yield Laboratory(server, Site(proxy, authority, bundle))
        proxy.stop()


@pytest.fixture
def record_result(record_property: Callable[[str, object], None]) -> Callable[[dict[str, Any]], None]:
    """Keep a result for the page about reliability."""
    return lambda result: record_property(_RESULT, result)


class _Results:
    """Gathers the results of all processes, and writes them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._results += [value for name, value in report.user_properties if name == _RESULT]

    def pytest_sessionfinish(self) -> None:
        known: list[Any] = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else []
        self._path.write_text(json.dumps([*known, *self._results]), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("fault_results", default=None)
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Results(path))
