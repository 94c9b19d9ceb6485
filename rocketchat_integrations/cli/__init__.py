"""The command line: ``rocketchat-integrations``, or ``python -m rocketchat_integrations``.

The tour (``demo``) needs nothing but the extra ``testing``; everything else needs the extra ``cli``.
"""

from ._entry import main

__all__ = ["main"]
