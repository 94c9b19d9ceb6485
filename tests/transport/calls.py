"""Calls of a transport that fail."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import Request, TransportError

if TYPE_CHECKING:
    from tests.transport.conftest import Connect


def get(url: str) -> Request:
    """Return a request without headers."""
    return Request("GET", url, "x")


def failure(connect: Connect, url: str, request: Request | None = None, **options: Any) -> TransportError:
    """Return the failure of a call: chained to nothing, naming the host, without frames that hold the response."""
    with pytest.raises(TransportError) as caught:
        connect(url, **options).send(request or get(url))
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    ours = [f.name for f in traceback.extract_tb(error.__traceback__) if "rocketchat_integrations" in f.filename]
    assert ours == ["send"]
    assert str(error).startswith(f"{error.host}:{error.port}: ")
    return error
