"""How long the tests of the contract may take."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""What all property tests here build on: an example is a conversation with a server, or with another process."""
