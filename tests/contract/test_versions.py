"""Get the validators of a further version from npm."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.contract.versions import FOLDER


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("version", "reason"), [("0.0.1", "npm, which says"), ("newest", "complete one such as 9.0.0")]
)
def test_a_version_that_npm_does_not_have(version: str, reason: str) -> None:
    """The message names the version and the reason, there is no stack trace, and no file in the checkout changes."""
    files = {path: path.read_bytes() for path in FOLDER.glob("package*.json")}
    node = str(shutil.which("node"))
    done = subprocess.run([node, str(FOLDER / "build.js"), version], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert version in done.stderr
    assert reason in done.stderr
    assert "    at " not in done.stderr
    assert {path: path.read_bytes() for path in files} == files
