"""What is sent and what is returned, with the library responses in place of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import responses
from responses import matchers

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingWebhook,
    InsecureTransportWarning,
    NotFoundError,
    TokenAuth,
)
from rocketchat_integrations._protocol.http import Request, Response, Timeout, Transport

if TYPE_CHECKING:
    from tests.transport.conftest import Connect

_URL = "https://chat.example/"


def _request(method: str = "GET", path: str = "api/v1/x", **more: object) -> Request:
    return Request(method, _URL + path, "x", **more)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


@pytest.fixture
def transport(connect: Connect) -> Transport:
    """A transport without a server."""
    return connect(_URL)


@responses.activate
def test_the_request_is_sent_unchanged(transport: Transport) -> None:
    """Method, query, headers and body arrive unchanged, with the length of the body."""
    query = {"integrationId": "a b/c&d", "sort": '{"_id":1}'}
    answer = responses.put(
        f"{_URL}api/v1/x",
        match=[
            matchers.query_param_matcher(query),
            matchers.header_matcher({"X-Auth-Token": "T0KEN", "Content-Length": "13", "Accept": "application/json"}),
            matchers.json_params_matcher({"name": "\u00e4"}),
        ],
        json={"success": True},
    )
    headers = {"X-Auth-Token": "T0KEN", "Content-Type": "application/json", "Accept": "application/json"}
    path = "api/v1/x?integrationId=a+b%2Fc%26d&sort=%7B%22_id%22%3A1%7D"
    response = transport.send(_request("PUT", path, body='{"name":"\u00e4"}'.encode()[:13], headers=headers))
    assert response.body == b'{"success": true}'
    assert answer.call_count == 1


@responses.activate
@pytest.mark.parametrize("status", [200, 302, 401, 503])
def test_any_status_is_a_response(transport: Transport, status: int) -> None:
    """No status is an exception here, and no redirect is followed."""
    responses.get(f"{_URL}api/v1/x", status=status, body=b"body", headers={"Location": "https://elsewhere.example"})
    response = transport.send(_request())
    assert (response.status, response.body) == (status, b"body")
    assert len(responses.calls) == 1


@responses.activate
def test_header_names_are_in_lower_case(transport: Transport) -> None:
    """A header has one spelling, whatever the server or a proxy writes."""
    responses.get(f"{_URL}api/v1/x", headers={"X-RateLimit-Limit": "10", "DATE": "now"}, content_type="text/html")
    headers = transport.send(_request()).headers
    assert (headers["x-ratelimit-limit"], headers["date"], headers["content-type"]) == ("10", "now", "text/html")


@responses.activate
def test_options_are_passed_to_requests(connect: Connect) -> None:
    """Timeouts and verification are passed for each call."""
    responses.get(f"{_URL}api/v1/x")
    with pytest.warns(InsecureTransportWarning):
        transport = connect(_URL, timeout=Timeout(3, 7), verify=False)
    transport.send(_request())
    sent = responses.calls[0].request
    assert sent.req_kwargs["timeout"] == (3, 7)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert sent.req_kwargs["verify"] is False  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


@responses.activate
def test_programs_can_be_tested_with_responses() -> None:
    """A program that uses a client can be tested with the `responses` library."""
    created = {
        "_id": "one",
        "type": "webhook-incoming",
        "name": "ci",
        "enabled": True,
        "username": "rocket.cat",
        "channel": ["#general"],
        "scriptEnabled": False,
        "token": "T0KEN",
        "_createdAt": "2026-01-10T14:12:07.739Z",
        "_createdBy": None,
    }
    responses.post(
        f"{_URL}api/v1/integrations.create",
        json={"success": True, "integration": created},
        match=[matchers.json_params_matcher({"name": "ci", "channel": "#general"}, strict_match=False)],
    )
    responses.post(f"{_URL}hooks/one/T0KEN", json={"success": True})
    responses.get(
        f"{_URL}api/v1/integrations.get",
        status=400,
        json={"success": False, "error": "No integration found."},
        match=[matchers.query_param_matcher({"integrationId": "two"})],
    )
    with Client(_URL, TokenAuth("u", "t")) as client:
        record = client.create(IncomingIntegration(name="ci", channel="#general", username="rocket.cat"))
        client.webhook(record).post("hello")
        with pytest.raises(NotFoundError):
            client.get("two")
    with IncomingWebhook(f"{_URL}hooks/one/T0KEN") as webhook:
        webhook.post("hello")
    assert [call.request.method for call in responses.calls] == ["POST", "POST", "GET", "POST"]


def test_reprs_show_no_secret(transport: Transport) -> None:
    """The reprs of transport, request and response show no token, URL or body."""
    request = _request(path="hooks/one/S3CRET", headers={"X-Auth-Token": "S3CRET"}, body=b"S3CRET", secrets=("S3CRET",))
    response = Response(200, {"x-token": "S3CRET"}, b"S3CRET")
    assert "S3CRET" not in repr((transport, request, response))
