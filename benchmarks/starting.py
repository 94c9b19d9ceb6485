"""What it takes to start, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from .measuring import Action, Row, fewer, ratio


def _process(*arguments: str) -> Action:
    return lambda: subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)


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
