"""The validators, and an embedded server of their version."""

from __future__ import annotations

import faulthandler
import os
import shutil
from collections.abc import Iterator

import pytest

from rocketchat_integrations import Client, RetryPolicy
from rocketchat_integrations.testing import LocalRocketChat
from tests.contract.validators import PROGRAM, Validators, running
from tests.contract.world import SERVER


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    # Shrinking a failing example may take longer than the timeout for tests that hang.
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def validators() -> Iterator[Validators]:
    """The validators, in one process for the whole run."""
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        # In CI, no check may be skipped unnoticed.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        build = "npm ci --ignore-scripts && npm run build"
        give_up(f"no published validators: they need Node.js 20 or newer, and in tests/contract: {build}")
    with running(node) as validators:
        yield validators


@pytest.fixture(scope="module")
def server() -> Iterator[LocalRocketChat]:
    """An embedded server of the version of the validators."""
    with LocalRocketChat(version="8.8.1", world=SERVER) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LocalRocketChat) -> Iterator[Client]:
    """A client of the administrator."""
    with Client(server.url, server.auth("admin"), retry=RetryPolicy.never()) as client:
        yield client
