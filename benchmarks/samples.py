"""Sample data: definitions, records as a server stores them, and pages of records."""

from __future__ import annotations

import json
from typing import Any

from rocketchat_integrations import (
    IncomingIntegration,
    IntegrationDefinition,
    OutgoingIntegration,
    TokenAuth,
)

AUTH = TokenAuth(user_id="aliceid0000000001", token="alicetoken-alicetoken-alicetoken-alicetoken")
HEADERS = {"X-User-Id": AUTH.user_id, "X-Auth-Token": AUTH.token}

PAGE_SIZE = 100


def definition(number: int = 0) -> IncomingIntegration:
    """Return a definition to create."""
    return IncomingIntegration(name=name(number), channel="#builds", username="rocket.cat", alias="CI", emoji=":robot:")


def body() -> dict[str, Any]:
    """Return the body of a request that creates it, written by hand."""
    return {
        "type": "webhook-incoming",
        "name": name(0),
        "enabled": True,
        "username": "rocket.cat",
        "channel": "#builds",
        "scriptEnabled": False,
        "alias": "CI",
        "emoji": ":robot:",
    }


def wanted(number: int) -> IntegrationDefinition:
    """Return a definition of :func:`record`; every tenth differs from it."""
    entry = _entry(number)
    return OutgoingIntegration(**entry) if number % 2 else IncomingIntegration(**entry)


def entries(number: int) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of a manifest for a number of such records."""
    return {
        "incoming": [_entry(each) for each in range(0, number, 2)],
        "outgoing": [_entry(each) for each in range(1, number, 2)],
    }


def _entry(number: int) -> dict[str, Any]:
    stored = record(number)
    common = {
        "name": stored["name"],
        "username": stored["username"],
        "channel": stored["channel"],
        "alias": stored["alias"] if number % 10 else "Builds",
        "emoji": stored["emoji"],
        **({"script": stored["script"], "script_enabled": True} if stored["scriptEnabled"] else {}),
    }
    if number % 2 == 0:
        return common
    return {
        **common,
        "event": stored["event"],
        "urls": stored["urls"],
        "trigger_words": stored["triggerWords"],
        "retry_failed_calls": True,
    }


def name(number: int) -> str:
    """Return the name of an integration. Names sort like numbers."""
    return f"ci-{number:06}"


def record(number: int) -> dict[str, Any]:
    """Return a record as 8.x stores it: alternating types, every tenth pair with a script."""
    user = {"_id": f"aliceid{number % 200:010}", "username": f"alice.{number % 200}"}
    common = {
        "_id": f"659ea5b72dd9f928ad{number:06}",
        "name": name(number),
        "enabled": True,
        "username": "rocket.cat",
        "channel": ["#builds"],
        "alias": "CI",
        "avatar": "",
        "emoji": ":robot:",
        "scriptEngine": "isolated-vm",
        "userId": "rocket.cat",
        "_createdAt": "2026-01-10T14:12:07.739Z",
        "_createdBy": user,
        "_updatedAt": "2026-03-01T08:30:00.120Z",
        "_updatedBy": user,
        **_script(number // 2 % 10 == 0),
    }
    token = "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk"
    if number % 2:
        return {
            **common,
            "type": "webhook-outgoing",
            "token": token,
            "event": "sendMessage",
            "urls": ["https://bot.example.com/hook"],
            "triggerWords": ["!deploy"],
            "triggerWordAnywhere": False,
            "targetRoom": "",
            "runOnEdits": False,
            "impersonateUser": False,
            "retryFailedCalls": True,
            "retryCount": 4,
            "retryDelay": "powers-of-ten",
        }
    return {**common, "type": "webhook-incoming", "token": token, "overrideDestinationChannelEnabled": False}


def page(offset: int, total: int, size: int = PAGE_SIZE) -> bytes:
    """Return the answer of ``integrations.list`` at an offset."""
    records = [record(number) for number in range(offset, min(offset + size, total))]
    count = len(records)
    answer = {
        "integrations": records,
        "offset": offset,
        "items": count,
        "count": count,
        "total": total,
        "success": True,
    }
    return json.dumps(answer, separators=(",", ":")).encode()


def _script(has_one: bool) -> dict[str, Any]:
    if not has_one:
        return {"scriptEnabled": False, "script": ""}
    lines = "".join(f"    const part{number} = request.content.parts[{number}] || 'none';\n" for number in range(8))
    script = f"class Script {{\n  process_incoming_request({{ request }}) {{\n{lines}    return {{}};\n  }}\n}}\n"
    return {"scriptEnabled": True, "script": script, "scriptCompiled": script}
