"""What planning and applying need of a client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, overload

from rocketchat_integrations.models import (
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)


class Workspace(Protocol):
    """What :func:`plan` and :func:`apply` need of a client: :class:`~rocketchat_integrations.Client` has it.

    It is called from several threads at once.
    """

    def list(self) -> Iterable[IntegrationRecord]:
        """All integrations that the user may see."""
        ...

    @overload
    def create(self, definition: IncomingIntegration) -> IncomingIntegrationRecord: ...
    @overload
    def create(self, definition: OutgoingIntegration) -> OutgoingIntegrationRecord: ...

    @overload
    def update(self, id: str, wanted: IncomingIntegration) -> IncomingIntegrationRecord: ...
    @overload
    def update(self, id: str, wanted: OutgoingIntegration) -> OutgoingIntegrationRecord: ...

    def remove(self, record: IntegrationRecord) -> None:
        """Remove an integration."""
        ...

    def user_id(self) -> str:
        """The id of the user who asks."""
        ...
