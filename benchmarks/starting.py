"""Benchmark imports and the start of the command line, in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from .measuring import Action, Row, fewer, ratio

# Let the first round write compiled modules for the others.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _process(*arguments: str) -> Action:
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


def _against(subject: Action, baseline: Action) -> Callable[[int], float]:
    return lambda rounds: ratio(subject, baseline, fewer(rounds, 4))


_IMPORT = "from rocketchat_integrations import Client, IncomingIntegration"
_OTHERS = "import requests, attrs, cattrs"
_CLICK = "import click"

ROWS = (
    Row("import", _IMPORT, _OTHERS, 0.8, "", _against(_process("-c", _IMPORT), _process("-c", _OTHERS))),
    Row(
        "help",
        "python -m rocketchat_integrations --help",
        f'python -c "{_CLICK}"',
        3,
        "",
        _against(_process("-m", "rocketchat_integrations", "--help"), _process("-c", _CLICK)),
    ),
)
