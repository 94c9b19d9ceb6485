"""Compressed bodies: how far they may inflate."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from rocketchat_integrations import TransportError
from rocketchat_integrations._transports.bodies import decompressed

_URL = "https://chat.example.com/api/v1/integrations.list"
_LIMIT = 2**24


@pytest.mark.parametrize("size", [2**20 + 1, 2**23])
def test_a_body_that_inflates_too_far_is_refused(size: int) -> None:
    """Zeros compress 1,000 times. Up to 1 MiB anything is allowed."""
    with pytest.raises(TransportError, match="compressed more than 200 times") as caught:
        decompressed(gzip.compress(bytes(size)), "gzip", _LIMIT, _URL)
    assert (caught.value.kind, caught.value.may_have_acted) == ("too-large", True)
    assert len(decompressed(gzip.compress(bytes(2**20)), "gzip", _LIMIT, _URL)) == 2**20


@pytest.mark.parametrize("script_lines", [0, 10, 150])
def test_lists_of_records_are_inflated(script_lines: int) -> None:
    """Thousands of integrations, even if all have the same script, compress less than 200 times."""
    script = "".join(f"function f{number}(a) {{ return {{ text: a[{number}] }}; }}\n" for number in range(script_lines))
    dice = random.Random(7)
    records = [
        {"_id": f"{dice.getrandbits(96):x}", "token": f"{dice.getrandbits(192):x}", "script": script, "enabled": True}
        for _ in range(10_000 if script_lines < 100 else 500)
    ]
    body = json.dumps({"integrations": records}).encode()
    assert len(body) > 2**20
    assert decompressed(gzip.compress(body), "gzip", _LIMIT, _URL) == body
