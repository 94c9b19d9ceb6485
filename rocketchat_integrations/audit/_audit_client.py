"""The methods of a client that an audit calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord


class AuditWebhook(Protocol):
    """The method of a webhook that :func:`audit` calls."""

    def check(self) -> bool:
        """Ask the server for the webhook, and post nothing."""
        ...


class AuditClient(Protocol):
    """The methods of a client that :func:`audit` calls. They only read.

    :class:`~rocketchat_integrations.Client` has them.
    """

    def list(self, *, on_error: Callable[[DecodingError], object]) -> Iterable[IntegrationRecord]:
        """Return all integrations that the user may see."""
        ...

    def history(self, id: IntegrationRecord, *, on_error: Callable[[DecodingError], object]) -> Iterable[HistoryEntry]:
        """Return the calls of an outgoing integration, newest first."""
        ...

    def webhook(self, record: IntegrationRecord) -> AuditWebhook:
        """Return the webhook of an integration."""
        ...
