"""The endpoint ``say``, which a real server does not have: post a message as a user."""

from __future__ import annotations

from rocketchat_integrations.testing._world import _actions as actions
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._refusals import failure

from ._endpoint import ApiCall, success


def say(call: ApiCall) -> Document:
    """Post a message as ``user``, or else as the caller. The calls that it leads to are made in the background."""
    params = {name: str(call.params[name]) for name in ("user", "room", "text", "tmid") if call.params.get(name)}
    user = params.get("user", call.user.username)
    try:
        message = actions.say(call.world, user, params.get("room", ""), params.get("text", ""), params.get("tmid"))
    except (LookupError, ValueError) as error:
        raise failure(str(error), "nothing was posted") from None
    return success(id=message.document["_id"], room=message.room, user=message.user, text=message.text)
