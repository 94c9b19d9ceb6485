"""The steps of a plan, as values. Secrets are in no repr and no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations._redaction import HIDDEN, redacted, spellings
from rocketchat_integrations.exceptions import ProvisioningError
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.models import Change, IntegrationDefinition, IntegrationRecord, IntegrationType

SECRET_FIELDS: Final = frozenset({"token"})
"""Fields whose values are kept in ``secrets``, and nowhere else in a step."""


@attrs.frozen(repr=False)
class LiteralSecret:
    """A secret given as text. Its repr hides it; a copy or a pickle drops it."""

    text: str | None
    """The secret; None in a copy."""

    def resolve(self) -> str:
        """Return the secret.

        Raises:
            ProvisioningError: if this is a copy.
        """
        if self.text is None:
            raise ProvisioningError("a copy of a plan has no secrets that were given as text: plan again")
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return LiteralSecret, (None,)

    def __repr__(self) -> str:
        return HIDDEN


Secrets: TypeAlias = Mapping[str, Secret | LiteralSecret]


def source_text(source: Secret | LiteralSecret) -> str:
    """Say where a secret comes from."""
    if isinstance(source, LiteralSecret):
        return "given as text"
    return f"from the environment variable {source.env!r}" if source.file is None else f"from the file {source.path!r}"


def _text_of(source: Secret | LiteralSecret) -> str | None:
    """Return the secret; None if it cannot be read here."""
    try:
        return source.resolve()
    except ProvisioningError:
        return None


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return the value of a field without the secrets that it quotes."""
    if isinstance(value, tuple):
        return tuple(redacted([*cast("tuple[object, ...]", value)], secrets))
    return redacted(value, secrets)


def shown_change(change: Change, secrets: tuple[str, ...]) -> Change:
    """Return a change to show: the value of a token as a whole is hidden, and the secrets that other fields quote."""
    if change.field in SECRET_FIELDS:
        return Change(change.field, *(None if value is None else HIDDEN for value in (change.old, change.new)))
    return Change(change.field, _without(change.old, secrets), _without(change.new, secrets))


def _names(fields: Mapping[str, object]) -> str:
    return f"<{', '.join(fields)}>"


@attrs.frozen(kw_only=True)
class Create:
    """Create a missing integration."""

    definition: IntegrationDefinition
    """What to create, without its secrets."""

    secrets: Secrets = attrs.field(hash=False)
    """Sources of its secrets, by field."""

    renamed_from: str | None = None
    """The old name that the entry gives; no integration has it."""

    @property
    def shown_fields(self) -> Mapping[str, Any]:
        """The fields to show: without secrets, also where other fields quote them.

        ``token`` is ``"<set>"`` if the step sets it, ``"<generated>"`` if the server generates it (of an incoming
        integration), and None if there will be none.
        """
        secrets = spellings(filter(None, map(_text_of, self.secrets.values())))
        fields = {name: _without(getattr(self.definition, name), secrets) for name in FIELDS[self.type]}
        if self.type is IntegrationType.INCOMING:
            return {**fields, "token": "<generated>"}
        return {**fields, **dict.fromkeys(self.secrets, "<set>")}

    @property
    def type(self) -> IntegrationType:
        """Its type."""
        return self.definition.type

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name


@attrs.frozen(kw_only=True)
class _Existing:
    """An integration that the workspace had when the plan was made."""

    id: str
    """Its id."""

    type: IntegrationType
    """Its type."""

    name: str
    """Its name; of an update, the wanted one."""

    seen: str = attrs.field(repr=False)
    """Fingerprint of the record when the plan was made."""


@attrs.frozen(kw_only=True)
class Update(_Existing):
    """Change an integration that differs from what is wanted."""

    renamed_from: str | None = None
    """Its current name, if the step renames it."""

    changes: tuple[Change, ...]
    """The fields to change, each with its value on the server and the wanted value, for people to read. Tokens are
    hidden, also inside other fields."""

    fields: Mapping[str, Any] = attrs.field(hash=False, repr=_names)
    """The values of the fields that the entry manages, without secrets. Other fields stay as they are."""

    secrets: Secrets = attrs.field(hash=False)
    """Sources of the secrets that change, by field."""


@attrs.frozen(kw_only=True)
class Remove(_Existing):
    """Remove an integration that is not wanted."""


@attrs.frozen(kw_only=True)
class Unchanged(_Existing):
    """An integration that is as wanted."""


Step: TypeAlias = Create | Update | Remove
"""One change to a workspace."""

Identity: TypeAlias = tuple[IntegrationType, str]
"""Type and name: what identifies an integration in a manifest."""


def identity(it: IntegrationDefinition | Step | Unchanged) -> Identity:
    """Return the type and the name."""
    return it.type, it.name


def label(it: IntegrationDefinition | Step | Unchanged, name: str | None = None) -> str:
    """Name an integration in a message, or another one of its type. Control characters are escaped."""
    return f"{it.type.name.lower()} {it.name if name is None else name!r}"


def fingerprint(record: IntegrationRecord) -> str:
    """Return a hash of the record, to detect changes.

    The token is left out, so that nobody can guess it from a plan file. A new token shows in ``updated_at``.
    """
    fields = [getattr(record, field) for field in FIELDS[record.type] if field not in SECRET_FIELDS]
    return digest([*fields, str(record.updated_at)])


def digest(data: object) -> str:
    """Return the SHA-256 of the data as JSON, independent of the order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
