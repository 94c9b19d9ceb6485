"""The steps of a plan: values. A secret that was given as text is shown by no repr, and leaves with no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations._redaction import HIDDEN
from rocketchat_integrations.exceptions import ProvisioningError
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.models import (
    Change,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
)

SECRET_FIELDS: Final = frozenset({"token"})
"""The fields whose values a step does not hold: its ``secrets`` say where they come from."""


@attrs.frozen(repr=False)
class LiteralSecret:
    """A secret that was given as text. No repr shows it, and a copy or a pickle leaves it behind."""

    text: str | None
    """The secret; None in a copy."""

    def resolve(self) -> str:
        """The secret.

        Raises:
            ProvisioningError: if this is a copy.
        """
        if self.text is None:
            raise ProvisioningError("a copy of a plan is without the secrets that were given as text: plan again")
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return LiteralSecret, (None,)

    def __repr__(self) -> str:
        return HIDDEN


Secrets: TypeAlias = Mapping[str, Secret | LiteralSecret]


def _names(fields: Mapping[str, object]) -> str:
    return f"<{', '.join(fields)}>"


@attrs.frozen(kw_only=True)
class Create:
    """An integration that is wanted and not there."""

    definition: IntegrationDefinition
    """What to create, without its secrets."""

    secrets: Secrets = attrs.field(hash=False)
    """Where its secrets come from, by field."""

    renamed_from: str | None = None
    """The name of the one that would have been renamed, had it been there."""

    @property
    def type(self) -> IntegrationType:
        """Its type."""
        return self.definition.type

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name


@attrs.frozen(kw_only=True)
class Update:
    """An integration that is there and not as wanted."""

    id: str
    """Its id."""

    type: IntegrationType
    """Its type."""

    name: str
    """The name that it will have."""

    renamed_from: str | None = None
    """The name that it has, if that is another."""

    changes: tuple[Change, ...]
    """The fields in which it differs, with what the server has and what is wanted. Those of a token have no values."""

    fields: Mapping[str, Any] = attrs.field(hash=False, repr=_names)
    """What is given for it, without secrets; fields that are not given stay as they are."""

    secrets: Secrets = attrs.field(hash=False)
    """Where the secrets that change come from, by field."""

    seen: str = attrs.field(repr=False)
    """The fingerprint of the record that was read."""


@attrs.frozen(kw_only=True)
class Remove:
    """An integration that is there and not wanted."""

    id: str
    """Its id."""

    type: IntegrationType
    """Its type."""

    name: str
    """Its name."""

    seen: str = attrs.field(repr=False)
    """The fingerprint of the record that was read."""


@attrs.frozen(kw_only=True)
class Unchanged:
    """An integration that is there and as wanted."""

    id: str
    """Its id."""

    type: IntegrationType
    """Its type."""

    name: str
    """Its name."""

    seen: str = attrs.field(repr=False)
    """The fingerprint of the record that was read."""


Step: TypeAlias = Create | Update | Remove
"""One thing to do."""

Identity: TypeAlias = tuple[IntegrationType, str]
"""What tells integrations apart for whoever writes them down: type and name."""


def identity(it: IntegrationDefinition | Step | Unchanged) -> Identity:
    """The type and the name."""
    return it.type, it.name


def called(type: IntegrationType, name: str) -> str:
    """How messages call an integration. The name is somebody's text: control characters are escaped."""
    return f"{type.name.lower()} {name!r}"


def fingerprint(record: IntegrationRecord) -> str:
    """What stays the same as long as nobody changes the integration.

    Without the token, which somebody with the fingerprint could try to guess: a new one shows in ``updated_at``.
    """
    fields = [getattr(record, field) for field in FIELDS[record.type] if field not in SECRET_FIELDS]
    return digest([*fields, str(record.updated_at)])


def digest(data: object) -> str:
    """The SHA-256 of what would be the same JSON, in any order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
