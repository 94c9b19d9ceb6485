"""The exceptions form one documented tree, and can be pickled without secrets."""

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest

from rocketchat_integrations import (
    Change,
    IncomingIntegrationRecord,
    Message,
    OutgoingIntegrationRecord,
    RocketChatError,
    exceptions as e,
)

CANARY = "canary-in-the-coal-mine"

PARENTS = {
    "ConfigurationError": ("RocketChatError", "ValueError"),
    "TransportError": ("RocketChatError",),
    "TransportTimeout": ("TransportError",),
    "ApiError": ("RocketChatError",),
    "BadRequestError": ("ApiError",),
    "InvalidParamsError": ("BadRequestError",),
    "AuthenticationError": ("ApiError",),
    "TwoFactorRequired": ("AuthenticationError",),
    "PermissionDeniedError": ("ApiError",),
    "NotFoundError": ("ApiError",),
    "RateLimitError": ("ApiError",),
    "ServerError": ("ApiError",),
    "WebhookDisabledError": ("ServerError",),
    "UnexpectedResponse": ("RocketChatError",),
    "DecodingError": ("RocketChatError",),
    "StaleRecordError": ("RocketChatError",),
    "UpdateIncomplete": ("RocketChatError",),
    "PostIncomplete": ("RocketChatError",),
    "WebhookPayloadError": ("RocketChatError",),
    "WebhookVerificationError": ("WebhookPayloadError",),
    "IntegrationScriptError": ("RocketChatError",),
    "ScriptSyntaxError": ("IntegrationScriptError",),
    "ScriptRuntimeError": ("IntegrationScriptError",),
    "ScriptLimitError": ("IntegrationScriptError",),
    "ProvisioningError": ("RocketChatError",),
    "ManifestError": ("ProvisioningError",),
    "AmbiguousIntegration": ("ProvisioningError",),
    "UnsafePlan": ("ProvisioningError",),
    "StalePlan": ("ProvisioningError",),
    "ApplyError": ("ProvisioningError",),
}


def test_the_text_of_an_exception_can_be_encoded() -> None:
    """Half a surrogate pair, which the server's JSON may contain, would make `print(error)` fail."""
    error = e.BadRequestError("Ünknown \ud83d", **api(400))
    for shown in (error, pickle.loads(pickle.dumps(error)), e.ConfigurationError("Ünknown \ud83d")):
        assert str(shown) == "Ünknown \\ud83d"
        assert repr(shown).encode()


def api(status: int) -> dict[str, Any]:
    """Return the arguments that all exceptions of answers have."""
    return {
        "status": status,
        "endpoint": "integrations.create",
        "error": "no",
        "error_type": "error-no",
        "details": {"method": "x"},
    }


RECORD = OutgoingIntegrationRecord("bot", event="sendMessage", username="u", urls="u", id="i", token=CANARY)
CHANGES = (Change("alias", None, "CI"), Change("token", CANARY, CANARY))
NONE: Any = None  # exceptions are equal only to themselves
SAMPLES: list[tuple[RocketChatError, bool]] = [
    (RocketChatError("text"), False),
    (RocketChatError("text", may_have_acted=True), True),
    (e.ConfigurationError("text"), False),
    (e.TransportError("text", kind="refused", host="h", port=1, may_have_acted=False), False),
    (e.TransportTimeout("text", kind="timeout", host="h", port=1, may_have_acted=True), True),
    (e.ApiError("text", **api(400)), False),
    (e.BadRequestError("text", **api(400)), False),
    (e.InvalidParamsError("text", violations=("must be string",), **api(400)), False),
    (e.AuthenticationError("text", **api(401)), False),
    (e.TwoFactorRequired("text", method="totp", available_methods=("totp", "email"), **api(401)), False),
    (e.PermissionDeniedError("text", permissions=("p",), **api(403)), False),
    (e.NotFoundError("text", **api(404)), False),
    (e.RateLimitError("text", retry_after=1.5, limit=10, **api(429)), False),
    (e.ServerError("text", **api(502)), True),
    (e.ServerError("text", **api(500)), True),
    (e.WebhookDisabledError("text", **api(503)), True),
    (e.UnexpectedResponse("text", status=200, content_type="text/html", location=None), True),
    (e.UnexpectedResponse("text", status=300, content_type=None, location=None), False),
    (e.UnexpectedResponse("text", status=302, content_type=None, location="https://example.com"), False),
    (e.UnexpectedResponse("text", status=404, content_type=None, location=None), False),
    (e.DecodingError("text", errors=("a: b",), id="x"), True),
    (e.StaleRecordError("text"), False),
    (
        e.UpdateIncomplete(
            "text", changes=CHANGES[:1], record=IncomingIntegrationRecord("a", channel="", username="u", id="i")
        ),
        True,
    ),
    (e.PostIncomplete("text", posted=1, remaining=(Message("b"),), error=NONE), True),
    (e.WebhookPayloadError("text", answer_status=413), False),
    (e.WebhookVerificationError("text"), False),
    (e.IntegrationScriptError("text"), False),
    (e.ScriptSyntaxError("text", name="SyntaxError", message="m", line=1, column=None), False),
    (e.ScriptRuntimeError("text", name="Error", message="m", stack="s"), False),
    (e.ScriptLimitError("text", limit="time"), False),
    (e.ProvisioningError("text"), False),
    (e.ManifestError("text", reasons=("a", "b")), False),
    (e.AmbiguousIntegration("text"), False),
    (e.UnsafePlan("text"), False),
    (e.StalePlan("text"), False),
    (e.ApplyError("text", done=(1,), failed=("b",), pending=(3,)), True),
]
each_sample = pytest.mark.parametrize(
    ("error", "may_have_acted"), SAMPLES, ids=[f"{type(error).__name__}-{acted}" for error, acted in SAMPLES]
)


def all_below(kind: type[RocketChatError]) -> set[type[RocketChatError]]:
    children = {child for child in kind.__subclasses__() if child.__module__ == e.__name__}
    return children.union(*map(all_below, children))


def test_the_tree_is_the_documented_one() -> None:
    """Programs catch exceptions by their base classes: none moves unnoticed."""
    parents = {kind.__name__: tuple(base.__name__ for base in kind.__bases__) for kind in all_below(RocketChatError)}
    assert parents == PARENTS


def test_the_tree_is_printed_at_the_top_of_its_file() -> None:
    """The picture in the documentation shows the classes as they are."""
    path: list[str] = []
    drawn: dict[str, str] = {}
    for indent, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)", e.__doc__ or "", re.MULTILINE):
        path = [*path[: len(indent) // 4], name]
        if len(path) > 1:
            drawn[name] = path[-2]
    assert drawn == {name: bases[0] for name, bases in PARENTS.items()}


def test_every_class_has_a_sample_here() -> None:
    """The tests below cover every class."""
    assert {type(error) for error, _ in SAMPLES} == {RocketChatError, *all_below(RocketChatError)}


@each_sample
def test_may_have_acted_is_false_where_the_server_did_nothing(error: RocketChatError, may_have_acted: bool) -> None:
    """It refused or was not reached: then the call can be repeated."""
    assert error.may_have_acted is may_have_acted


COPIES: list[Callable[[Any], Any]] = [
    lambda it: pickle.loads(pickle.dumps(it, 0)),
    lambda it: pickle.loads(pickle.dumps(it, pickle.HIGHEST_PROTOCOL)),
    copy.copy,
    copy.deepcopy,
]


@each_sample
def test_an_exception_can_be_pickled_and_copied(error: RocketChatError, may_have_acted: bool) -> None:
    """A failure in another process arrives with its type, message and attributes."""
    for make_copy in COPIES:
        other = make_copy(error)
        assert type(other) is type(error)
        assert str(other) == str(error) == "text"
        assert vars(other) == vars(error)
        assert other.may_have_acted is may_have_acted


def test_an_exception_is_pickled_with_those_that_it_holds() -> None:
    """They keep their attributes."""
    gone = e.NotFoundError("gone", **api(404))
    applied = e.ApplyError("text", done=(), failed=(gone,), pending=())
    posted = e.PostIncomplete("text", posted=1, remaining=(), error=gone)
    for failed in (*pickle.loads(pickle.dumps(applied)).failed, pickle.loads(pickle.dumps(posted)).error):
        assert type(failed) is e.NotFoundError
        assert failed.error_type == "error-no"


def test_an_incomplete_update_is_pickled_without_its_token() -> None:
    """Exceptions are stored and logged elsewhere: no copy contains the token."""
    error = e.UpdateIncomplete("text", changes=CHANGES, record=RECORD)
    assert CANARY.encode() not in pickle.dumps(error)
    assert CANARY not in f"{error!r} {vars(error)!r}"
    assert pickle.loads(pickle.dumps(error)).changes == (Change("alias", None, "CI"), Change("token", None, None))
    for make_copy in COPIES:
        other = make_copy(error)
        assert [change.field for change in other.changes] == ["alias", "token"]
        assert (other.record.id, other.record.urls, other.record.token) == ("i", ("u",), None)
    assert error.record.token == CANARY


def test_an_invalid_payload_has_the_status_to_answer_with() -> None:
    """A web framework can use it."""
    assert e.WebhookPayloadError("x").answer_status == 400
    assert e.WebhookPayloadError("x", answer_status=415).answer_status == 415
    assert e.WebhookVerificationError("x").answer_status == 401


def test_a_configuration_error_is_a_value_error() -> None:
    """Programs that do not know this package can catch it."""
    with pytest.raises(ValueError, match=r"^text$"):
        raise e.ConfigurationError("text")
