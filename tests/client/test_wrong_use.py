"""Wrong calls raise an error that names the argument, and send nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    ConfigurationError,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    TokenAuth,
)
from tests.client.samples import OneAnswer

WRONG_CALLS: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "create a dict": (lambda c, r: c.create({"type": "webhook-incoming"}), "definition: .*not dict"),
    "create nothing": (lambda c, r: c.create(None), "definition: .*not NoneType"),
    "create nonsense": (lambda c, r: c.create(attrs.evolve(r, channel=("general",))), "channel: "),
    "get nothing": (lambda c, r: c.get(None), "id: "),
    "get a blank id": (lambda c, r: c.get(" "), "id: .*blank"),
    "get a definition": (lambda c, r: c.get(r.definition), "id: .*Record.*not IncomingIntegration"),
    "get a record without an id": (lambda c, r: c.get(attrs.evolve(r, id="")), "id: .*blank"),
    "get half a character": (lambda c, r: c.get("\ud800"), "id: "),
    "get by a blank creator": (lambda c, r: c.get(r.id, created_by=""), "created_by: "),
    "list a made-up type": (lambda c, r: c.list(type="webhook"), "type: .*INCOMING.*'incoming'.*'webhook'"),
    "list a number": (lambda c, r: c.list(name=5), "name: "),
    "list half a character": (lambda c, r: c.list(name="\udfff"), "name: "),
    "list a part that is a number": (lambda c, r: c.list(name_contains=5), "name_contains: "),
    "list with a list for errors": (lambda c, r: c.list(on_error=[]), "on_error: "),
    "history of a blank id": (lambda c, r: c.history(""), "id: "),
    "history with a list for errors": (lambda c, r: c.history(r.id, on_error=[]), "on_error: "),
    "update a blank id": (lambda c, r: c.update("", r), "id: "),
    "update with a dict": (lambda c, r: c.update(r.id, {"alias": "x"}), "wanted: .*not dict"),
    "update with only a record": (lambda c, r: c.update(r.definition, r), "id: .*Record"),
    "update with another record": (lambda c, r: c.update(attrs.evolve(r, id="two"), r), "id: two"),
    "overwrite with a word": (lambda c, r: c.update(r.id, r, overwrite="no"), "overwrite: "),
    "remove an id without its type": (lambda c, r: c.remove(r.id), "type: .*INCOMING or OUTGOING"),
    "remove a record with a type": (lambda c, r: c.remove(r, type=IntegrationType.INCOMING), "type: "),
    "remove a made-up type": (lambda c, r: c.remove(r.id, type=[]), "type: .*OUTGOING.*'outgoing'"),
    "remove a blank id": (lambda c, r: c.remove("", type=IntegrationType.INCOMING), "record: "),
    "remove a definition": (lambda c, r: c.remove(r.definition), "record: .*not IncomingIntegration"),
    "clear nothing": (lambda c, r: c.clear_history(""), "id: "),
    "replay nothing": (lambda c, r: c.replay_outgoing("", "h"), "id: "),
    "replay no call": (lambda c, r: c.replay_outgoing("a", r), "history_id: .*HistoryEntry, not Incoming"),
    "no room": (lambda c, r: c.list_for_channel(), "room_id, room_name: "),
    "two rooms": (lambda c, r: c.list_for_group(room_id="a", room_name="b"), "room_id, room_name: "),
    "a blank room": (lambda c, r: c.list_for_channel(room_name=" "), "room_name: "),
    "a room that is a number": (lambda c, r: c.list_for_group(room_id=5), "room_id: "),
    "a word for a flag": (
        lambda c, r: c.list_for_channel(room_id="a", include_all_public_channels="no"),
        "include_all_public_channels: ",
    ),
    "another word for a flag": (
        lambda c, r: c.list_for_group(room_id="a", include_all_private_groups="no"),
        "include_all_private_groups: ",
    ),
    "a channel with a list for errors": (lambda c, r: c.list_for_channel(room_id="a", on_error=[]), "on_error: "),
    "a group with a list for errors": (lambda c, r: c.list_for_group(room_id="a", on_error=[]), "on_error: "),
    "a webhook of a definition": (lambda c, r: c.webhook(r.definition), "record: .*not IncomingIntegration"),
    "a webhook of an id": (lambda c, r: c.webhook(r.id), "record: .*not str"),
    "post a list": (lambda c, r: c.webhook(r).post(["x"]), "message.*not list"),
    "post bytes": (lambda c, r: c.webhook(r).post(b"x"), "message.*not bytes"),
    "post what JSON lacks": (
        lambda c, r: c.webhook(r).post({"a": [{"b": {1}}]}),
        r"message\['a'\]\[0\]\['b'\]: .* set",
    ),
    "check a base URL": (lambda c, r: IncomingWebhook("https://chat.example.com").check(), "url: .*/hooks/ID/TOKEN"),
    "post nothing": (lambda c, r: c.webhook(r).post(None), "message.*not NoneType"),
}


RECORD = IncomingIntegrationRecord("ci", channel="#general", username="rocket.cat", id="one", token="secret")
TRANSPORT = OneAnswer(200, None)
CLIENT = Client("https://chat.example.com", TokenAuth("id", "token"), transport=TRANSPORT)


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_a_wrong_call_sends_nothing(what: str) -> None:
    """The error is ours, names the argument, and is raised by the call, even if it returns a list."""
    call, words = WRONG_CALLS[what]
    with pytest.raises(ConfigurationError, match=words) as caught:
        call(CLIENT, RECORD)
    assert isinstance(caught.value, ValueError)
    assert not caught.value.may_have_acted
    assert TRANSPORT.sent == []


@pytest.mark.parametrize("token", ["secret\ud800", ["secret"], " "])
def test_a_token_that_fits_into_no_url(token: Any) -> None:
    """A token that cannot be quoted, such as one with a lone surrogate, is refused without showing it."""
    with pytest.raises(ConfigurationError, match="Unicode") as caught:
        CLIENT.webhook(attrs.evolve(RECORD, token=token))
    assert "secret" not in str(caught.value)
