"""The command line: ``rocketchat-integrations``, or ``python -m rocketchat_integrations``.

``demo`` needs only the extra ``testing``; ``serve`` needs ``cli`` and ``testing``; all other commands need ``cli``.
"""

from .entry import main

__all__ = ["main"]
