"""How `plan` shows scripts, and its Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import Client, IncomingIntegration, OutgoingIntegration
from tests.cli.conftest import without_escapes

if TYPE_CHECKING:
    from tests.cli.conftest import Run, RunOnTerminal

OLD = "class Script {\n\told() {}\n}\n"
NEW = "class Script {\n\tnew() {}\n}\n"
HOOK: dict[str, Any] = {"channel": "#general", "username": "rocket.cat", "script_enabled": True}
BOT: dict[str, Any] = {**HOOK, "event": "sendMessage", "urls": "https://bot.example"}


def manifest(folder: Path, *incoming: dict[str, Any], **content: Any) -> str:
    path = folder / "m.json"
    path.write_text(json.dumps({"incoming": [{**HOOK, **entry} for entry in incoming], **content}))
    return str(path)


# The terminal


def test_a_script_that_changes_is_shown_as_a_coloured_diff(
    client: Client, run: Run, run_on_terminal: RunOnTerminal, tmp_path: Path
) -> None:
    """Below its step, in plan and apply."""
    client.create(IncomingIntegration("ci", **HOOK, script=OLD))
    path = manifest(tmp_path, {"name": "ci", "script": NEW})
    shown = [
        "    script: 27 characters -> 27 characters (+1 -1 lines)",
        "        @@ -1,4 +1,4 @@",
        "         class Script {",
        "        -    old() {}",
        "        +    new() {}",
        "         }",
        "",
        "0 to create, 1 to update, 0 to remove, 0 as wanted.",
    ]
    assert run("plan", path).out.splitlines()[1:] == shown
    coloured = run_on_terminal("plan", path).out
    assert re.search(r"\x1b\[31m-    old\(\) \{\}", coloured)
    assert re.search(r"\x1b\[32m\+    new\(\) \{\}", coloured)
    assert [line.rstrip() for line in without_escapes(coloured).splitlines()][1:] == shown
    assert run("apply", path, "--yes").out.splitlines()[1:] == shown


def test_a_difference_in_line_breaks_is_shown(client: Client, run: Run, tmp_path: Path) -> None:
    """Control characters are escaped; a script that is new has only new lines."""
    client.create(IncomingIntegration("ci", **HOOK, script="class Script {}\r\n// \x1b[2J\n"))
    client.create(IncomingIntegration("new", **HOOK))
    path = manifest(
        tmp_path, {"name": "ci", "script": "class Script {}\n//\n"}, {"name": "new", "script": "class Script {}"}
    )
    lines = run("plan", path).out.splitlines()
    assert "        -class Script {}\\r" in lines
    assert "        -// \\x1b[2J" in lines
    assert lines[-3:-1] == ["        @@ -0,0 +1 @@", "        +class Script {}"]


def test_a_long_diff_is_cut_off(client: Client, run: Run, tmp_path: Path) -> None:
    """In the number of lines and in their lengths; a script of many thousand lines is not compared."""
    names = ("ci", "huge")
    for name in names:
        client.create(IncomingIntegration(name, **HOOK, script="class Script {}"))
    scripts = ("\n".join(["class Script {}", "/" * 500, *["//"] * 99, ""]), "class Script {}" + "\n" * 10_000)
    path = manifest(tmp_path, *({"name": name, "script": script} for name, script in zip(names, scripts, strict=True)))
    lines = run("plan", path).out.splitlines()
    assert f"        +{'/' * 199}…" in lines
    assert "        … 43 more lines; --json has all of them" in lines
    assert lines[-2] == "        too long to be compared here"
    assert len(lines) < 80


def test_no_script_shows_a_token(client: Client, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the old nor the new one, in any format."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "canary-of-the-manifest")
    old, new = (f"class Script {{}}\n// canary-of-the-{place}\n" for place in ("server", "manifest"))
    client.create(OutgoingIntegration("a", **BOT, token="canary-of-the-server", script=old))
    entry = {**BOT, "token": {"env": "ROCKETCHAT_SECRET_BOT"}, "script": new}
    path = manifest(tmp_path, outgoing={"a": entry, "b": entry})
    for options in ([], ["--json"], ["--markdown"], ["--out", str(tmp_path / "plan.json")]):
        result = run("plan", path, *options)
        assert result.status == 2
        assert "canary-of-the" not in result.out
    (create,) = run("plan", "--json", path).json["creates"]
    assert create["definition"]["token"] == "<set>"
    assert create["definition"]["script"] == "class Script {}\n// <hidden>\n"


# Markdown


def test_a_plan_is_printed_as_markdown(client: Client, run: Run, tmp_path: Path) -> None:
    """A summary, a table, and the scripts to unfold."""
    client.create(IncomingIntegration("ci", **HOOK, script=OLD))
    client.create(IncomingIntegration("gone", **HOOK))
    path = manifest(tmp_path, {"name": "ci", "script": NEW}, {"name": "new", "script": "class Script {}"})
    result = run("plan", path, "--markdown", "--prune-all")
    assert (result.status, result.err) == (2, "")
    blocks = result.out.split("\n\n")
    assert blocks[0] == "**1 to create, 1 to update, 1 to remove, 0 as wanted.**"
    heading, line, create, update, remove = blocks[1].splitlines()
    assert (heading, line) == ("| Step | Fields |", "| --- | --- |")
    assert create.startswith("| <code>&#43; create incoming &#39;new&#39;</code> | <code>username&#58; ")
    assert create.count("<br>") == 3
    assert update.startswith("| <code>&#126; update incoming &#39;ci&#39; ")
    assert remove.startswith("| <code>&#45; remove incoming &#39;gone&#39; ")
    assert remove.endswith(" |  |")
    assert blocks[2:] == [
        "<details><summary>Script of <code>incoming &#39;new&#39;</code></summary>",
        "```js\nclass Script {}\n```",
        "</details>",
        "<details><summary>Script of <code>incoming &#39;ci&#39;</code></summary>",
        "```diff\n@@ -1,4 +1,4 @@\n class Script {\n-    old() {}\n+    new() {}\n }\n \n```",
        "</details>\n",
    ]


def test_nothing_to_do_is_one_line_of_markdown(client: Client, run: Run, tmp_path: Path) -> None:
    """Exit status 0, as without --markdown."""
    result = run("plan", "--markdown", manifest(tmp_path))
    assert (result.status, result.out) == (0, "**Nothing to do: 0 as wanted.**\n")


def test_no_name_and_no_script_can_break_the_markdown(client: Client, run: Run, tmp_path: Path) -> None:
    """Names have no meaning in a table or in HTML and mention nobody; a script cannot end its block."""
    name = "a|b`c`<b>*d*\n@alice #1 https://e.example [f](g)"
    script = "class Script {} // ````\n/*\n</details>\n|*/"
    result = run("plan", "--markdown", manifest(tmp_path, {"name": name, "script": script}))
    (row,) = (line for line in result.out.splitlines() if "create" in line and line.startswith("|"))
    inside = re.fullmatch(r"\| <code>(.*?)</code> \| .* \|", row)
    assert inside is not None
    assert re.fullmatch(r"(?:\w| |&#\d+;)*", inside[1])
    assert "`````js\nclass Script {} // ````\n/*\n</details>\n|*/\n`````\n" in result.out


def test_markdown_fits_into_a_comment(client: Client, run: Run, tmp_path: Path) -> None:
    """Scripts are left out first, then rows; the summary and the notes say how many there are."""
    long = "class Script {}\n" + ("//".ljust(180, "/") + "\n") * 250
    scripts = [{"name": f"s{number}", "script": long} for number in range(3)]
    few = run("plan", "--markdown", manifest(tmp_path, *scripts)).out
    assert few.endswith("Scripts left out: 2.\n")
    many = run("plan", "--markdown", manifest(tmp_path, *({"name": f"ci{number:04}"} for number in range(500)))).out
    assert re.search(r"\n\| \d+ more steps \| \|\n$", many)
    assert len(few) < 65_536
    assert 50_000 < len(many) < 65_536


def test_markdown_and_json_exclude_each_other(run: Run) -> None:
    """Only one of them can be printed."""
    assert "--json cannot be combined with --markdown" in run("plan", "--json", "--markdown", "m.toml").error
