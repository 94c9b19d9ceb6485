"""The pytest plugin: the fixture ``rocketchat``.

It is not part of the package, so that pytest imports nothing of the package when it loads the plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rocketchat_integrations.testing import LocalRocketChat


@pytest.fixture
def rocketchat() -> Iterator[LocalRocketChat]:
    """A running ``LocalRocketChat`` with default settings, one for each test."""
    try:
        from rocketchat_integrations.testing import LocalRocketChat
    except ImportError as error:
        advice = "pip install 'rocketchat-integrations[testing]'"
        pytest.fail(f"the fixture rocketchat needs the extra testing: {advice} ({error})", pytrace=False)

    with LocalRocketChat() as server:
        yield server
