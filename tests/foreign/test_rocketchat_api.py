"""What `rocketchat_API` does with a real server works with the embedded one as well, in each dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing import LocalRocketChat
from tests.foreign.conftest import ERRORS, INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.foreign.conftest import Connect

BOTH_TYPES = pytest.mark.parametrize("fields", [INCOMING, OUTGOING], ids=["incoming", "outgoing"])


@pytest.mark.parametrize("name", ["carol", "carol@chat-example.org"])
def test_login_and_logout(server: LocalRocketChat, connect: Connect, name: str) -> None:
    """A user logs in by name, which it sends as `username`, or by e-mail address, which it sends as `user`."""
    server.add_user("carol", ["manage-own-incoming-integrations"], id="carolid", email="carol@chat-example.org")
    rocket = connect(server_url=server.url, user=name, password=server.password("carol"))
    assert rocket.headers["X-User-Id"] == "carolid"
    assert list(rocket.integrations_list()) == []
    rocket.logout()
    with pytest.raises((ERRORS.RocketApiException, ERRORS.RocketBadStatusCodeException)) as caught:
        rocket.integrations_list()
    assert caught.value.status_code == 401
    with pytest.raises(ERRORS.RocketAuthenticationException):
        rocket.login(name, "wrong")


def test_a_token_and_the_version(server: LocalRocketChat, dialect: str, connect: Connect) -> None:
    """It takes a token as well, and an administrator learns the version."""
    auth = server.auth("admin")
    rocket = connect(server_url=server.url, user_id=auth.user_id, auth_token=auth.token)
    assert rocket.info()["info"]["version"] == dialect


@BOTH_TYPES
def test_create_get_list_update_and_remove(server: LocalRocketChat, rocket: Any, fields: dict[str, Any]) -> None:
    created = rocket.integrations_create(**fields)["integration"]
    identifier = created["_id"]
    assert created["channel"] == ["#general"]
    got = rocket.integrations_get(identifier)["integration"]
    assert (got["name"], got["_createdBy"]["username"]) == ("ci", "admin")
    assert [each["_id"] for each in rocket.integrations_list()] == [identifier]
    updated = rocket.integrations_update(integration_id=identifier, **{**fields, "name": "cd", "alias": "Deploy Bot"})
    assert updated["integration"]["_updatedBy"]["username"] == "admin"
    (stored,) = server.documents
    assert (stored["name"], stored["alias"]) == ("cd", "Deploy Bot")
    assert rocket.integrations_remove(fields["integrations_type"], identifier)["integration"]["_id"] == identifier
    assert server.documents == ()


def test_lists_of_several_pages(server: LocalRocketChat, rocket: Any) -> None:
    """Its lists are iterators over all pages of 50, or up to `max_count`."""
    identifiers = [server.insert({"type": "webhook-incoming", "name": str(number)}) for number in range(120)]
    assert [each["_id"] for each in rocket.integrations_list()] == identifiers
    assert [each["_id"] for each in rocket.integrations_list(max_count=60)] == identifiers[:60]


def test_history(server: LocalRocketChat, rocket: Any) -> None:
    """Each call of an outgoing integration is in its history."""
    bot = f"{server.url}/"  # the server's own page will do
    integration = rocket.integrations_create(**{**OUTGOING, "urls": [bot]})["integration"]
    for text in ("one", "two"):
        server.say("alice", "general", text)
    history = list(rocket.integrations_history(integration["_id"]))
    assert [(each["integration"]["_id"], each["url"]) for each in history] == [(integration["_id"], bot)] * 2


@pytest.mark.parametrize(("kind", "name"), [("channels", "general"), ("groups", "staff")])
def test_lists_of_a_room(server: LocalRocketChat, dialect: str, rocket: Any, kind: str, name: str) -> None:
    """The integrations of a channel or a private group are listed for one of its members."""
    server.add_room("staff", "private group", ["admin"])
    server.add_room("other", "private group", ["admin"])
    here = rocket.integrations_create(**{**OUTGOING, "channel": f"#{name}"})["integration"]
    rocket.integrations_create(**{**OUTGOING, "channel": "#other"})
    answer = rocket.call_api_get(f"{kind}.getIntegrations", roomId=server.room(name).id)
    assert [each["_id"] for each in answer["integrations"]] == [here["_id"]]
    of_room = getattr(rocket, f"{kind}_get_integrations")
    if dialect != "6.14":
        # It asks for a page, which the schema of 8.x (rest-typings 8.8.1) has no parameters for.
        with pytest.raises(ERRORS.RocketApiException) as caught:
            of_room(server.room(name).id)
        assert caught.value.error_type == "invalid-params"
    else:
        assert [each["_id"] for each in of_room(server.room(name).id)] == [here["_id"]]
