"""An endpoint, a call of it, and how answers are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from rocketchat_integrations.testing._delivery._incoming_webhooks import HookRequest, PendingAnswer
from rocketchat_integrations.testing._delivery._script_runs import ScriptRuns
from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._permissions import is_visible, sees_all
from rocketchat_integrations.testing._world._settings import Settings
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User

from ._queries import PageRequest
from ._validator import Schema


@attrs.frozen(kw_only=True)
class ApiCall:
    """A request that has passed all checks of its endpoint."""

    world: World
    dialect: Dialect
    settings: Settings
    scripts: ScriptRuns
    params: Document
    """The body, or for GET the query, coerced by the schema."""
    user: User
    """The caller; a user without permissions if nobody is logged in, which some endpoints allow."""
    token: str
    """The caller's token; for a webhook, the token in its address."""
    integration_id: str
    """The id in a webhook's address."""
    hook_request: HookRequest
    """The request as the script of a webhook gets it."""

    @property
    def page(self) -> PageRequest:
        """The page of a list that the parameters ask for."""
        return PageRequest.from_params(self.params, self.settings)

    def visible(self, documents: Iterator[Document]) -> Iterator[Document]:
        """Return the integrations that the caller may see."""
        return documents if sees_all(self.user) else (each for each in documents if is_visible(self.user, each))


Handler: TypeAlias = Callable[[ApiCall], Document | PendingAnswer]
"""Acts on a call and returns the body of the answer, or what has to be done for it."""


@attrs.frozen(kw_only=True)
class Endpoint:
    """One endpoint in one dialect."""

    handle: Handler
    methods: tuple[str, ...]
    schema: Schema | None = None
    login: bool = True
    permissions: frozenset[str] | None = None
    """The caller needs one of these; None if no permission is needed."""
    limited: bool = True
    """Whether the rate limit counts calls of it."""


def success(**body: object) -> Document:
    """Return the body of a successful answer."""
    return {**body, "success": True}


def page_of(key: str, page: PageRequest, documents: Iterator[Document], *, with_items: bool) -> Document:
    """Return the body of an answer with one page of a list."""
    shown, total = page.cut(documents)
    number = len(shown)
    items = {"items": number} if with_items else {}
    return success(**{key: shown}, offset=page.offset, **items, count=number, total=total)
