"""Rules for incoming integrations: what is refused, and what is stored."""

from __future__ import annotations

import attrs

from ._documents import Document, random_text
from ._javascript import trim
from ._permissions import INCOMING_KIND
from ._refusals import broken_rule
from ._rules_shared import (
    SCRIPT_FIELDS,
    Rules,
    not_yours,
    replace_compiled,
    wrong_first_character,
)
from ._users import User

_CHANGEABLE = ("enabled", "name", "alias", "avatar", "emoji", "overrideDestinationChannelEnabled", *SCRIPT_FIELDS)


@attrs.frozen
class IncomingRules(Rules):
    """The rules of one server for incoming integrations."""

    kind = INCOMING_KIND

    def create(self, user: User, body: Document) -> Document:
        """Store and return a new integration."""
        details = {"method": "addIncomingIntegration"}
        self._check_permission(user, details)
        channels = _channels(body["channel"], details)
        poster = self._poster(body["username"], "error-invalid-user", "Invalid user", details)
        self._check_impersonation(poster, details)
        self._refuse_frozen_script(body)
        self._check_rooms(user, channels, details)
        fields = body | {"channel": channels, "token": random_text(48)}
        if fields.get("overrideDestinationChannelEnabled") is None:
            fields["overrideDestinationChannelEnabled"] = False
        return self._store(user, poster, fields)

    def update(self, user: User, document: Document, body: Document) -> None:
        """Change a stored integration, even if it is an outgoing one."""
        details = {"method": "updateIncomingIntegration"}
        channels = _channels(body["channel"], details)
        self._check_permission(user, details)
        if not self.kind.is_visible(user, document):
            raise not_yours("error-invalid-integration", "Invalid integration", details, user)
        self._refuse_frozen_change(document, body)
        # As on the real server, the new script runs even if the channels are refused afterwards.
        if not self.settings.frozen_scripts:
            replace_compiled(document, self._compiled(body))
        self._check_rooms(user, channels, details)
        changes: Document = {name: body[name] for name in _CHANGEABLE if name in body}
        changes["channel"] = channels
        if self.dialect.major >= 8:
            username = body.get("username", document.get("username"))
            poster = self._poster(username, "error-invalid-post-as-user", "Invalid Post As User", details)
            self._check_impersonation(poster, details)
            if "username" in body:
                changes |= {"username": poster.username, "userId": poster.id}
        # An empty engine changes nothing, unlike that of an outgoing integration.
        self._write(user, document, changes, body | {"scriptEngine": body.get("scriptEngine") or None})

    def delete(self, user: User, document: Document) -> None:
        """Delete a stored integration, even if it is an outgoing one; its history stays."""
        self._delete(user, document, {"method": "deleteIncomingIntegration"})


def _channels(channel: str, details: dict[str, str]) -> list[str]:
    if not trim(channel):
        raise broken_rule("error-invalid-channel", "Invalid channel", details, "channel is blank")
    channels = [trim(part) for part in channel.split(",")]
    for name in channels:
        if name[:1] not in ("#", "@"):
            # The real server names this method for new integrations as well.
            raise wrong_first_character(name, {"method": "updateIncomingIntegration"})
    return channels
