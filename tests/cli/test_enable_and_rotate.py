"""`enable`, `disable` and `rotate-token`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord, OutgoingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace


def test_an_integration_is_disabled_and_enabled(
    workspace: Workspace, client: Client, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """Nothing else changes; what is so already is not written again."""
    result = run("disable", "bot", "--json")
    assert (result.json["enabled"], result.err) == (False, f"disabled outgoing 'bot' ({bot.id})\n")
    assert run("disable", "bot").err == f"outgoing 'bot' ({bot.id}) is disabled already\n"
    assert run("enable", bot.id).err == f"enabled outgoing 'bot' ({bot.id})\n"
    assert client.get(bot).definition == bot.definition
    assert workspace.requested("integrations.update") == 2


# rotate-token


def test_an_outgoing_token_is_replaced_in_place(
    client: Client, bot: OutgoingIntegrationRecord, run: Run, tmp_path: Path
) -> None:
    """By a generated one, or by the one in a file; it is printed on request only."""
    result = run("rotate-token", "bot", "--yes")
    generated = client.get(bot).token
    assert generated not in (None, bot.token)
    assert str(generated) not in result.out + result.err
    (tmp_path / "token").write_text("from-the-file\n")
    result = run("rotate-token", "bot", "--yes", "--token-file", str(tmp_path / "token"), "--json", "--show-secrets")
    assert (result.json["id"], result.json["token"]) == (bot.id, "from-the-file")
    assert result.err == f"replaced the token of outgoing 'bot' ({bot.id})\n"
    assert client.get(bot).token == "from-the-file"


def test_an_incoming_one_is_created_anew_and_the_old_one_removed(
    client: Client, hook: IncomingIntegrationRecord, run: Run
) -> None:
    """After both questions; the new one has the same definition and another URL."""
    result = run("rotate-token", "ci", answers="y\ny\n")
    assert result.status == 0, result.err
    first, created, second, removed = result.err.splitlines()
    assert "Create it anew, with a new URL? [y/N]" in first
    assert f"Remove the old one ({hook.id}), whose URL then stops working? [y/N]" in second
    assert removed == f"removed the old incoming 'ci' ({hook.id})"
    (new,) = client.list()
    assert f"show {new.id} --url" in created
    assert (new.id != hook.id, new.token != hook.token, new.definition) == (True, True, hook.definition)


@pytest.mark.parametrize(
    ("options", "answers", "is_enabled", "told"),
    [
        (("--yes",), None, True, "kept the old incoming 'ci'; to remove it: rocketchat-integrations remove "),
        ((), "y\nn\n", True, "kept the old incoming 'ci'; to remove it: rocketchat-integrations remove "),
        (("--old", "keep"), "y\n", True, "kept the old incoming 'ci'; to remove it: rocketchat-integrations remove "),
        (("--yes", "--old", "disable"), None, False, "disabled the old incoming 'ci'"),
    ],
)
def test_the_old_one_can_stay(
    client: Client,
    hook: IncomingIntegrationRecord,
    run: Run,
    options: tuple[str, ...],
    answers: str | None,
    is_enabled: bool,
    told: str,
) -> None:
    """With --yes it does, so that programs can be moved to the new URL. The output says what happened to it."""
    result = run("rotate-token", "ci", *options, answers=answers)
    assert result.status == 0
    assert told in result.err.splitlines()[-1]
    assert ("[y/N]" in result.err) is (answers is not None)
    assert len(list(client.list())) == 2
    assert client.get(hook).enabled is is_enabled


def test_a_failure_to_create_loses_nothing(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, run: Run
) -> None:
    """The old one is touched only after the new one exists. A no changes nothing."""
    assert "not confirmed: nothing was changed" in run("rotate-token", "ci", answers="n\n").err
    workspace.server.fail_next("integrations.create", "redirect")
    assert run("rotate-token", "ci", "--yes", "--old", "remove").status == 1
    assert [record.definition for record in client.list()] == [hook.definition]


def test_options_of_the_other_type_are_refused(
    hook: object, bot: object, run: Run, tmp_path: Path, workspace: Workspace
) -> None:
    """Before anything changes."""
    (tmp_path / "token").write_text("t")
    assert "--token-file" in run("rotate-token", "ci", "--yes", "--token-file", str(tmp_path / "token")).error
    assert "--old" in run("rotate-token", "bot", "--yes", "--old", "remove").error
    assert (workspace.names(), workspace.requested("integrations.update")) == (["bot", "ci"], 0)
