"""The committed analyzer of scripts is what the sources in ``tools/script_analysis`` give."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rocketchat_integrations import scripts

TOOL = Path(__file__).parent.parent.parent / "tools" / "script_analysis"


def test_the_committed_analyzer_is_what_its_script_makes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (TOOL / "node_modules").exists():
        # In CI, no check may be skipped unnoticed.
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no bundler: it needs Node.js 20 or newer, and in tools/script_analysis: npm ci --ignore-scripts")
    subprocess.run([node, "build.js", str(tmp_path)], cwd=TOOL, check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = Path(scripts.__file__).parent
    assert made == {name: (committed / name).read_bytes() for name in ("analyzer.js", "analyzer.LICENSES.txt")}
