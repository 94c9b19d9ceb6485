"""Rules for integrations of both types: posting user, rooms, scripts, and what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs

from ._dialect import Dialect
from ._documents import Document
from ._javascript import trim
from ._permissions import MESSAGE_IMPERSONATE, Kind
from ._refusals import Refusal, broken_rule, failure, forbidden
from ._rooms import PUBLIC_CHANNELS, SCOPES, Room
from ._scripts import check_script, compile_script, is_strict
from ._settings import Settings
from ._state import World
from ._users import User

SCRIPT_FIELDS = ("script", "scriptEnabled", "scriptEngine")
LACKS_IMPERSONATION = "error-user-lacks-message-impersonate-permission"

_SCRIPTS_DISABLED = "integration-scripts-disabled"


@attrs.frozen
class Rules:
    """The rules of one server for integrations of one type. They raise ``Refusal``."""

    kind: ClassVar[Kind]

    world: World
    dialect: Dialect
    settings: Settings

    def _delete(self, user: User, document: Document, details: dict[str, str]) -> None:
        self._check_permission(user, details)
        if not self.kind.is_visible(user, document):
            raise not_yours("error-invalid-integration", "Invalid integration", details, user)
        self.world.integrations.remove(document["_id"])

    def _check_permission(self, user: User, details: dict[str, str] | None, *, reason: str = "Unauthorized") -> None:
        if not user.has_any(self.kind.permissions):
            note = f"{user.username} has neither {self.kind.manage} nor {self.kind.manage_own}"
            raise forbidden(self.dialect, broken_rule("not_authorized", reason, details, note))

    def _poster(self, username: object, error_type: str, reason: str, details: dict[str, str]) -> User:
        """Return the user to post as."""
        if isinstance(username, str) and not trim(username):
            raise broken_rule("error-invalid-username", "Invalid username", details, "username is blank")
        poster = self.world.users.find(username)
        if poster is None:
            raise broken_rule(error_type, reason, details, f"there is no user {username!r} to post as")
        return poster

    def _check_impersonation(self, poster: User, details: dict[str, str]) -> None:
        """Refuse a user who may not be posted as, from 8.6 on."""
        if lacks_impersonation(self.dialect, self.settings, poster):
            reason = f"User selected for the incoming integration lacks the '{MESSAGE_IMPERSONATE}' permission."
            note = f"{poster.username} lacks {MESSAGE_IMPERSONATE}; rocket.cat has it in the default world"
            raise broken_rule(LACKS_IMPERSONATION, reason, details, note)

    def _check_rooms(self, user: User, channels: Iterable[str], details: dict[str, str]) -> None:
        """Refuse unknown rooms, and rooms without the user as a member unless the user may manage everything."""
        kind = self.kind
        for channel in channels:
            if channel == PUBLIC_CHANNELS:
                continue
            if channel in SCOPES.values():
                if kind.manage not in user.permissions:
                    raise _invalid_channel(f"{channel} needs {kind.manage}, which {user.username} lacks", details)
                continue
            place = self._find(channel)
            if place is None:
                note = f"there is no room or user {channel!r}"
                raise broken_rule("error-invalid-room", "Invalid room", details, note)
            is_member = isinstance(place, Room) and user.username in place.members
            if not is_member and not kind.permissions <= user.permissions:
                note = f"{user.username} is not in {channel} and has not both {kind.manage} and {kind.manage_own}"
                raise _invalid_channel(note, details)

    def _find(self, channel: str) -> Room | User | None:
        sign, name = channel[0], channel[1:]
        if sign == "#":
            return self.world.rooms.find(name)
        return self.world.users.find_by_name_or_id(name) if sign == "@" else None

    def _refuse_frozen_script(self, body: Document) -> None:
        if self.settings.frozen_scripts and trim(body.get("script") or ""):
            raise failure(_SCRIPTS_DISABLED, "this server does not take scripts (frozen_scripts)")

    def _refuse_frozen_change(self, document: Document, body: Document) -> None:
        """Refuse another script or engine on a server that froze scripts, from 8.x on. Before, both are ignored."""
        if not self.settings.frozen_scripts or self.dialect.major < 8:
            return
        script = trim(body.get("script") or "")
        is_same = script == trim(document.get("script") or "") and _engine(document, body) == document.get(
            "scriptEngine"
        )
        if script and not is_same:
            raise broken_rule(_SCRIPTS_DISABLED, "", None, "this server does not take changed scripts (frozen_scripts)")

    def _compiled(self, body: Document) -> Document:
        """Return the field that compiling the script gives; nothing if there is no script to compile."""
        script = body.get("script")
        if not (body["scriptEnabled"] and script and trim(script)):
            return {}
        if self.settings.scripts.is_on:
            return check_script(script, strict=is_strict(self.dialect, body))
        return compile_script(script, any_code=self.dialect.major >= 8)

    def _store(self, user: User, poster: User, fields: Document) -> Document:
        """Store and return a new integration, with the defaults filled in."""
        document = fields | {"userId": poster.id, "_createdBy": user.reference} | self._compiled(fields)
        if document.get("scriptEngine") is None:
            document["scriptEngine"] = "isolated-vm"
        if self.dialect.major >= 8:
            if self.dialect.skip_transpile == "stored":
                document["skipTranspile"] = bool(document.get("skipTranspile"))
            else:
                document.pop("skipTranspile", None)
            document = {name: value for name, value in document.items() if value is not None}
        document["_createdAt"] = document["_updatedAt"] = self.world.timestamp()
        self.world.integrations.add(document)
        return document

    def _write(self, user: User, document: Document, changes: Document, body: Document) -> None:
        """Change a stored integration."""
        if self.dialect.skip_transpile != "stored":
            changes.pop("skipTranspile", None)
        if self.settings.frozen_scripts:
            for name in SCRIPT_FIELDS:
                changes.pop(name, None)
        elif self.dialect.major >= 8:
            changes["scriptEngine"] = _engine(document, body)
            if self.dialect.skip_transpile == "stored":
                changes["skipTranspile"] = bool(body.get("skipTranspile"))
        document.update(changes)
        document["_updatedAt"] = self.world.timestamp()
        document["_updatedBy"] = user.reference


def lacks_impersonation(dialect: Dialect, settings: Settings, poster: User) -> bool:
    """Return whether the server asks for ``message-impersonate`` (from 8.6 on), and the user lacks it."""
    is_asked = dialect.is_at_least(8, 6) and settings.requires_impersonation
    return is_asked and MESSAGE_IMPERSONATE not in poster.permissions


def _engine(document: Document, body: Document) -> str:
    """Return the engine after an update."""
    engines = (body.get("scriptEngine"), document.get("scriptEngine"), "isolated-vm")
    return next(engine for engine in engines if engine is not None)


def replace_compiled(document: Document, outcome: Document) -> None:
    """Replace ``scriptCompiled`` and ``scriptError`` by the new one of them, if there is one."""
    if outcome:
        document.pop("scriptCompiled", None)
        document.pop("scriptError", None)
        document.update(outcome)


def wrong_first_character(channel: str, details: dict[str, str]) -> Refusal:
    """Return the refusal of a channel without ``#`` or ``@``."""
    return broken_rule(
        "error-invalid-channel-start-with-chars",
        "Invalid channel. Start with @ or #",
        details,
        f"channel {channel!r} must start with # or @",
    )


def not_yours(error_type: str, reason: str, details: dict[str, str] | None, user: User) -> Refusal:
    """Return the refusal of another user's integration."""
    return broken_rule(error_type, reason, details, f"the integration was not created by {user.username}")


def _invalid_channel(note: str, details: dict[str, str]) -> Refusal:
    return broken_rule("error-invalid-channel", "Invalid Channel", details, note)
