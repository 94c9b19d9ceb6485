"""The validators of each published version, and an embedded server of the newest."""

from __future__ import annotations

import faulthandler
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from rocketchat_integrations import Client, RetryPolicy
from rocketchat_integrations.testing import LocalRocketChat
from tests.contract.validators import BUILD, Validators, running
from tests.contract.versions import NEWEST, VERSIONS, imitated
from tests.contract.world import SERVER


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    # Shrinking a failing example may take longer than the timeout for tests that hang.
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def published() -> Iterator[Mapping[str, Validators]]:
    """The validators of each version, each in one process for the whole run."""
    node = shutil.which("node")
    programs = [BUILD / f"{version}.cjs" for version in VERSIONS]
    if node is None or not all(program.exists() for program in programs):
        # In CI, no check may be skipped unnoticed.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        build = "npm ci --ignore-scripts && npm run build"
        give_up(f"no published validators: they need Node.js 20 or newer, and in tests/contract: {build}")
    with ExitStack() as processes:
        yield {program.stem: processes.enter_context(running(node, program)) for program in programs}


@pytest.fixture(scope="session")
def validators(published: Mapping[str, Validators]) -> Validators:
    """The validators of the newest version."""
    return published[NEWEST]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalRocketChat]:
    """An embedded server of the version of the newest validators, or the next older one that it imitates."""
    with LocalRocketChat(version=imitated(NEWEST) or "8.8", world=SERVER) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: LocalRocketChat) -> Iterator[Client]:
    """A client of the administrator."""
    with Client(server.url, server.auth("admin"), retry=RetryPolicy.never()) as client:
        yield client
