"""Run integration scripts as the server does."""

from ._ready_made import ReadyMadeScript, ready_made, ready_made_script

__all__ = ["ReadyMadeScript", "ready_made", "ready_made_script"]
