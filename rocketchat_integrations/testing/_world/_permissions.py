"""Permissions for the two types of integrations, and who may see what with them."""

from __future__ import annotations

from typing import Any

import attrs

from ._documents import Document, value_at
from ._users import User

INCOMING = "webhook-incoming"
OUTGOING = "webhook-outgoing"

MANAGE_INCOMING = "manage-incoming-integrations"
MANAGE_OWN_INCOMING = "manage-own-incoming-integrations"
MANAGE_OUTGOING = "manage-outgoing-integrations"
MANAGE_OWN_OUTGOING = "manage-own-outgoing-integrations"
MESSAGE_IMPERSONATE = "message-impersonate"


@attrs.frozen
class Kind:
    """One of the two types of integrations, by its permissions."""

    manage: str
    manage_own: str

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset((self.manage, self.manage_own))

    def is_visible(self, user: User, document: Any) -> bool:
        """Return whether a user may see and change a document of this type."""
        return self.manage in user.permissions or (
            self.manage_own in user.permissions and created_by(document) == user.id
        )


INCOMING_KIND = Kind(MANAGE_INCOMING, MANAGE_OWN_INCOMING)
OUTGOING_KIND = Kind(MANAGE_OUTGOING, MANAGE_OWN_OUTGOING)


def created_by(document: Any) -> Any:
    """Return the id of a document's creator; None where old data has none."""
    return value_at(document, "_createdBy._id")


def sees_all(user: User) -> bool:
    """Return whether a user may see every integration."""
    return user.permissions >= {INCOMING_KIND.manage, OUTGOING_KIND.manage}


def is_visible(user: User, document: Document) -> bool:
    """Return whether a user may see an integration."""
    kind = {INCOMING: INCOMING_KIND, OUTGOING: OUTGOING_KIND}.get(str(document.get("type")))
    return sees_all(user) if kind is None else kind.is_visible(user, document)
