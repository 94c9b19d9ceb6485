"""Integration scripts."""

from __future__ import annotations

from ._ready_made import ReadyMadeScript, ready_made, ready_made_script

__all__ = ["ReadyMadeScript", "ready_made", "ready_made_script"]
