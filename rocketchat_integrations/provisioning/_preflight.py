"""Prepare to apply a plan: resolve secrets, check that the workspace has not changed, and build the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from rocketchat_integrations._protocol.normalization import differences
from rocketchat_integrations.exceptions import ProvisioningError, StalePlan
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord

from ._client_protocol import ProvisioningClient
from ._plan import Plan
from ._steps import Create, Identity, Remove, Step, Update, fingerprint, identity, label


@attrs.frozen(eq=False)
class PreparedCall:
    """A step, and the call that carries it out."""

    step: Step
    act: Callable[[], object]


def prepare(plan: Plan, client: ProvisioningClient) -> list[list[PreparedCall]]:
    """Return the calls in phases: each phase starts when the one before is over.

    Raises:
        ProvisioningError: if a secret is missing.
        StalePlan: if the workspace has changed since the plan was made.
    """
    wanted = _definitions_to_create(plan)
    current = _Current.read(plan, client)
    reasons = list(_changes_since(plan, wanted, current))
    if reasons:
        raise StalePlan("\n".join(["the workspace has changed since the plan was made: plan again", *reasons]))

    def create(step: Create) -> PreparedCall:
        definition = wanted[identity(step)]
        is_there = bool(current.named[identity(step)])
        return PreparedCall(step, (lambda: None) if is_there else (lambda: client.create(definition)))

    def update(step: Update) -> PreparedCall:
        target = _with_secrets(attrs.evolve(current.touched[step.id], **step.fields), step)
        return PreparedCall(step, lambda: client.update(step.id, target))

    def remove(step: Remove) -> PreparedCall:
        record = current.touched[step.id]
        return PreparedCall(step, lambda: client.remove(record))

    return [
        [update(step) for step in plan.updates if step.renamed_from is not None],
        [create(step) for step in plan.creates],
        [update(step) for step in plan.updates if step.renamed_from is None],
        [remove(step) for step in plan.removals],
    ]


def _definitions_to_create(plan: Plan) -> dict[Identity, IntegrationDefinition]:
    """Return the definitions with their secrets; check the secrets of updates as well.

    Raises:
        ProvisioningError: if secrets are missing.
    """
    wanted: dict[Identity, IntegrationDefinition] = {}
    problems: list[str] = []
    steps: list[Create | Update] = [*plan.creates, *plan.updates]
    for step in steps:
        try:
            if isinstance(step, Create):
                wanted[identity(step)] = _with_secrets(step.definition, step)
            else:
                for source in step.secrets.values():
                    source.resolve()
        except (ProvisioningError, ValueError) as error:
            problems.append(f"{label(*identity(step))}: {error}")
    if problems:
        raise ProvisioningError("\n".join(problems))
    return wanted


_D = TypeVar("_D", IntegrationDefinition, IntegrationRecord)


def _with_secrets(definition: _D, step: Create | Update) -> _D:
    texts: Mapping[str, Any] = {field: source.resolve() for field, source in step.secrets.items()}
    return attrs.evolve(definition, **texts)


@attrs.frozen
class _Current:
    """The records that concern a plan, as the server has them now."""

    touched: dict[str, IntegrationRecord]
    """By id: records to update or remove."""

    named: dict[Identity, list[IntegrationRecord]]
    """By type and name: other records with a name that a step gives or renames."""

    @classmethod
    def read(cls, plan: Plan, client: ProvisioningClient) -> _Current:
        ids = {*(step.id for step in plan.updates), *(step.id for step in plan.removals)}
        touched: dict[str, IntegrationRecord] = {}
        named: dict[Identity, list[IntegrationRecord]] = {
            identity(step): [] for step in plan.steps if not isinstance(step, Remove)
        }
        named |= {(step.type, step.renamed_from): [] for step in plan.creates if step.renamed_from is not None}
        for record in client.list():
            if record.id in ids:
                touched[record.id] = record
            elif identity(record) in named:
                named[identity(record)].append(record)
        return cls(touched, named)


def _changes_since(plan: Plan, wanted: dict[Identity, IntegrationDefinition], current: _Current) -> Iterator[str]:
    """Describe what has changed since the plan was made."""
    for step in plan.steps:
        name = label(*identity(step))
        if isinstance(step, Create):
            existing = current.named[identity(step)]
            # One that is exactly as wanted comes from an earlier try with this plan.
            if len(existing) > 1 or any(differences(record, wanted[identity(step)]) for record in existing):
                yield f"{name} exists now"
            if step.renamed_from is not None and current.named[step.type, step.renamed_from]:
                yield f"{label(step.type, step.renamed_from)}, the old name of {name}, exists now"
            continue
        record = current.touched.get(step.id)
        if record is None:
            yield f"{name} ({step.id}) was removed"
        elif fingerprint(record) != step.seen:
            yield f"{name} ({step.id}) was changed"
        elif isinstance(step, Update) and step.renamed_from is not None and current.named[identity(step)]:
            yield f"{name} exists now: {step.id} cannot be renamed to it"
