"""The command line: ``rocketchat-integrations``, or ``python -m rocketchat_integrations``.

``demo`` needs only the extra ``testing``; all other commands need the extra ``cli``.
"""

from .entry import main

__all__ = ["main"]
