"""How the server says no: the answers of both dialects, each with a note in kinder words."""

from __future__ import annotations

from typing import Any

from ._dialect import Dialect


class Refusal(Exception):
    """The answer to a request that was turned down."""

    def __init__(self, status: int, body: Any, note: str) -> None:
        super().__init__(note)
        self.status = status
        self.body = body
        self.note = note


def failure(error: str, note: str) -> Refusal:
    """A 400 with nothing but a text."""
    return Refusal(400, {"success": False, "error": error}, note)


def broken_rule(error_type: str, reason: str, details: dict[str, str] | None, note: str) -> Refusal:
    """A 400 of one of the rules behind the schema."""
    body: dict[str, Any] = {
        "success": False,
        "error": f"{reason} [{error_type}]".lstrip(),
        "errorType": error_type,
    }
    if details is not None:
        body["details"] = details
    return Refusal(400, body, note)


def invalid_params(mistakes: list[str]) -> Refusal:
    """A 400 of the schema."""
    return Refusal(
        400,
        {"success": False, "error": "\n ".join(mistakes) + " [invalid-params]", "errorType": "invalid-params"},
        "the request schema does not allow it: " + "; ".join(mistakes),
    )


def not_logged_in(dialect: Dialect, note: str) -> Refusal:
    """A 401 for missing or wrong credentials."""
    message = "You must be logged in to do this."
    body: dict[str, Any] = {"status": "error", "message": message}
    if dialect.is_8:
        body |= {"success": False, "error": message}
    return Refusal(401, body, note)


def login_failed(error: str, message: str, note: str, details: dict[str, Any] | None = None) -> Refusal:
    """A 401 of the login itself."""
    body: dict[str, Any] = {"status": "error", "error": error, "message": message}
    if details is not None:
        body["details"] = details
    return Refusal(401, body, note)


def not_permitted(dialect: Dialect, username: str, permissions: frozenset[str]) -> Refusal:
    """A 403 for a user that has none of the permissions."""
    error = "unauthorized"
    if dialect.is_8:
        error = "User does not have the permissions required for this action [error-unauthorized]"
    wanted = ", ".join(sorted(permissions))
    return Refusal(403, {"success": False, "error": error}, f"{username} has none of the permissions {wanted}")


def too_many_requests(seconds: int, note: str) -> Refusal:
    """A 429."""
    error = (
        f"Error, too many requests. Please slow down. You must wait {seconds} seconds"
        " before trying this endpoint again. [error-too-many-requests]"
    )
    return Refusal(429, {"success": False, "error": error}, note)


def wrong_method(note: str) -> Refusal:
    """A 405 for an endpoint that exists with another method."""
    return Refusal(405, {"status": "error", "message": "API endpoint does not exist"}, note)


def broken(note: str) -> Refusal:
    """A 500."""
    return Refusal(500, {"success": False, "error": "Internal server error"}, note)


def wrong_webhook(dialect: Dialect, note: str) -> Refusal:
    """A webhook's address with an unknown id or a wrong token: servers of 8.x answer as if they had broken."""
    if dialect.is_8:
        return broken(note)
    return Refusal(404, {"success": False, "error": "Invalid integration id or token provided."}, note)


def webhook_disabled(dialect: Dialect, note: str) -> Refusal:
    """A 503 of a webhook that is switched off."""
    text = "Service Unavailable"
    return Refusal(503, {"success": False, "error": text} if dialect.is_8 else text, note)
