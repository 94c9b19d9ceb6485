"""The ready-made scripts: the messages they make of senders' payloads, and that the server accepts each."""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingWebhook
from rocketchat_integrations.scripts import Script, ready_made, ready_made_script
from rocketchat_integrations.scripts._analysis import static_problems
from rocketchat_integrations.testing import LocalRocketChat

NAMES = ["alertmanager", "gitea", "github", "gitlab", "grafana", "sentry", "uptime-kuma", "zabbix"]
# A file is an event: the headers and content of a request in the shape of the sender's documentation, and the result.
SAMPLES = sorted((Path(__file__).parent / "payloads").glob("*/*.json"))
NOT_FROM_A_SENDER = ["{}", "null", '"text"', "[]", '[1, {"alerts": []}]', "5", "true"]

each_script = pytest.mark.parametrize("name", NAMES)
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalRocketChat]:
    with LocalRocketChat(rate_limit=None) as server:
        yield server


@pytest.fixture(scope="module")
def webhook(server: LocalRocketChat) -> Iterator[IncomingWebhook]:
    with Client(server.url, server.auth("admin")) as client:
        hook = client.create(IncomingIntegration(name="alerts", channel="#general", username="rocket.cat"))
        yield client.webhook(hook)


@functools.cache
def compiled(name: str) -> Script:
    return Script(ready_made_script(name).source, own_process=False)


def read(sample: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(sample.read_text(encoding="utf-8")))


def message_of(sample: Path, content: Any) -> Mapping[str, Any] | None:
    """Return the message that the script of a sample makes of a content, with the sample's headers."""
    return compiled(sample.parent.name).process_incoming_request(content, headers=read(sample)["headers"]).content


def post(webhook: IncomingWebhook, message: Mapping[str, Any] | None) -> None:
    if message is not None:
        webhook.post(message)


def with_every_text(value: Any, text: str) -> Any:
    """Return a payload with another text at each place, except where a text decides what the payload is.

    Long lists are cut, so that the payload fits into the 8 MB of a script.
    """
    if isinstance(value, dict):
        kept = {"action", "object_kind", "ref", "ref_type", "status"}
        items = cast("dict[str, Any]", value).items()
        return {key: item if key in kept else with_every_text(item, text) for key, item in items}
    if isinstance(value, list):
        return [with_every_text(item, text) for item in cast("list[object]", value)[:3]]
    return text if isinstance(value, str) else value


def test_the_package_has_a_script_for_each_sender() -> None:
    assert [script.name for script in ready_made()] == NAMES
    assert {path.parent.name for path in SAMPLES} == set(NAMES)
    assert ready_made_script("grafana").summary == (
        "Grafana: alerts of a contact point of type Webhook or Slack, firing and resolved."
    )
    assert "class Script" not in repr(ready_made_script("grafana"))


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no ready-made script 'jenkins'; there are alertmanager, .*, zabbix"):
        ready_made_script("jenkins")


@each_script
def test_a_script_runs_on_server_9(name: str) -> None:
    assert static_problems(ready_made_script(name).source) == ()


@each_script
def test_a_script_posts_nothing_for_what_no_sender_sends(name: str) -> None:
    assert [compiled(name).process_incoming_request(body).content for body in NOT_FROM_A_SENDER] == [None] * 7


def test_a_function_that_scripts_share_is_the_same_in_all() -> None:
    bodies: defaultdict[str, set[str]] = defaultdict(set)
    for script in ready_made():
        for name, body in re.findall(r"^function (\w+)(.*?^})", script.source, re.DOTALL | re.MULTILINE):
            bodies[name].add(body)
    shared = {
        "text",
        "url",
        "link",
        "objects",
        "fields",
        "filled",
        "payload",
        "time",
        "commitList",
        "firstLine",
        "multiline",
    }
    assert {name: len(bodies[name]) for name in shared} == dict.fromkeys(shared, 1)


@each_sample
def test_a_payload_becomes_its_message(sample: Path) -> None:
    recorded = read(sample)
    result = compiled(sample.parent.name).process_incoming_request(recorded["content"], headers=recorded["headers"])
    expected: dict[str, Any] = recorded["expected"] or {}
    assert (result.content, result.response) == (expected.get("content"), expected.get("response"))


@each_sample
def test_the_server_accepts_what_a_payload_becomes_whichever_field_is_missing(
    sample: Path, webhook: IncomingWebhook
) -> None:
    content = read(sample)["content"]
    for missing in (None, *content):
        post(webhook, message_of(sample, {key: value for key, value in content.items() if key != missing}))


@each_sample
def test_long_texts_are_cut_to_what_the_server_accepts(sample: Path, webhook: IncomingWebhook) -> None:
    recorded = read(sample)
    content = with_every_text(recorded["content"], "x" + "\N{FIRE}" * 1_100)
    # A script of its own, since its memory fills up.
    with Script(ready_made_script(sample.parent.name).source, own_process=False) as script:
        message = script.process_incoming_request(content, headers=recorded["headers"]).content
    post(webhook, message)
    # The server limits only the message's own text. Characters are not cut in halves, which UTF-8 cannot represent.
    assert message is None or len(json.dumps(message, ensure_ascii=False).encode()) < 90_000


def test_a_text_that_is_cut_ends_with_an_ellipsis() -> None:
    result = compiled("uptime-kuma").process_incoming_request({"msg": "x" * 1001})
    assert result.content == {"text": "x" * 1000 + "…"}


@each_sample
def test_a_text_from_outside_mentions_nobody(sample: Path) -> None:
    message = message_of(sample, with_every_text(read(sample)["content"], "@all (@here) @@all"))
    assert message is None or not re.search(r"(?<![0-9A-Za-z])@[A-Za-z]", json.dumps(message, ensure_ascii=False))


@each_sample
def test_lines_in_an_attachment_stay_lines(sample: Path) -> None:
    """Rocket.Chat shows a line break there as a space, unless two spaces are before it."""
    message = message_of(sample, with_every_text(read(sample)["content"], "first\nsecond")) or {}
    for attachment in message.get("attachments", ()):
        assert not re.search(r"(?<!  )(?<!\n)\n(?!\n)", attachment.get("text", ""))
