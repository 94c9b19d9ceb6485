"""Make the synchronous client, `client.py`, from the asynchronous one, `aio.py`.

`python tools/sync_client.py` prints it; the session `twins` of nox writes it. Lines that end in the comment
"asynchronous only" are left out. The result is formatted if the lines of `aio.py` stay as they are when they get
shorter: use a trailing comma where ruff would join them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "rocketchat_integrations" / "aio.py"
HEAD = "# Made from aio.py by tools/sync_client.py. Edit that one, then run `python -m nox -s twins`.\n"

REPLACEMENTS = (
    (r"\n+.*# asynchronous only", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\(await (\S+)\)", r"\1"),
    (r"\bawait ", ""),
    (r"\bfor (\w+) in (\w+):\n +yield \1\n", r"yield from \2\n"),
    (r"__a(iter|enter|exit)__", r"__\1__"),
    (r"\ban AsyncClient\b", "a Client"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_driver\b", "driver"),
    (r" for asyncio\b", ""),
    (r"\bshared by tasks of one event loop\b", "shared by threads"),
)


def made_from(source: str) -> str:
    """Return the text of the synchronous client."""
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    return HEAD + re.sub(r"(?<=^from collections\.abc import ).*", _sorted, source, flags=re.MULTILINE)


def _sorted(names: re.Match[str]) -> str:
    return ", ".join(sorted(names[0].split(", ")))


if __name__ == "__main__":
    sys.stdout.write(made_from(SOURCE.read_text(encoding="utf-8")))
