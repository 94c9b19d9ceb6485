"""Rules for outgoing integrations: what is refused, and what is stored."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ._documents import Document
from ._events import EVENT_KINDS, EventKind
from ._javascript import OBJECT_MEMBERS, trim
from ._permissions import OUTGOING_KIND
from ._refusals import broken_rule, failure
from ._rooms import SCOPES
from ._rules_shared import Rules, not_yours, replace_compiled, wrong_first_character
from ._users import User


@attrs.frozen
class OutgoingRules(Rules):
    """The rules of one server for outgoing integrations."""

    kind = OUTGOING_KIND

    def create(self, user: User, body: Document) -> Document:
        """Store and return a new integration."""
        self._check_permission(user, None, reason="")
        self._refuse_frozen_script(body)
        poster, fields = self._checked(user, body)
        return self._store(user, poster, fields)

    def update(self, user: User, document: Document, body: Document, *, cleared: Iterable[str] = ()) -> None:
        """Change a stored integration, even if it is an incoming one; clear fields that are left out."""
        details = {"method": "updateOutgoingIntegration"}
        self._check_permission(user, details)
        poster, fields = self._checked(user, body)
        if not trim(fields.get("token") or ""):
            note = "an outgoing integration needs a token to be updated"
            raise broken_rule("error-invalid-token", "Invalid token", details, note)
        if not self.kind.is_visible(user, document):
            reason = "[methods] updateOutgoingIntegration -> integration not found"
            raise not_yours("invalid_integration", reason, None, user)
        for name in ("type", "integrationId", "target_url"):
            fields.pop(name, None)
        fields["userId"] = poster.id
        self._refuse_frozen_change(document, body)
        fields = dict.fromkeys(cleared) | fields
        if not self.settings.frozen_scripts:
            self._recompile(document, body)
        self._write(user, document, fields, body)

    def _recompile(self, document: Document, body: Document) -> None:
        """Replace the script that runs. As on the real server, an update without a script stops the one that runs."""
        outcome = self._compiled(body)
        document.pop("scriptCompiled", None)
        if self.dialect.major >= 8 and not outcome:
            outcome = {"scriptError": None}
        replace_compiled(document, outcome)

    def delete(self, user: User, document: Document) -> None:
        """Delete a stored integration, even if it is an incoming one, and its history."""
        self._delete(user, document, {"method": "deleteOutgoingIntegration"})
        self.world.clear_history(document["_id"])

    def check_permission(self, user: User, method: str) -> None:
        """Refuse a user without a permission for outgoing integrations."""
        self._check_permission(user, {"method": method})

    def manageable(self, user: User, integration_id: str, method: str) -> Document:
        """Return the integration, if the user may clear or replay its history."""
        document = self.world.integrations.get(integration_id)
        if document is None or not self.kind.is_visible(user, document):
            note = f"there is no integration {integration_id!r} that {user.username} may manage"
            raise broken_rule("error-invalid-integration", "Invalid integration", {"method": method}, note)
        return document

    def _checked(self, user: User, body: Document) -> tuple[User, Document]:
        """Return the user to post as, and the fields as they are stored."""
        event, urls = _required_fields(body)
        channels = self._channels(user, event, body)
        no_user = "Invalid user (did you delete the `rocket.cat` user?)"
        poster = self._poster(body["username"], "error-invalid-user", no_user, {"function": "validateOutgoing"})
        self._check_rooms(user, channels, {"function": "validateOutgoing._verifyUserHasPermissionForChannels"})
        fields: Document = body | {"channel": channels, "urls": urls}
        words = fields.pop("triggerWords", None)
        if event.trigger_words and words is not None:
            fields["triggerWords"] = _not_blank(words)
        if "runOnEdits" in fields:
            fields["runOnEdits"] = bool(fields["runOnEdits"])
        if fields.get("retryFailedCalls"):
            count = int(fields.get("retryCount") or 0)
            fields["retryCount"] = count if count > 0 else 4
            fields["retryDelay"] = (fields.get("retryDelay") or "powers-of-ten").lower()
        return poster, fields

    def _channels(self, user: User, event: EventKind, body: Document) -> list[str]:
        details = {"function": "validateOutgoing"}
        channel: str = body["channel"]
        if channel and not trim(channel):
            raise broken_rule("error-invalid-channel", "Invalid Channel", details, "channel is blank")
        if not event.channel:
            if self.kind.manage not in user.permissions:
                raise broken_rule(
                    "error-invalid-permissions",
                    "Invalid permission for required Integration creation.",
                    details,
                    f"{body['event']} needs {self.kind.manage}, which {user.username} lacks",
                )
            return []
        channels = _not_blank(trim(part) for part in channel.split(","))
        for name in channels:
            # A scope in other case is refused as a room later.
            if name.lower() not in SCOPES.values() and name[0] not in "#@":
                raise wrong_first_character(name, details)
        return channels


def _required_fields(body: Document) -> tuple[EventKind, list[str]]:
    """Return the event and the URLs."""
    details = {"function": "validateOutgoing._verifyRequiredFields"}
    event = EVENT_KINDS.get(body["event"])
    if event is None and body["event"] not in OBJECT_MEMBERS:
        note = f"event must be one of {', '.join(EVENT_KINDS)}, not {body['event']!r}"
        raise broken_rule("error-invalid-event-type", "Invalid event type", details, note)
    if not trim(body["username"]):
        raise broken_rule("error-invalid-username", "Invalid username", details, "username is blank")
    if event is None:
        note = f"event {body['event']!r} is a member of every JavaScript object, which the real server stumbles over"
        raise failure("Cannot read properties of undefined (reading 'targetRoom')", note)
    if event.target_room and not body.get("targetRoom"):
        note = f"{body['event']} needs a targetRoom"
        raise broken_rule("error-invalid-targetRoom", "Invalid Target Room", details, note)
    urls = _not_blank(body.get("urls") or ())
    if not urls:
        raise broken_rule("error-invalid-urls", "Invalid URLs", details, "urls needs a URL that is not blank")
    return event, urls


def _not_blank(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if trim(text)]
