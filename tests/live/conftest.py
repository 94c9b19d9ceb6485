"""The workspace of the live suite: a real one with `--live`, else an embedded server of each dialect.

The suite leaves nothing behind: the names of its integrations begin with a prefix of this run, and all with that prefix
are removed after each test and at the end, even if their creation was not answered.
"""

from __future__ import annotations

import faulthandler
import os
import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import attrs
import pytest

from rocketchat_integrations import Client, DecodingError, IntegrationType, RetryPolicy, RocketChatError
from rocketchat_integrations.testing import LocalRocketChat

REQUIRED = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_ROOM")
PREFIX = f"live-suite-{secrets.token_hex(4)}-"

# The default rate limit is 10 calls of an endpoint in a minute.
PATIENT = RetryPolicy(rate_limit_wait=180.0)


@attrs.frozen
class Workspace:
    """A Rocket.Chat server, and what the suite may use of it."""

    client: Client
    url: str
    channel: str
    """The room, as a definition names it."""

    poster: str
    """The user that integrations post as."""

    version: tuple[int, ...]
    """Major and minor version of the server."""

    prefix: str = PREFIX
    """Prefix of the names of all integrations that the suite creates."""

    def tidy_up(self) -> None:
        """Remove everything that this run has created; fail with the names of what cannot be removed."""
        unreadable: list[DecodingError] = []
        records = self.client.list(name_contains=self.prefix, on_error=unreadable.append)
        found = [(record.id, record.type) for record in records if record.name.startswith(self.prefix)]
        if self.version >= (7, 0):
            # These servers filter by name, so the unreadable records are ours. They do not check the type.
            found += [(error.id, IntegrationType.OUTGOING) for error in unreadable if error.id]
        left: list[str] = []
        for id, kind in found:
            try:
                self.client.remove(id, type=kind)
            except RocketChatError as error:
                left.append(f"{id} ({error})")
        if left:
            pytest.fail(f"left behind, of {self.prefix}*: {', '.join(left)}", pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", action="store_true", help=f"run the live suite against the workspace that {', '.join(REQUIRED)} name"
    )


def is_live(config: pytest.Config) -> bool:
    # The option is unknown when all tests are collected.
    return bool(config.getoption("live", default=False))


def pytest_configure(config: pytest.Config) -> None:
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if is_live(config) and missing:
        raise pytest.UsageError(f"--live: the environment lacks {', '.join(missing)}; see CONTRIBUTING.md")


def pytest_report_header(config: pytest.Config) -> str | None:
    # To find what a killed run has left.
    return f"live: all integrations of this run are named {PREFIX}*" if is_live(config) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "workspace" in metafunc.fixturenames:
        versions = ["live"] if is_live(metafunc.config) else ["9.0", "6.14"]
        metafunc.parametrize("workspace", versions, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if is_live(item.config):
        # Waiting for rate limits may take longer than the timeout for tests that hang, which would skip the tidying up.
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """The workspace of the run, or the embedded server of one dialect."""
    with _named_by_the_environment() if request.param == "live" else _embedded(request.param) as workspace:
        yield workspace
        workspace.tidy_up()


@contextmanager
def _named_by_the_environment() -> Generator[Workspace, None, None]:
    room, poster = os.environ["ROCKETCHAT_ROOM"], os.environ.get("ROCKETCHAT_POSTER") or "rocket.cat"
    with Client.from_env(retry=PATIENT) as client:
        channel = f"#{room.removeprefix('#')}"
        yield Workspace(client, os.environ["ROCKETCHAT_URL"], channel, poster, _version(client))


@contextmanager
def _embedded(version: str) -> Generator[Workspace, None, None]:
    # Pages of two, so that a list of three has several.
    with LocalRocketChat(version=version, page_cap=2) as server:
        # On 6.14, a private group, and a user with only the own-permissions.
        server.add_room("team", "private group", ["alice"])
        channel, username = ("#general", "admin") if version == "9.0" else ("#team", "alice")
        with Client(server.url, server.auth(username), retry=PATIENT) as client:
            yield Workspace(client, server.url, channel, "rocket.cat", _version(client))


def _version(client: Client) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", client.server_version())[:2]))


@pytest.fixture
def tidied(workspace: Workspace) -> Iterator[None]:
    """Tidy up after a test."""
    yield
    workspace.tidy_up()
