"""`script test`: samples with the results expected of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.scripts import ready_made_script
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run

SCRIPT = """
class Script {
  process_incoming_request({ request }) {
    const { text, problem, refused } = request.content;
    if (problem === 'loop') return new Promise(() => {});
    if (problem) throw new Error('canary');
    if (refused) return { error: { success: false, message: refused } };
    return text && { content: { text } };
  }
  process_outgoing_response({ response }) {
    return response.content === 'hide' ? false : { content: { text: response.content } };
  }
}
"""
PAYLOADS = Path(__file__).parents[1] / "scripts" / "payloads"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script in the current folder, without samples."""
    monkeypatch.chdir(tmp_path)
    Path("alerts.js").write_text(SCRIPT)


def add(name: str, **values: Any) -> Path:
    path = Path(f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    return path


def test_results_are_compared_with_the_expected_ones(run: Run) -> None:
    """The order of keys does not count. The status of a difference is 2."""
    add("alerts.payloads/a", content={"text": "hi"}, expected={"content": {"text": "hi"}})
    add("alerts.payloads/b", content={}, expected=None)
    refused = {"error": {"message": "no", "success": False}}
    add("alerts.payloads/c", content={"refused": "no"}, expected=refused)
    result = run("script", "test", "alerts.js")
    assert (result.status, result.err) == (0, "3 of 3 samples passed\n")
    assert result.out.splitlines() == [f"passed: alerts.payloads/{name}.json" for name in "abc"]
    add("alerts.payloads/b", content={"text": "new"}, expected={"content": {"text": "old"}})
    result = run("script", "test", "alerts.js")
    assert (result.status, result.err) == (2, "2 of 3 samples passed\n")
    failure = result.out.partition("failed: alerts.payloads/b.json\n")[2]
    assert '  -    "text": "old"\n  +    "text": "new"\n' in failure


def test_results_are_printed_as_json(run: Run) -> None:
    add("alerts.payloads/a", content={"text": "hi"}, expected=None)
    result = run("script", "test", "--json")
    assert result.status == 2
    assert result.json == [
        {
            "script": "alerts.js",
            "sample": "alerts.payloads/a.json",
            "passed": False,
            "expected": None,
            "result": {"content": {"text": "hi"}},
            "error": None,
        }
    ]


def test_an_update_writes_the_results_and_keeps_the_rest(run: Run) -> None:
    """The order of the keys and the text of other languages stay; what is right is not written again."""
    new = add("alerts.payloads/new", content={"z": 1, "text": "ü"}, headers={"b": "1", "a": "2"})
    old = add("alerts.payloads/old", expected={"content": {"text": "old"}}, content={"text": "new"})
    right = add("alerts.payloads/right", content={}, expected=None)
    silent = add("alerts.payloads/silent", content={})
    text = right.read_text()
    assert run("script", "test").out.count("has no expected result: --update writes it\n") == 2
    result = run("script", "test", "--update")
    assert result.status == 0
    assert result.err == f"written: {new}\nwritten: {old}\nwritten: {silent}\n4 of 4 samples passed\n"
    assert json.loads(silent.read_text()) == {"content": {}, "expected": None}
    expected = {"content": {"text": "ü"}}
    content = {"content": {"z": 1, "text": "ü"}, "headers": {"b": "1", "a": "2"}, "expected": expected}
    assert new.read_text(encoding="utf-8") == json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    assert list(json.loads(old.read_text())) == ["expected", "content"]
    assert right.read_text() == text
    assert run("script", "test").status == 0


def test_errors_of_a_script_can_be_expected(run: Run) -> None:
    """One that is not expected is named without its text, which may be secret: it would be in the log of a job."""
    path = add("alerts.payloads/a", content={"problem": "throw"}, expected=None)
    result = run("script", "test")
    assert result.status == 2
    assert "alerts.js: process_incoming_request, line 6: Error" in result.out
    assert "canary" not in result.out
    assert run("script", "test", "--update").status == 0
    assert json.loads(path.read_text())["expected"] == {"throws": {"name": "Error", "message": "canary"}}
    assert run("script", "test").status == 0


@pytest.mark.parametrize(("source", "problem"), [(SCRIPT, "never settles"), ("class", "line 1")])
def test_a_script_without_a_result_fails_and_updates_nothing(run: Run, source: str, problem: str) -> None:
    """It reached a limit, or does not compile."""
    Path("alerts.js").write_text(source)
    path = add("alerts.payloads/a", content={"problem": "loop"}, expected=None)
    text = path.read_text()
    for options in ([], ["--update"]):
        result = run("script", "test", *options)
        assert (result.status, result.err) == (2, "0 of 1 sample passed\n")
        assert f"failed: {path}\n  alerts.js: " in result.out
        assert problem in result.out
    assert path.read_text() == text


def test_calls_of_outgoing_integrations_are_tested(run: Run) -> None:
    """With the reply in the sample."""
    path = add("alerts.payloads/a", payload={"text": "hi"}, reply={"content": "hello"})
    hidden = add("alerts.payloads/b", payload={"text": "hi"}, reply={"content": "hide"})
    assert run("script", "test", "--update").status == 0
    expected = json.loads(path.read_text())["expected"]
    assert (expected["request"]["method"], expected["request"]["data"]) == ("POST", {"text": "hi"})
    assert expected["content"] == {"text": "hello"}
    assert json.loads(hidden.read_text())["expected"]["suppressed"] is True
    assert run("script", "test").status == 0


def test_scripts_are_found_below_the_current_folder(run: Run) -> None:
    """Except in hidden folders and in packages of npm. A folder of samples needs its script."""
    for folder in ("", "more/deep/", ".hidden/", "node_modules/x/"):
        add(f"{folder}alerts.payloads/a", content={}, expected=None)
    Path("more/deep/alerts.js").write_text(SCRIPT)
    tested = run("script", "test", "--json").json
    assert [it["script"] for it in tested] == ["alerts.js", "more/deep/alerts.js"]
    Path("more/deep/alerts.js").unlink()
    assert run("script", "test").error == "more/deep/alerts.js: No such file or directory"


def test_nothing_to_test_is_an_error(run: Run) -> None:
    assert "nothing to test: there is no folder NAME.payloads here or below" in run("script", "test").error
    error = run("script", "test", "alerts.js").error
    assert error == "alerts.js: nothing to test: there is no file alerts.payloads/*.json"


def test_a_file_that_is_not_a_sample_is_refused(run: Run) -> None:
    """A misspelled key is not ignored."""
    add("alerts.payloads/a", content={}, expect=None)
    error = run("script", "test").error
    assert "alerts.payloads/a.json: must be an object with content (headers, query, content" in error


def test_the_samples_of_a_ready_made_script_pass(run: Run) -> None:
    Path("copy.js").write_text(ready_made_script("zabbix").source, encoding="utf-8")
    Path("copy.payloads").symlink_to(PAYLOADS / "zabbix")
    assert run("script", "test", "copy.js").status == 0


def test_a_process_tests_all_scripts() -> None:
    add("alerts.payloads/a", content={"text": "hi"}, expected=None)
    process = subprocess.run([*PROGRAM, "script", "test"], capture_output=True, text=True, timeout=TIMEOUT)
    assert (process.returncode, process.stderr) == (2, "0 of 1 sample passed\n")
