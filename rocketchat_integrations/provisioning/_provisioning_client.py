"""The methods of a client that planning and applying call."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Protocol, overload

from rocketchat_integrations.models import (
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)


class ProvisioningClient(Protocol):
    """The methods of a client that :func:`plan` and :func:`apply` call.

    :class:`~rocketchat_integrations.Client` has them. :func:`apply` calls them from several threads at once.
    """

    @property
    def url(self) -> str:
        """The workspace's URL."""
        ...

    def list(self) -> Iterable[IntegrationRecord]:
        """Return all integrations that the user may see."""
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
        """Return the id of the user whose credentials the client has."""
        ...


class AsyncProvisioningClient(Protocol):
    """The methods of a client that ``plan_async`` and ``apply_async`` call.

    :class:`~rocketchat_integrations.aio.AsyncClient` has them. Several tasks call them at once.
    """

    @property
    def url(self) -> str:
        """The workspace's URL."""
        ...

    def list(self) -> AsyncIterable[IntegrationRecord]:
        """Return all integrations that the user may see."""
        ...

    @overload
    async def create(self, definition: IncomingIntegration) -> IncomingIntegrationRecord: ...
    @overload
    async def create(self, definition: OutgoingIntegration) -> OutgoingIntegrationRecord: ...

    @overload
    async def update(self, id: str, wanted: IncomingIntegration) -> IncomingIntegrationRecord: ...
    @overload
    async def update(self, id: str, wanted: OutgoingIntegration) -> OutgoingIntegrationRecord: ...

    async def remove(self, record: IntegrationRecord) -> None:
        """Remove an integration."""
        ...

    async def user_id(self) -> str:
        """Return the id of the user whose credentials the client has."""
        ...
