"""The plan: steps as a value, as text and as JSON data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import attrs

from rocketchat_integrations.exceptions import ConfigurationError, ProvisioningError
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.manifest._secrets import SECRET_PREFIX, SecretRules, refused_in_plan
from rocketchat_integrations.models import Change

from ._plan_files import data_of, step_from, target_from
from ._steps import (
    SECRET_FIELDS,
    Create,
    LiteralSecret,
    Remove,
    Secrets,
    Step,
    Unchanged,
    Update,
    digest,
    identity,
    label,
    source_text,
)
from ._target import Target

# 1: only the fields that an entry gives were compared. 2: entries are exact.
_VERSION = 2
_KINDS = {"creates": Create, "updates": Update, "removals": Remove, "unchanged": Unchanged}


@attrs.frozen(kw_only=True)
class Plan:
    """The changes that bring a workspace in line with what is wanted. False if there are none.

    ``str(plan)`` describes it for people. All sequences are sorted by type and name. No secret is shown; a copy or a
    pickle of a plan drops secrets that were given as text. It is applied only to the workspace that it was made for.

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

    target: Target | None = None
    """The workspace that the plan was made for. A plan without one, which :func:`plan` did not make, is applied only
    with ``any_workspace``."""

    def __attrs_post_init__(self) -> None:
        steps: list[Update | Remove | Unchanged] = [*self.updates, *self.removals, *self.unchanged]
        ids = [step.id for step in steps]
        names = [identity(step) for step in self.creates]
        if len(ids) != len(set(ids)) or len(names) != len(set(names)):
            raise ConfigurationError("the plan has two steps for one integration")

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order in which they are applied: renames, creates, other updates, removals."""
        return tuple(step for phase in phases_of(self) for step in phase)

    def __bool__(self) -> bool:
        return bool(self.creates or self.updates or self.removals)

    def __str__(self) -> str:
        return "\n".join([*(line for step in self.steps for line in lines_of(step)), self.summary])

    @property
    def summary(self) -> str:
        """How many integrations are created, updated, removed and left as they are, in one line."""
        as_wanted = f"{len(self.unchanged)} as wanted"
        if not self:
            return f"Nothing to do: {as_wanted}."
        counts = f"{len(self.creates)} to create, {len(self.updates)} to update, {len(self.removals)} to remove"
        return f"{counts}, {as_wanted}."

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as data for a JSON file, to apply it later with :meth:`from_dict`.

        The data has the source of each secret; :func:`apply` reads the secret from there. Scripts are included, also
        the server's. A digest over all of it, fingerprints of unchanged integrations included, detects damage. The
        digest is no signature: it does not protect against changes by people who can write the file.

        Raises:
            ProvisioningError: if a secret was given as text.
        """
        literal = [
            label(step)
            for step in self.steps
            if not isinstance(step, Remove) and any(isinstance(it, LiteralSecret) for it in step.secrets.values())
        ]
        if literal:
            raise ProvisioningError(
                f"{', '.join(literal)}: the token is given as text and cannot be saved. Give its source in a manifest "
                '({ env = "NAME" } or { file = "path" }), or apply the plan without saving it'
            )
        content: dict[str, Any] = {"version": _VERSION, "prune": self.prune}
        content["target"] = None if self.target is None else attrs.asdict(self.target)
        content |= {name: [data_of(step) for step in getattr(self, name)] for name in _KINDS}
        return {**content, "digest": digest(content)}

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        *,
        allow_outside: bool = False,
        secret_prefix: str = SECRET_PREFIX,
        secret_names: Iterable[str] = (),
    ) -> Plan:
        """Return the plan from the data of :meth:`to_dict`.

        Others may be able to write the file, so what it reads and changes is checked: the sources of secrets here, and
        the changes that it shows by :func:`apply`, which compares them with those that it would make.

        Args:
            data: the data.
            allow_outside: let files of secrets be outside of the current folder.
            secret_prefix: how the names of environment variables begin that the plan may read.
            secret_names: environment variables that the plan may read although their names lack the prefix.

        Raises:
            ProvisioningError: if the data is not a plan, was changed, was made by another version of this package
                that writes plans in another format, or reads a secret that is not allowed.
        """
        plan = cls._from_valid(data)
        rules = SecretRules(secret_prefix, frozenset(secret_names))
        steps: list[Create | Update] = [*plan.creates, *plan.updates]
        reasons = [
            f"{label(step)}: {field}: {problem}"
            for step in steps
            for field, source in step.secrets.items()
            if isinstance(source, Secret) and (problem := refused_in_plan(source, rules, allow_outside=allow_outside))
        ]
        if reasons:
            raise ProvisioningError("\n".join(reasons))
        return plan

    @classmethod
    def _from_valid(cls, data: Mapping[str, Any]) -> Plan:
        """Return the plan. Raise ProvisioningError if the data is not that of a plan."""
        try:
            content = {name: value for name, value in data.items() if name != "digest"}
            problem = _format_problem(content["version"])
            if problem is None and digest(content) == data["digest"]:
                steps = {name: [step_from(kind, it) for it in content[name]] for name, kind in _KINDS.items()}
                return cls(
                    prune=bool(content["prune"]),
                    target=target_from(content["target"]),
                    **{name: tuple(group) for name, group in steps.items()},
                )
            problem = problem or "it was changed or damaged"
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            problem = "it is not the data of a plan"
        raise ProvisioningError(f"not a valid plan: {problem}. Plan again")


def _format_problem(version: Any) -> str | None:
    """Return why a plan in another format cannot be read; None if it is in this one."""
    if version == _VERSION:
        return None
    age = "an older" if version < _VERSION else "a newer"
    return f"it was made by {age} version of this package (format {version}; this version reads format {_VERSION})"


def phases_of(plan: Plan) -> list[list[Step]]:
    """Return the steps in phases: each phase is applied when the one before is over."""
    return [
        [step for step in plan.updates if step.renamed_from is not None],
        [*plan.creates],
        [step for step in plan.updates if step.renamed_from is None],
        [*plan.removals],
    ]


def lines_of(step: Step) -> Iterator[str]:
    """Describe a step: one line, then one for each field. Texts are escaped: no name can control the terminal."""
    if isinstance(step, Create):
        yield f"+ create {label(step)}"
        defaults = {field.name: field.default for field in attrs.fields(type(step.definition))}
        for name, value in step.shown_fields.items():
            if name in SECRET_FIELDS:
                yield from [f"    {name}: set, {source_text(step.secrets[name])}"] if name in step.secrets else []
            elif name != "name" and value != defaults[name]:
                yield f"    {name}: {_value_text(name, value)}"
    elif isinstance(step, Update):
        if step.renamed_from is None:
            yield f"~ update {label(step)} ({_id_text(step)})"
        else:
            yield f"~ rename {label(step, step.renamed_from)} to {step.name!r} ({_id_text(step)})"
        yield from (f"    {_change_line(change, step.secrets)}" for change in step.changes if change.field != "name")
    else:
        yield f"- remove {label(step)} ({_id_text(step)})"


def _id_text(step: Update | Remove) -> str:
    return repr(step.id)[1:-1]


def _change_line(change: Change, secrets: Secrets) -> str:
    if change.field in SECRET_FIELDS:
        return ", ".join([f"{change.field}: changed", *(source_text(it) for it in secrets.values())])
    line = f"{change.field}: {_value_text(change.field, change.old)} -> {_value_text(change.field, change.new)}"
    if change.field != "script":
        return line
    # Count the lines that only one of the scripts has, regardless of order.
    before, after = (Counter(str(text or "").splitlines()) for text in (change.old, change.new))
    return f"{line} (+{(after - before).total()} -{(before - after).total()} lines)"


def _value_text(field: str, value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(repr, cast("tuple[object, ...]", value)))
    if isinstance(value, str):
        return f"{len(value)} characters" if field == "script" else repr(str(value))
    return repr(value)
