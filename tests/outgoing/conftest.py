"""Share recorded payloads, and the frames of a traceback."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import rocketchat_integrations
from rocketchat_integrations.outgoing import WebhookApp

PACKAGE = Path(rocketchat_integrations.__file__).parent
RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "outgoing-webhooks.json").read_text(encoding="utf-8")
)["payloads"]
TOKEN = str(RECORDED["sendMessage"]["token"])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "event" in metafunc.fixturenames:
        metafunc.parametrize("event", list(RECORDED))


def recorded_body(event: str = "sendMessage", **changes: object) -> bytes:
    """Return the body of a recorded payload, with some fields changed."""
    return json.dumps({**RECORDED[event], **changes}).encode()


def app_with(handler: Callable[[Any], object], *, token: str | None = "T0K3N", **options: Any) -> WebhookApp:
    """Return an app with a handler of messages."""
    app = WebhookApp(token=token, **options)
    app.on("sendMessage")(cast(Any, handler))
    return app


def always(result: object) -> Callable[..., Any]:
    """Return a function that returns the same for all arguments."""
    return lambda *_: result


def frames_of(error: BaseException) -> list[object]:
    """Return the local variables of the package's frames in the traceback. There is at least one frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames: list[object] = [frame.locals for frame in shown.stack if Path(frame.filename).is_relative_to(PACKAGE)]
    assert frames
    return frames
