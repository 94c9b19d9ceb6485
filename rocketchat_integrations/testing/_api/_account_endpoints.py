"""Endpoints ``login``, ``logout`` and ``info``."""

from __future__ import annotations

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._permissions import sees_all
from rocketchat_integrations.testing._world._refusals import login_failed

from ._endpoint import ApiCall, success


def login(call: ApiCall) -> Document:
    """Answer ``login``."""
    name = next((call.params[key] for key in ("user", "username", "email") if key in call.params), None)
    password, code = call.params.get("password"), call.params.get("code")
    user = call.world.users.find_by_login(str(name))
    if user is None or user.password != password:
        raise login_failed("Unauthorized", "Unauthorized", "there is no such user, or the password is wrong")
    factor = user.second_factor
    if factor is not None and code != factor.code:
        details = {"method": factor.method, "availableMethods": [factor.method]}
        if not code:
            note = f"a code ({factor.method}) is needed"
            raise login_failed("totp-required", "TOTP Required [totp-required]", note, details)
        raise login_failed("totp-invalid", "TOTP Invalid [totp-invalid]", "the code is wrong", details)
    me = {**user.profile, "emails": [{"address": user.email, "verified": True}]}
    data = {"userId": user.id, "authToken": call.world.users.log_in(user), "me": me}
    return {"status": "success", "data": data}


def logout(call: ApiCall) -> Document:
    """Answer ``logout``."""
    call.world.users.log_out(call.token)
    return {"status": "success", "data": {"message": "Logged out"}}


def info(call: ApiCall) -> Document:
    """Answer ``/api/info``: more to an administrator, who is a user with both permissions to manage integrations."""
    details = {"info": {"version": call.dialect.version}} if sees_all(call.user) else {}
    return success(version=call.dialect.version, **details)
