"""Requests and responses show no secrets; timeouts are checked."""

import pickle
from typing import Any

import pytest

from rocketchat_integrations._protocol.http import Request, Response, Timeout

CANARY = "canary-in-the-coal-mine"


def test_the_repr_of_a_request_shows_no_secret() -> None:
    """It shows the endpoint, the names of the headers, and the size of the body."""
    request = Request(
        method="POST",
        url=f"https://chat.example.com/hooks/id/{CANARY}",
        endpoint="hooks",
        body=f'{{"text": "{CANARY}"}}'.encode(),
        headers={"X-Auth-Token": CANARY, "Content-Type": "application/json"},
        secrets=(CANARY,),
    )
    assert repr(request) == (
        "Request(method='POST', endpoint='hooks', body=<35 bytes>, headers=<X-Auth-Token, Content-Type>, "
        "authenticated=True)"
    )
    assert "body=None, headers=<>" in repr(Request("GET", "u", "info"))


def test_the_repr_of_a_response_shows_no_secret() -> None:
    """Responses contain tokens as well."""
    response = Response(200, {"set-cookie": CANARY}, CANARY.encode())
    assert repr(response) == "Response(status=200, headers=<set-cookie>, body=<23 bytes>)"


@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan"), float("inf")], ids=repr)
@pytest.mark.parametrize("field", ["connect", "read", "total"])
def test_a_timeout_is_a_positive_number_of_seconds(field: str, value: Any) -> None:
    """A wrong time is refused, and named."""
    with pytest.raises(ValueError, match=f"^timeout: {field} must be a positive number of seconds"):
        Timeout(**{field: value})


def test_the_default_timeouts() -> None:
    """5 s to connect, 30 s until the response begins, 120 s for all of it."""
    assert Timeout() == Timeout(connect=5, read=30, total=120)
    assert Timeout(connect=0.1).connect == 0.1


def test_a_request_is_not_pickled() -> None:
    """A pickle would contain the token."""
    with pytest.raises(TypeError, match="secrets"):
        pickle.dumps(Request("GET", "api/v1/x", "x"))
