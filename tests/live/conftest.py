"""What the live suite runs against: with `--live` a real workspace, else an embedded server of each dialect.

It has to be left as it was found. So every integration has a name that begins with this run's own prefix, and all
that have one are removed after each test and at the end, whether or not an answer told that they were created.
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

# Who has no leave to bypass it is allowed 10 calls of an endpoint in a minute.
PATIENT = RetryPolicy(rate_limit_wait=180.0)


@attrs.frozen
class Workspace:
    """A Rocket.Chat, and what the suite may use of it."""

    client: Client
    url: str
    channel: str
    """The room as a definition names it."""

    poster: str
    """Who integrations post as."""

    version: tuple[int, ...]
    """Of the server, major and minor."""

    prefix: str = PREFIX
    """What the names of all that is created begin with: so it is tidied up."""

    def tidy_up(self) -> None:
        """Remove all that this run has created. What cannot be removed fails the test, and is named."""
        unreadable: list[DecodingError] = []
        records = self.client.list(name_contains=self.prefix, on_error=unreadable.append)
        found = [(record.id, record.type) for record in records if record.name.startswith(self.prefix)]
        if self.version >= (7, 0):
            # The server has looked at the names, so these are ours as well; it does not look at the type.
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
    # Where the whole of the tests is collected, the option is unknown.
    return bool(config.getoption("live", default=False))


def pytest_configure(config: pytest.Config) -> None:
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if is_live(config) and missing:
        raise pytest.UsageError(f"--live: the environment lacks {', '.join(missing)}; see CONTRIBUTING.md")


def pytest_report_header(config: pytest.Config) -> str | None:
    # Where a run is killed or interrupted, somebody may have to find what it left.
    return f"live: all integrations of this run are named {PREFIX}*" if is_live(config) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "workspace" in metafunc.fixturenames:
        versions = ["live"] if is_live(metafunc.config) else ["8.8", "6.14"]
        metafunc.parametrize("workspace", versions, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if is_live(item.config):
        # A test may wait for rate limits for longer than one that hangs is given: ending the run would skip tidying up.
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def workspace(request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """The one workspace of the run, or the embedded server of one dialect."""
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
    # Pages of two: a list of three has to be walked.
    with LocalRocketChat(version=version, page_cap=2) as server:
        # As good as a channel and an administrator: a private group, and somebody who may only manage their own.
        server.add_room("team", "private group", ["alice"])
        channel, username = ("#general", "admin") if version == "8.8" else ("#team", "alice")
        with Client(server.url, server.auth(username), retry=PATIENT) as client:
            yield Workspace(client, server.url, channel, "rocket.cat", _version(client))


def _version(client: Client) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", client.server_version())[:2]))


@pytest.fixture
def tidied(workspace: Workspace) -> Iterator[None]:
    """Tidy up after the test."""
    yield
    workspace.tidy_up()
