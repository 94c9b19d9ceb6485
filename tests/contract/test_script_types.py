"""The types that ``script types`` writes make an editor find mistakes in scripts, and nothing in correct ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rocketchat_integrations import scripts

TYPES = (Path(scripts.__file__).parent / "script.d.ts").read_text(encoding="utf-8")
CHECKER = Path(__file__).parent / "node_modules" / "typescript" / "bin" / "tsc"
CORRECT = """
class Script {
  /** @type {IntegrationScript['process_incoming_request']} */
  async process_incoming_request({ request }) {
    if (!request.content.text) return { error: { success: false, message: 'missing: text' } };
    const answer = await fetch('https://example.com', { method: 'POST', body: request.content_raw });
    Store.set('last', (await answer.json()).id);
    global.count = 1;
    console.info(s.capitalize(request.headers['user-agent']), Store.get('last'));
    return { content: { text: 'a', attachments: [{ color: 'red', fields: [] }] }, response: { ok: true } };
  }
  /** @type {IntegrationScript['prepare_outgoing_request']} */
  prepare_outgoing_request({ request }) {
    if (request.data.timestamp.getTime() === 0) return;
    return { ...request, data: { text: request.data.text }, message: { text: 'calling' } };
  }
  /** @type {IntegrationScript['process_outgoing_response']} */
  process_outgoing_response({ request, response }) {
    return response.status_code === 200 && { content: { text: response.content + request.url } };
  }
}
"""
WRONG = """
class Script {
  /** @type {IntegrationScript['process_incoming_request']} */
  process_incoming_request({ request }) {
    Store.put('a', request.content); // wrong
    s.slugify('a'); // wrong
    require('crypto'); // wrong
    setTimeout(() => {}, 1); // wrong
    if (document.title) return { contents: request.content }; // wrong
    return { content: { text: 1 } }; // wrong
  }
  /** @type {IntegrationScript['process_outgoing_response']} */
  process_outgoing_response({ response }) {
    return { content: { text: response.status } }; // wrong
  }
}
"""


def mistakes(folder: Path, *arguments: str) -> list[tuple[str, int]]:
    """Return the files and lines that the checker complains about."""
    node = shutil.which("node")
    if node is None or not CHECKER.exists():
        # In CI, no check may be skipped unnoticed.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no type checker: it needs Node.js 20 or newer, and in tests/contract: npm ci --ignore-scripts")
    result = subprocess.run(
        [node, str(CHECKER), "--noEmit", "--pretty", "false", *arguments], cwd=folder, capture_output=True, text=True
    )
    found = re.findall(r"^(\S+)\((\d+),\d+\): error", result.stdout, re.MULTILINE)
    assert bool(found) == bool(result.returncode), result.stdout
    return [(file, int(line)) for file, line in found]


def test_a_folder_of_scripts_is_checked_with_the_settings_in_the_first_comment(tmp_path: Path) -> None:
    """The ready-made scripts are correct, too."""
    (tmp_path / "script.d.ts").write_text(TYPES, encoding="utf-8")
    (settings,) = re.findall(r"^//   \{\n(?://   .*\n)+?//   \}$", TYPES, re.MULTILINE)
    (tmp_path / "jsconfig.json").write_text(settings.replace("//", ""), encoding="utf-8")
    for script in scripts.ready_made():
        (tmp_path / f"{script.name}.js").write_text(script.source, encoding="utf-8")
    (tmp_path / "correct.js").write_text(CORRECT, encoding="utf-8")
    assert mistakes(tmp_path, "--project", "jsconfig.json") == []
    (tmp_path / "wrong.js").write_text(WRONG, encoding="utf-8")
    wrong = [("wrong.js", number) for number, line in enumerate(WRONG.splitlines(), 1) if "// wrong" in line]
    assert list(dict.fromkeys(mistakes(tmp_path, "--project", "jsconfig.json"))) == wrong


def test_one_script_is_checked_with_the_lines_in_the_first_comment(tmp_path: Path) -> None:
    (tmp_path / "script.d.ts").write_text(TYPES, encoding="utf-8")
    lines = re.findall(r"^//   (//.*)$", TYPES, re.MULTILINE)
    assert len(lines) == 2
    script = "\n".join([*lines, "class Script {}", "Store.put('a', 1);"])
    (tmp_path / "script.js").write_text(script, encoding="utf-8")
    assert mistakes(tmp_path, "--allowJs", "script.js") == [("script.js", 4)]
