"""A plan: what has to be done, for people, for programs and for files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from rocketchat_integrations.exceptions import ConfigurationError, ProvisioningError

from . import _files as files
from ._shown import lines_of
from ._steps import Create, Remove, Step, Unchanged, Update, called, digest, identity

_VERSION = 1


@attrs.frozen(kw_only=True)
class Plan:
    """What has to be done so that a workspace is as wanted. False if that is nothing.

    ``str(plan)`` is for people. All sequences are sorted by type and name. No secret is shown; a copy or a pickle of
    a plan leaves behind those that were given as text. A plan does not name its workspace: apply it to the one that
    it was made for.

    Raises:
        ConfigurationError: if two steps are about one integration.
    """

    creates: tuple[Create, ...] = ()
    """What is wanted and not there."""

    updates: tuple[Update, ...] = ()
    """What is there and not as wanted; a rename is an update."""

    removals: tuple[Remove, ...] = ()
    """What is there and not wanted. Empty without ``prune``."""

    unchanged: tuple[Unchanged, ...] = ()
    """What is there and as wanted."""

    prune: bool = False
    """Whether the plan was asked to remove."""

    def __attrs_post_init__(self) -> None:
        steps: list[Update | Remove | Unchanged] = [*self.updates, *self.removals, *self.unchanged]
        ids = [step.id for step in steps]
        names = [identity(step) for step in self.creates]
        if len(ids) != len(set(ids)) or len(names) != len(set(names)):
            raise ConfigurationError("a plan does one thing to one integration, and this one does two")

    @property
    def steps(self) -> tuple[Step, ...]:
        """All there is to do, in the order in which it is done: renames, creates, other updates, removals."""
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
        """The plan as data for a JSON file, to be applied later: :meth:`from_dict` reads it.

        Of a secret, the data has the place where it comes from, and :func:`apply` looks there again. The digest in it
        covers all of it: what is wanted of that which changes, and fingerprints of what was read, also of that which
        stays. It shows damage, but it is no signature: whoever can write the file can write what they want. A file
        made of it holds whole scripts, also the server's.

        Raises:
            ProvisioningError: if a secret was given as text.
        """
        literal = [called(*identity(step)) for step in self.steps if files.has_literals(step)]
        if literal:
            raise ProvisioningError(
                f"{', '.join(literal)}: the token is given as text, and no file may hold that. In a manifest, say "
                'where it comes from ({ env = "NAME" } or { file = "path" }), or apply the plan without saving it'
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
        """The plan that gave this data.

        Raises:
            ProvisioningError: if the data is none of a plan, was changed, or is of a version that this one does not
                know.
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
            problem = "it is not what to_dict gives"
        raise ProvisioningError(f"this is no plan that can be applied: {problem}. Plan again")
