"""What the tests of the contract share: the validators, and a server of today with its administrator's client."""

from __future__ import annotations

import faulthandler
import os
import shutil
from collections.abc import Iterator

import pytest

from rocketchat_integrations import Client, RetryPolicy
from rocketchat_integrations.testing import LocalRocketChat
from tests.contract.validators import PROGRAM, Validators, running


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    # To find the smallest example of a failure may take longer than a test that hangs is given.
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def validators() -> Iterator[Validators]:
    """One process for the whole run."""
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        # Where all checks run, nothing may be left out unnoticed.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        build = "npm ci --ignore-scripts && npm run build"
        give_up(f"no published validators: they need Node.js 20 or newer, and in tests/contract: {build}")
    with running(node) as validators:
        yield validators


@pytest.fixture(scope="module")
def server() -> Iterator[LocalRocketChat]:
    """An embedded server of the version whose validators these are."""
    with LocalRocketChat(version="8.8.1") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LocalRocketChat) -> Iterator[Client]:
    """The administrator's client."""
    with Client(server.url, server.auth("admin"), retry=RetryPolicy.never()) as client:
        yield client
