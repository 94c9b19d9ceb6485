"""What `update` reads and writes, in which order, and when it refuses to write."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest

from rocketchat_integrations import (
    ApiError,
    BadRequestError,
    ConfigurationError,
    DecodingError,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PermissionDeniedError,
    StaleRecordError,
    TransportError,
    UpdateIncomplete,
)
from rocketchat_integrations._protocol import codec as _codec
from rocketchat_integrations._protocol.flows import Flow
from rocketchat_integrations._protocol.updates import update

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

_OUTGOING = "webhook-outgoing"
_LATER = {"_updatedAt": "2026-02-01T00:00:00.000Z", "_updatedBy": {"_id": "b", "username": "bob"}}


def _record(wire: Wire, **changes: Any) -> IntegrationRecord:
    return cast(IntegrationRecord, _codec.integration(wire.record(**changes)))


def _update(wanted: IntegrationDefinition, *, overwrite: bool = False) -> Flow[IntegrationRecord]:
    return update("one", wanted, overwrite=overwrite, new_token=lambda: "c4c4" * 16)


def test_update_reads_and_then_writes_the_whole_definition(wire: Wire) -> None:
    """One field is changed, all are sent, and the server's record is returned."""
    wanted = attrs.evolve(_record(wire), alias="CI")
    after = wire.ok(integration=wire.record(alias="CI", **_LATER))
    record = wire.talk(_update(wanted), wire.ok(integration=wire.record()), after)
    assert wire.calls == ["integrations.get", "integrations.update"]
    assert record.alias == "CI"
    sent = wire.body()
    assert (sent["integrationId"], sent["type"], sent["alias"]) == ("one", "webhook-incoming", "CI")
    assert {"name", "enabled", "username", "channel", "scriptEnabled", "script", "emoji"} <= sent.keys()


@pytest.mark.parametrize("type", ["webhook-incoming", _OUTGOING])
def test_another_type_is_refused_before_writing(wire: Wire, type: str) -> None:
    """The server would accept a definition of the wrong type and break the integration: update does not send it."""
    incoming = IncomingIntegration(name="ci", channel="#general", username="rocket.cat")
    outgoing = OutgoingIntegration(
        name="ci", channel="#general", username="rocket.cat", event="sendMessage", urls="https://bot.example"
    )
    wanted = incoming if type == _OUTGOING else outgoing
    with pytest.raises(ConfigurationError, match=r"^type: "):
        wire.talk(_update(wanted), wire.ok(integration=wire.record(type=type)))


def test_the_record_of_another_integration_is_refused(wire: Wire) -> None:
    """A wrong id is noticed without a request."""
    with pytest.raises(ConfigurationError, match=r"^id: "):
        wire.talk(_update(_record(wire, _id="two")))


def test_an_answer_with_another_record_is_refused(wire: Wire) -> None:
    """A cache, or a connection out of step, can answer with another record: nothing is written."""
    with pytest.raises(DecodingError, match=r"integration\._id: must be 'one'"):
        wire.talk(_update(_record(wire).definition), wire.ok(integration=wire.record(_id="two")))
    assert wire.calls == ["integrations.get"]


def test_somebody_elses_change_is_not_overwritten(wire: Wire) -> None:
    """A record that is older than the server's is refused; the error names who changed it."""
    with pytest.raises(StaleRecordError, match="by bob"):
        wire.talk(_update(_record(wire)), wire.ok(integration=wire.record(**_LATER)))


@pytest.mark.parametrize("by", [None, {"_id": "b", "username": None}])
def test_a_change_by_an_unknown_user_counts_as_well(wire: Wire, by: Any) -> None:
    """A stale record is refused even if the server does not say who changed it."""
    current = wire.record(**{**_LATER, "_updatedBy": by})
    with pytest.raises(StaleRecordError, match="by somebody"):
        wire.talk(_update(_record(wire)), wire.ok(integration=current))


def test_a_record_of_create_is_current_until_somebody_updates(wire: Wire) -> None:
    """The record of create before 8.x has no time of update: it is stale only after somebody has updated it."""
    created = _record(wire, _updatedAt=None)
    wire.talk(_update(created), *[wire.ok(integration=wire.record())] * 2)
    with pytest.raises(StaleRecordError):
        wire.talk(_update(created), wire.ok(integration=wire.record(**_LATER)))


def test_overwrite_writes_a_stale_record(wire: Wire) -> None:
    """With overwrite=True the change of somebody else is overwritten."""
    answers = [wire.ok(integration=wire.record(**_LATER))] * 2
    wire.talk(_update(_record(wire), overwrite=True), *answers)
    assert wire.calls == ["integrations.get", "integrations.update"]


def test_a_definition_is_never_stale(wire: Wire) -> None:
    """A plain definition is written whatever has changed since."""
    wire.talk(_update(_record(wire).definition), *[wire.ok(integration=wire.record(**_LATER))] * 2)


def test_a_changed_field_is_checked(wire: Wire) -> None:
    """A changed field has to be valid, as in a definition; else nothing is written."""
    wanted = attrs.evolve(_record(wire), channel=("general",))
    with pytest.raises(ConfigurationError, match="channel") as caught:
        wire.talk(_update(wanted), wire.ok(integration=wire.record()))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_an_unchanged_field_is_not_checked(wire: Wire) -> None:
    """An old value that is not allowed in a definition does not prevent an update of other fields."""
    odd = {"channel": ["general"]}
    wanted = attrs.evolve(_record(wire, **odd), alias="CI")
    answers = [wire.ok(integration=wire.record(**odd, **more)) for more in ({}, {"alias": "CI"})]
    assert wire.talk(_update(wanted), *answers).channel == ("general",)


def test_after_a_null_response_the_record_is_read(wire: Wire) -> None:
    """If the server answers null, the record comes from another get."""
    answers = [wire.ok(integration=wire.record()), wire.ok(integration=None), wire.ok(integration=wire.record())]
    assert wire.talk(_update(_record(wire)), *answers) == _record(wire)
    assert wire.calls == ["integrations.get", "integrations.update", "integrations.get"]


def test_fields_that_the_server_did_not_take_are_reported(wire: Wire) -> None:
    """The error names each ignored field, and has the server's record."""
    wanted = attrs.evolve(_record(wire), username="bob", alias="CI")
    answers = [wire.ok(integration=wire.record(**more)) for more in ({}, {"alias": "CI"})]
    with pytest.raises(UpdateIncomplete, match=r"did not take: username$") as caught:
        wire.talk(_update(wanted), *answers)
    assert [(c.field, c.old, c.new) for c in caught.value.changes] == [("username", "rocket.cat", "bob")]
    assert caught.value.record.alias == "CI"
    assert caught.value.may_have_acted


def test_a_missing_token_is_generated_once(wire: Wire) -> None:
    """An outgoing integration without a token gets one, the same in every try of the update."""
    before = wire.record(type=_OUTGOING)
    wanted = cast(IntegrationRecord, _codec.integration(before)).definition
    after = wire.ok(integration={**before, "token": "made"})
    assert wire.talk(_update(wanted), wire.ok(integration=before), wire.lost(), after).token == "made"
    first, second = wire.body(1), wire.body(2)
    assert first == second
    assert len(first["token"]) >= 40
    assert first["token"] not in repr(wire.sent)


def test_a_token_that_is_there_is_kept(wire: Wire) -> None:
    """A definition without a token leaves the server's unchanged."""
    before = wire.record(type=_OUTGOING, token="standing")
    wanted = attrs.evolve(cast(OutgoingIntegrationRecord, _codec.integration(before)).definition, token=None)
    wire.talk(_update(wanted), *[wire.ok(integration=before)] * 2)
    assert wire.body()["token"] == "standing"


def test_nothing_is_written_when_reading_fails(wire: Wire) -> None:
    """Without the server's record there is nothing to compare with."""
    with pytest.raises(TransportError):
        wire.talk(_update(_record(wire)), wire.lost("other"))


def test_the_token_of_an_incoming_integration_cannot_be_changed(wire: Wire) -> None:
    """It is refused, not ignored, and nothing is written."""
    wanted = attrs.evolve(_record(wire, token="standing"), token="chosen")
    with pytest.raises(ConfigurationError, match=r"^token: "):
        wire.talk(_update(wanted), wire.ok(integration=wire.record(token="standing")))


def test_a_record_without_dates_can_be_updated(wire: Wire) -> None:
    """Old data with the user of the last update, and without its time, is not stale right after it was read."""
    old = wire.record(_updatedBy={"_id": "b", "username": "bob"})
    after = wire.ok(integration={**old, "alias": "CI"})
    wanted = attrs.evolve(cast(IntegrationRecord, _codec.integration(old)), alias="CI")
    assert wire.talk(_update(wanted), wire.ok(integration=old), after).alias == "CI"


def test_a_failure_after_the_write_says_that_it_may_have_acted(wire: Wire) -> None:
    """The update was written, even if reading it back fails."""
    outcomes = [wire.ok(integration=wire.record()), wire.ok(integration=None), wire.no(403)]
    with pytest.raises(PermissionDeniedError) as caught:
        wire.talk(_update(_record(wire)), *outcomes)
    assert caught.value.may_have_acted


def test_a_failure_before_the_write_says_that_nothing_was_done(wire: Wire) -> None:
    """The answer to the reading is lost: nothing was written."""
    lost = TransportError("reset", kind="other", host="h", port=1, may_have_acted=True)
    with pytest.raises(TransportError) as caught:
        wire.talk(_update(_record(wire)), lost)
    assert not caught.value.may_have_acted


@pytest.mark.parametrize("token", ["", "  "])
def test_a_blank_token_is_replaced(wire: Wire, token: str) -> None:
    """Old data can have a blank token, which the server would refuse in an update: it gets a new one."""
    before = wire.record(type=_OUTGOING, token=token)
    wanted = attrs.evolve(cast(OutgoingIntegrationRecord, _codec.integration(before)), alias="CI")
    after = wire.record(type=_OUTGOING, token="made", alias="CI")
    assert wire.talk(_update(wanted), wire.ok(integration=before), wire.ok(integration=after)).token == "made"
    assert len(wire.body()["token"]) > 40


@pytest.mark.parametrize("count", [0, -3])
def test_an_odd_number_of_retries_is_no_difference(wire: Wire, count: int) -> None:
    """The server normalizes an old number; that is no ignored field."""
    before = wire.record(type=_OUTGOING, token="t", retryFailedCalls=True, retryCount=count, retryDelay="Weird")
    after = {**before, "alias": "CI", "retryCount": 4, "retryDelay": "weird"}
    record = cast(OutgoingIntegrationRecord, _codec.integration(before))
    for wanted in (attrs.evolve(record, alias="CI"), record.definition):
        wire.talk(_update(wanted), wire.ok(integration=before), wire.ok(integration={**after, "alias": wanted.alias}))


OLD = {"scriptEnabled": True, "script": "old", "scriptCompiled": "old()"}
REFUSALS = ("error-invalid-room", "error-user-lacks-message-impersonate-permission")


def _another_script(wire: Wire, **changes: Any) -> IntegrationDefinition:
    return attrs.evolve(_record(wire).definition, script="new", script_enabled=True, **changes)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_after_a_refused_update_the_script_is_restored(wire: Wire, refusal: str) -> None:
    """The server would keep running the new script of a refused update: so the old one is sent the same way."""
    current, no = wire.ok(integration=wire.record(**OLD)), wire.no(400, refusal, errorType=refusal)
    with pytest.raises(ApiError, match=refusal) as caught:
        wire.talk(_update(_another_script(wire, channel="#nowhere")), current, no, current, no)
    assert wire.calls == ["integrations.get", "integrations.update"] * 2
    assert wire.body() == {**wire.body(1), "script": "old"}
    assert not caught.value.may_have_acted


def test_the_script_is_restored_with_its_settings(wire: Wire) -> None:
    """The engine and the transpiling are the old ones, not those of the update."""
    current = wire.ok(integration=wire.record(**OLD, scriptEngine="vm2", skipTranspile=False))  # false is never sent
    wanted = _another_script(wire, skip_transpile=True, script_engine="isolated-vm")
    with pytest.raises(BadRequestError):
        wire.talk(_update(wanted), current, wire.no(400), current, wire.no(400))
    assert [wire.body().get(name) for name in ("scriptEngine", "skipTranspile")] == ["vm2", None]


@pytest.mark.parametrize(
    ("before", "put_back"),
    [
        ({"script": None, "scriptCompiled": "old()"}, "old()"),
        ({"script": " "}, "class Script {}"),
    ],
)
def test_without_a_stored_script_the_compiled_one_is_restored(
    wire: Wire, before: dict[str, Any], put_back: str
) -> None:
    """Old data may have only a compiled script; if nothing ran, an empty script is sent."""
    current = wire.ok(integration=wire.record(scriptEnabled=True, **before))
    after = wire.ok(integration=wire.record(scriptEnabled=True, **{**before, "scriptCompiled": "new()"}))
    with pytest.raises(BadRequestError):
        wire.talk(_update(_another_script(wire)), current, wire.no(400), after, wire.no(400))
    assert wire.body()["script"] == put_back


def test_the_latest_stored_script_is_restored(wire: Wire) -> None:
    """A script that somebody has stored since the record was read is not replaced by an older one."""
    before, since = (wire.ok(integration=wire.record(**{**OLD, "script": script})) for script in ("old", "theirs"))
    with pytest.raises(BadRequestError):
        wire.talk(_update(_another_script(wire)), before, wire.no(400), since, wire.no(400))
    assert wire.body()["script"] == "theirs"


@pytest.mark.parametrize(
    ("before", "wish"),
    [
        ({"scriptEnabled": False}, {"script": "new", "script_enabled": True}),
        (OLD, {"script": "old", "script_enabled": True}),
        (OLD, {"script": "new", "script_enabled": False}),
        (OLD, {"script": " ", "script_enabled": True}),
    ],
)
def test_a_refused_update_without_a_new_script_needs_no_other(
    wire: Wire, before: dict[str, Any], wish: dict[str, Any]
) -> None:
    """No other request is made if the server cannot be running a new script."""
    wanted = attrs.evolve(_record(wire).definition, **wish)
    with pytest.raises(BadRequestError):
        wire.talk(_update(wanted), wire.ok(integration=wire.record(**before)), wire.no(400))


@pytest.mark.parametrize(
    "no",
    [
        (400, "must be string [invalid-params]", {"errorType": "invalid-params"}),
        (400, "No integration found.", {}),
        (403, "unauthorized", {}),
    ],
    ids=["schema", "gone", "permission"],
)
def test_a_refusal_before_the_script_is_compiled_needs_no_other(wire: Wire, no: tuple[int, str, Any]) -> None:
    """The server has not compiled the script yet."""
    status, error, more = no
    with pytest.raises(ApiError):
        wire.talk(
            _update(_another_script(wire)), wire.ok(integration=wire.record(**OLD)), wire.no(status, error, **more)
        )


def test_the_script_of_an_outgoing_integration_needs_no_restoring(wire: Wire) -> None:
    """The server compiles the scripts of outgoing integrations after it has checked the other fields."""
    before = wire.record(type=_OUTGOING, token="t", **OLD)
    wanted = attrs.evolve(cast(IntegrationRecord, _codec.integration(before)), script="new")
    with pytest.raises(BadRequestError):
        wire.talk(_update(wanted), wire.ok(integration=before), wire.no(400))


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("loses", [True, False])
def test_a_script_that_may_not_be_restored_is_reported(wire: Wire, reads: bool, loses: bool) -> None:
    """If restoring fails in another way, the refusal says that the server may have acted."""
    current = wire.ok(integration=wire.record(**OLD))
    fails = wire.lost("other") if loses else wire.no(403)
    with pytest.raises(BadRequestError) as caught:
        wire.talk(_update(_another_script(wire)), current, wire.no(400), *([current, fails] if reads else [fails]))
    assert caught.value.may_have_acted


def test_an_update_that_is_accepted_the_second_time_is_incomplete(wire: Wire) -> None:
    """If the restoring update is accepted, because the room exists now, the new script is missing."""
    before, after = (wire.ok(integration=wire.record(**OLD, **more)) for more in ({}, {"channel": ["#late"]}))
    with pytest.raises(UpdateIncomplete, match=r"did not take: script$"):
        wire.talk(_update(_another_script(wire, channel="#late")), before, wire.no(400), before, after)


def test_a_new_token_stays_in_no_frame(wire: Wire) -> None:
    """A generated token is secret, even if the update that brought it got no answer."""
    before = wire.record(type=_OUTGOING)
    wanted = cast(IntegrationRecord, _codec.integration(before)).definition
    with pytest.raises(TransportError) as caught:
        wire.talk(_update(wanted), wire.ok(integration=before), wire.lost("other"))
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__) if frame.f_code.co_name != "talk"]
    library = [frame for frame in frames if "rocketchat_integrations" in frame.f_code.co_filename]
    assert library
    assert [frame for frame in library if "c4c4c4" in repr(frame.f_locals)] == []
