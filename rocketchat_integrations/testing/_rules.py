"""What the server checks in a definition behind its schema, and what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from ._dialect import Dialect
from ._javascript import trim
from ._refusals import Refusal, broken_rule, failure
from ._scripts import compile_script
from ._settings import Settings
from ._world import (
    MANAGE_INCOMING,
    MANAGE_OUTGOING,
    MANAGE_OWN_INCOMING,
    MANAGE_OWN_OUTGOING,
    Document,
    Room,
    User,
    World,
    dig,
    random_text,
)

_PUBLIC_CHANNELS = "all_public_channels"
_SCOPES = (_PUBLIC_CHANNELS, "all_private_groups", "all_direct_messages")
_SCRIPT_FIELDS = ("script", "scriptEnabled", "scriptEngine")


@attrs.frozen
class _Event:
    """What an event that sets off an outgoing integration makes use of."""

    channel: bool = True
    trigger_words: bool = False
    target_room: bool = False


_EVENTS = {
    "sendMessage": _Event(trigger_words=True),
    "fileUploaded": _Event(),
    "roomArchived": _Event(channel=False),
    "roomCreated": _Event(channel=False),
    "roomJoined": _Event(),
    "roomLeft": _Event(),
    "userCreated": _Event(channel=False, target_room=True),
}


@attrs.frozen
class Kind:
    """The permissions of one of the two types of integrations."""

    manage: str
    manage_own: str

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset((self.manage, self.manage_own))

    def shows(self, user: User, document: Any) -> bool:
        """Whether a user may see and touch a document as one of this kind."""
        return self.manage in user.permissions or (
            self.manage_own in user.permissions and created_by(document) == user.id
        )


INCOMING_KIND = Kind(MANAGE_INCOMING, MANAGE_OWN_INCOMING)
OUTGOING_KIND = Kind(MANAGE_OUTGOING, MANAGE_OWN_OUTGOING)


def created_by(document: Any) -> Any:
    """The id of a document's creator; None where old data has none."""
    return dig(document, "_createdBy._id")


@attrs.frozen
class Rulebook:
    """The rules of one server."""

    world: World
    dialect: Dialect
    settings: Settings

    # Incoming integrations

    def create_incoming(self, user: User, body: Document) -> Document:
        """Store a new incoming integration and return it."""
        details = {"method": "addIncomingIntegration"}
        if not user.has_any(INCOMING_KIND.permissions):
            raise _not_authorized("Unauthorized", details, user, INCOMING_KIND)
        channels = _incoming_channels(body["channel"], details)
        poster = self._poster(body["username"], "error-invalid-user", "Invalid user", details)
        self._refuse_frozen_script(body)
        self._check_rooms(user, channels, INCOMING_KIND, details, unknown_room="Invalid room")
        document = body | {"channel": channels, "token": random_text(48)}
        if document.get("overrideDestinationChannelEnabled") is None:
            document["overrideDestinationChannelEnabled"] = False
        return self._store(user, poster, document, self._compiled(body))

    def update_incoming(self, user: User, document: Document, body: Document) -> None:
        """Change a stored integration as the body of an incoming one wants it, whatever its type is."""
        details = {"method": "updateIncomingIntegration"}
        channels = _incoming_channels(body["channel"], details)
        if not user.has_any(INCOMING_KIND.permissions):
            raise _not_authorized("Unauthorized", details, user, INCOMING_KIND)
        if not INCOMING_KIND.shows(user, document):
            raise _not_yours("error-invalid-integration", "Invalid integration", details, user)
        # The script is put to work before the channels have been looked at: a refusal comes too late for it.
        if not self.settings.frozen_scripts:
            _replace_outcome(document, self._compiled(body))
        self._check_rooms(user, channels, INCOMING_KIND, details, unknown_room="Invalid room")
        changes = _pick(
            body,
            ("enabled", "name", "alias", "avatar", "emoji", "overrideDestinationChannelEnabled", *_SCRIPT_FIELDS),
        )
        changes["channel"] = channels
        if self.dialect.is_8 and "username" in body:
            poster = self._poster(body["username"], "error-invalid-post-as-user", "Invalid Post As User", details)
            changes |= {"username": poster.username, "userId": poster.id}
        self._write(user, document, changes, body)

    # Outgoing integrations

    def create_outgoing(self, user: User, body: Document) -> Document:
        """Store a new outgoing integration and return it."""
        if not user.has_any(OUTGOING_KIND.permissions):
            raise _not_authorized("", None, user, OUTGOING_KIND)
        poster, fields = self._checked_outgoing(user, body, unknown_user="error-invalid-user")
        self._refuse_frozen_script(body)
        return self._store(user, poster, fields, self._compiled(body))

    def update_outgoing(self, user: User, document: Document, body: Document) -> None:
        """Change a stored integration as the body of an outgoing one wants it, whatever its type is."""
        details = {"method": "updateOutgoingIntegration"}
        if not user.has_any(OUTGOING_KIND.permissions):
            raise _not_authorized("Unauthorized", details, user, OUTGOING_KIND)
        unknown_user = "error-invalid-post-as-user" if self.dialect.is_8 else "error-invalid-user"
        poster, fields = self._checked_outgoing(user, body, unknown_user=unknown_user)
        if not trim(fields.get("token") or ""):
            raise broken_rule(
                "error-invalid-token", "Invalid token", details, "an outgoing integration needs a token to be updated"
            )
        if not OUTGOING_KIND.shows(user, document):
            reason = "[methods] updateOutgoingIntegration -> integration not found"
            raise _not_yours("invalid_integration", reason, None, user)
        for name in ("type", "integrationId", "target_url"):
            fields.pop(name, None)
        if "runOnEdits" in fields:
            fields["runOnEdits"] = bool(fields["runOnEdits"])
        fields["userId"] = poster.id
        if not self.settings.frozen_scripts:
            # Without a script to compile, the script that was compiled before is gone as well.
            document.pop("scriptCompiled", None)
            _replace_outcome(document, self._compiled(body))
        self._write(user, document, fields, body)

    def _checked_outgoing(self, user: User, body: Document, *, unknown_user: str) -> tuple[User, Document]:
        """The user to post as, and the fields as they are stored."""
        required = {"function": "validateOutgoing._verifyRequiredFields"}
        event = _EVENTS.get(body["event"])
        if event is None:
            raise broken_rule(
                "error-invalid-event-type",
                "Invalid event type",
                required,
                f"event {body['event']!r} is none of {', '.join(_EVENTS)}",
            )
        if not trim(body["username"]):
            raise broken_rule("error-invalid-username", "Invalid username", required, "username is blank")
        if event.target_room and not body.get("targetRoom"):
            raise broken_rule(
                "error-invalid-targetRoom", "Invalid Target Room", required, f"{body['event']} needs a targetRoom"
            )
        urls = _not_blank(body.get("urls") or ())
        if not urls:
            raise broken_rule("error-invalid-urls", "Invalid URLs", required, "urls needs a URL that is not blank")
        channels = self._outgoing_channels(user, event, body)
        details = {"function": "validateOutgoing"}
        poster = self._poster(body["username"], unknown_user, "Invalid user", details)
        self._check_rooms(
            user,
            channels,
            OUTGOING_KIND,
            {"function": "validateOutgoing._verifyUserHasPermissionForChannels"},
            unknown_room="Invalid Room",
        )
        fields: Document = body | {"channel": channels, "urls": urls}
        words = fields.pop("triggerWords", None)
        if event.trigger_words and words is not None:
            fields["triggerWords"] = _not_blank(words)
        if fields.get("retryFailedCalls"):
            count = int(fields.get("retryCount") or 0)
            fields["retryCount"] = count if count > 0 else 4
            fields["retryDelay"] = (fields.get("retryDelay") or "powers-of-ten").lower()
        return poster, fields

    def _outgoing_channels(self, user: User, event: _Event, body: Document) -> list[str]:
        details = {"function": "validateOutgoing"}
        channel: str = body["channel"]
        if channel and not trim(channel):
            raise broken_rule("error-invalid-channel", "Invalid Channel", details, "channel is blank")
        if not event.channel:
            if MANAGE_OUTGOING not in user.permissions:
                raise broken_rule(
                    "error-invalid-permissions",
                    "Invalid permission for required Integration creation.",
                    details,
                    f"{body['event']} is for users with {MANAGE_OUTGOING}, which {user.username} lacks",
                )
            return []
        channels = [trim(part) for part in channel.split(",") if trim(part)]
        for name in channels:
            if name not in _SCOPES and name[0] not in "#@":
                raise _bad_start(name, details)
        return channels

    # Both kinds

    def _poster(self, username: object, error_type: str, reason: str, details: dict[str, str]) -> User:
        if isinstance(username, str) and not trim(username):
            raise broken_rule("error-invalid-username", "Invalid username", details, "username is blank")
        poster = self.world.find_user(username)
        if poster is None:
            raise broken_rule(error_type, reason, details, f"there is no user {username!r} to post as")
        return poster

    def _check_rooms(
        self, user: User, channels: Iterable[str], kind: Kind, details: dict[str, str], *, unknown_room: str
    ) -> None:
        """Refuse places that are none, and rooms that the user is not in unless they may manage everything."""
        for channel in channels:
            if channel == _PUBLIC_CHANNELS:
                continue
            if channel in _SCOPES:
                if kind.manage not in user.permissions:
                    raise _no_channel(
                        f"{channel} is for users with {kind.manage}, which {user.username} lacks", details
                    )
                continue
            place = self._place(channel)
            if place is None:
                raise broken_rule(
                    "error-invalid-room", unknown_room, details, f"there is no room or user behind {channel!r}"
                )
            is_member = isinstance(place, Room) and user.username in place.members
            if not is_member and not kind.permissions <= user.permissions:
                note = f"{user.username} is not in {channel} and has not both {kind.manage} and {kind.manage_own}"
                raise _no_channel(note, details)

    def _place(self, channel: str) -> Room | User | None:
        sign, name = channel[0], channel[1:]
        return self.world.find_room(name) if sign == "#" else self.world.find_member(name)

    def _compiled(self, body: Document) -> Document:
        """The fields that compiling the script gives, none where there is nothing to compile."""
        script = body.get("script")
        return compile_script(script) if body["scriptEnabled"] and script and trim(script) else {}

    def _refuse_frozen_script(self, body: Document) -> None:
        if self.settings.frozen_scripts and trim(body.get("script") or ""):
            raise failure("integration-scripts-disabled", "this server does not take scripts (frozen_scripts)")

    def _store(self, user: User, poster: User, fields: Document, outcome: Document) -> Document:
        document = fields | {"userId": poster.id, "_createdBy": user.reference} | outcome
        if document.get("scriptEngine") is None:
            document["scriptEngine"] = "isolated-vm"
        if self.dialect.is_8 and document.get("skipTranspile") is None:
            document["skipTranspile"] = False
        document["_createdAt"] = document["_updatedAt"] = self.world.timestamp()
        self.world.integrations.add(document)
        return document

    def _write(self, user: User, document: Document, changes: Document, body: Document) -> None:
        if self.settings.frozen_scripts:
            for name in _SCRIPT_FIELDS:
                changes.pop(name, None)
        if self.dialect.is_8:
            changes["skipTranspile"] = bool(body.get("skipTranspile"))
        document.update(changes)
        document["_updatedAt"] = self.world.timestamp()
        document["_updatedBy"] = user.reference


def _incoming_channels(channel: str, details: dict[str, str]) -> list[str]:
    if not trim(channel):
        raise broken_rule("error-invalid-channel", "Invalid channel", details, "channel is blank")
    channels = [trim(part) for part in channel.split(",")]
    for name in channels:
        if name[:1] not in ("#", "@"):
            # The server names this method also when it creates.
            raise _bad_start(name, {"method": "updateIncomingIntegration"})
    return channels


def _replace_outcome(document: Document, outcome: Document) -> None:
    """Keep of ``scriptCompiled`` and ``scriptError`` only the new one, if there is a new one."""
    if outcome:
        document.pop("scriptCompiled", None)
        document.pop("scriptError", None)
        document.update(outcome)


def _pick(body: Document, names: Iterable[str]) -> Document:
    return {name: body[name] for name in names if name in body}


def _not_blank(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if trim(text)]


def _bad_start(channel: str, details: dict[str, str]) -> Refusal:
    return broken_rule(
        "error-invalid-channel-start-with-chars",
        "Invalid channel. Start with @ or #",
        details,
        f"channel {channel!r} starts with neither # nor @",
    )


def _no_channel(note: str, details: dict[str, str]) -> Refusal:
    return broken_rule("error-invalid-channel", "Invalid Channel", details, note)


def _not_authorized(reason: str, details: dict[str, str] | None, user: User, kind: Kind) -> Refusal:
    note = f"{user.username} has neither {kind.manage} nor {kind.manage_own}"
    return broken_rule("not_authorized", reason, details, note)


def _not_yours(error_type: str, reason: str, details: dict[str, str] | None, user: User) -> Refusal:
    return broken_rule(error_type, reason, details, f"somebody else than {user.username} created the integration")


def delete(world: World, user: User, document: Document, kind: Kind) -> None:
    """Remove a stored integration as one of a kind, whatever its type is; outgoing ones with their history."""
    method = "deleteIncomingIntegration" if kind is INCOMING_KIND else "deleteOutgoingIntegration"
    details = {"method": method}
    if not user.has_any(kind.permissions):
        raise _not_authorized("Unauthorized", details, user, kind)
    if not kind.shows(user, document):
        raise _not_yours("error-invalid-integration", "Invalid integration", details, user)
    world.integrations.remove(document["_id"])
    if kind is OUTGOING_KIND:
        world.forget_history(document["_id"])


def manageable(world: World, user: User, integration_id: str, method: str) -> Document:
    """The outgoing integration whose history a user may clear or replay."""
    document = world.integrations.get(integration_id)
    if document is None or not OUTGOING_KIND.shows(user, document):
        note = f"there is no integration {integration_id!r} that {user.username} may manage"
        raise broken_rule("error-invalid-integration", "Invalid integration", {"method": method}, note)
    return document
