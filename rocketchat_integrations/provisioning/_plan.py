"""The plan: steps as a value, as text and as JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from rocketchat_integrations.exceptions import ConfigurationError, ProvisioningError

from . import _plan_files as files
from ._plan_text import lines_of
from ._steps import Create, Remove, Step, Unchanged, Update, digest, identity, label

_VERSION = 1


@attrs.frozen(kw_only=True)
class Plan:
    """The changes that bring a workspace in line with what is wanted. False if there are none.

    ``str(plan)`` describes it for people. All sequences are sorted by type and name. No secret is shown; a copy or a
    pickle of a plan drops secrets that were given as text. A plan does not name its workspace: apply it to the one that
    it was made for.

    Raises:
        ConfigurationError: if the plan has two steps for one integration.
    """

    creates: tuple[Create, ...] = ()
    """Integrations to create."""

    updates: tuple[Update, ...] = ()
    """Integrations to update or rename."""

    removals: tuple[Remove, ...] = ()
    """Integrations to remove. Empty without ``prune``."""

    unchanged: tuple[Unchanged, ...] = ()
    """Integrations that are as wanted."""

    prune: bool = False
    """Whether the plan was made with ``prune``."""

    def __attrs_post_init__(self) -> None:
        steps: list[Update | Remove | Unchanged] = [*self.updates, *self.removals, *self.unchanged]
        ids = [step.id for step in steps]
        names = [identity(step) for step in self.creates]
        if len(ids) != len(set(ids)) or len(names) != len(set(names)):
            raise ConfigurationError("the plan has two steps for one integration")

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order in which they are applied: renames, creates, other updates, removals."""
        renames = [update for update in self.updates if update.renamed_from is not None]
        others = [update for update in self.updates if update.renamed_from is None]
        return (*renames, *self.creates, *others, *self.removals)

    def __bool__(self) -> bool:
        return bool(self.creates or self.updates or self.removals)

    def __str__(self) -> str:
        as_wanted = f"{len(self.unchanged)} as wanted"
        if not self:
            return f"Nothing to do: {as_wanted}."
        counts = f"{len(self.creates)} to create, {len(self.updates)} to update, {len(self.removals)} to remove"
        return "\n".join([*(line for step in self.steps for line in lines_of(step)), f"{counts}, {as_wanted}."])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as data for a JSON file, to apply it later with :meth:`from_dict`.

        The data has the source of each secret; :func:`apply` reads the secret from there. Scripts are included, also
        the server's. A digest over all of it, fingerprints of unchanged integrations included, detects damage. The
        digest is no signature: it does not protect against changes by people who can write the file.

        Raises:
            ProvisioningError: if a secret was given as text.
        """
        literal = [label(*identity(step)) for step in self.steps if files.has_literals(step)]
        if literal:
            raise ProvisioningError(
                f"{', '.join(literal)}: the token is given as text and cannot be saved. Give its source in a manifest "
                '({ env = "NAME" } or { file = "path" }), or apply the plan without saving it'
            )
        content: dict[str, Any] = {
            "version": _VERSION,
            "prune": self.prune,
            "creates": [files.data_of(step) for step in self.creates],
            "updates": [files.data_of(step) for step in self.updates],
            "removals": [files.data_of(step) for step in self.removals],
            "unchanged": [files.data_of(step) for step in self.unchanged],
        }
        return {**content, "digest": digest(content)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan from the data of :meth:`to_dict`.

        Raises:
            ProvisioningError: if the data is not a plan, was changed, or has an unknown version.
        """
        try:
            content = {name: value for name, value in data.items() if name != "digest"}
            version, is_whole = content["version"], digest(content) == data["digest"]
            if version == _VERSION and is_whole:
                return cls(
                    prune=bool(content["prune"]),
                    creates=tuple(map(files.create_from, content["creates"])),
                    updates=tuple(map(files.update_from, content["updates"])),
                    removals=tuple(map(files.remove_from, content["removals"])),
                    unchanged=tuple(map(files.unchanged_from, content["unchanged"])),
                )
            problem = "it was changed or damaged" if version == _VERSION else f"version {version!r} is unknown"
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            problem = "it is not the data of a plan"
        raise ProvisioningError(f"not a valid plan: {problem}. Plan again")
