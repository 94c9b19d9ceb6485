"""What concerns all tests."""

from __future__ import annotations

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        # By this, coverage gets into the processes that share the tests among them. Those that tests start would get
        # it, too, and take twice as long for nothing: what they run is tested within a process as well.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
