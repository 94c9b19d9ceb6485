"""Error responses of all dialects, each with a note that explains it."""

from __future__ import annotations

from typing import Any

from ._dialect import Dialect


class Refusal(Exception):
    """A request is refused, with this status and body. The note is for debugging a test.

    ``plain`` refusals send their body as plain text instead of JSON.
    """

    def __init__(self, status: int, body: Any, note: str, *, plain: bool = False) -> None:
        super().__init__(note)
        self.status = status
        self.body = body
        self.note = note
        self.plain = plain


def failure(error: str, note: str) -> Refusal:
    """Return a 400 with an ``error`` alone."""
    return Refusal(400, {"success": False, "error": error}, note)


def broken_rule(error_type: str, reason: str, details: dict[str, str] | None, note: str) -> Refusal:
    """Return a 400 with an ``errorType``, as the rules behind the schema give it."""
    body: dict[str, Any] = {
        "success": False,
        "error": f"{reason} [{error_type}]".lstrip(),
        "errorType": error_type,
    }
    if details is not None:
        body["details"] = details
    return Refusal(400, body, note)


def forbidden(dialect: Dialect, refusal: Refusal) -> Refusal:
    """Return the refusal of something that the user may not do: a 403 without the code from 9.0 on, a 400 before."""
    if dialect.major < 9:
        return refusal
    body = {"success": False, "error": refusal.body["error"], "errorType": "error-forbidden"}
    return Refusal(403, body, refusal.note)


def invalid_params(violations: list[str]) -> Refusal:
    """Return a 400 for parameters that violate the schema."""
    return Refusal(
        400,
        {"success": False, "error": "\n ".join(violations) + " [invalid-params]", "errorType": "invalid-params"},
        "the request schema does not allow it: " + "; ".join(violations),
    )


def not_logged_in(dialect: Dialect, note: str) -> Refusal:
    """Return a 401 for missing or wrong credentials."""
    message = "You must be logged in to do this."
    body: dict[str, Any] = {"status": "error", "message": message}
    if dialect.major >= 8:
        body |= {"success": False, "error": message}
    return Refusal(401, body, note)


def login_failed(error: str, message: str, note: str, details: dict[str, Any] | None = None) -> Refusal:
    """Return a 401 of the login endpoint."""
    body: dict[str, Any] = {"status": "error", "error": error, "message": message}
    if details is not None:
        body["details"] = details
    return Refusal(401, body, note)


def not_permitted(dialect: Dialect, username: str, permissions: frozenset[str]) -> Refusal:
    """Return a 403 for a user with none of the permissions."""
    error = "unauthorized"
    if dialect.major >= 8:
        error = "User does not have the permissions required for this action [error-unauthorized]"
    wanted = ", ".join(sorted(permissions))
    return Refusal(403, {"success": False, "error": error}, f"{username} has none of the permissions {wanted}")


def too_many_requests(seconds: int, note: str) -> Refusal:
    """Return a 429."""
    error = (
        f"Error, too many requests. Please slow down. You must wait {seconds} seconds"
        " before trying this endpoint again. [error-too-many-requests]"
    )
    return Refusal(429, {"success": False, "error": error}, note)


def wrong_method(note: str) -> Refusal:
    """Return a 405 for an endpoint that exists with another method."""
    return Refusal(405, {"status": "error", "message": "API endpoint does not exist"}, note)


def internal_error(note: str) -> Refusal:
    """Return a 500."""
    return Refusal(500, {"success": False, "error": "Internal server error"}, note)


def wrong_webhook(dialect: Dialect, note: str) -> Refusal:
    """Return the answer to an unknown id or a wrong token of a webhook: a 500 from 8.x on, a 404 before."""
    if dialect.major >= 8:
        return Refusal(500, "Internal Server Error", note, plain=True)
    return Refusal(404, {"success": False, "error": "Invalid integration id or token provided."}, note)


def webhook_disabled(dialect: Dialect, note: str) -> Refusal:
    """Return a 503 of a webhook that is disabled."""
    text = "Service Unavailable"
    return Refusal(503, {"success": False, "error": text} if dialect.major >= 8 else text, note)
