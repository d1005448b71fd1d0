"""What the Graph API answers to a call: success bodies and errors in Meta's shape.

Codes, HTTP statuses and shape: Meta, "Cloud API error codes" and "Graph API: handle errors".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: an HTTP status and a JSON object."""

    http_status: int
    body: dict[str, Any]

    @property
    def code(self) -> int | None:
        """Meta's error code; None: the call succeeded."""
        error = self.body.get("error")
        return error["code"] if error else None


_ERRORS: Final[dict[int, tuple[int, str, str]]] = {
    2: (503, "Service temporarily unavailable", "The service is temporarily unavailable or overloaded."),
    100: (400, "Invalid parameter", "Invalid parameter."),
    368: (
        403,
        "Temporarily blocked for policies violations",
        "The account was restricted for violating a policy.",
    ),
    130429: (400, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: (
        400,
        "User's number is part of an experiment",
        "The message was not sent as part of an experiment.",
    ),
    131000: (500, "Something went wrong", "Message failed to send due to an unknown error."),
    131008: (400, "Required parameter is missing", "A required parameter is missing."),
    131009: (400, "Parameter value is not valid", "One or more parameter values are invalid."),
    131021: (400, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: (400, "Message undeliverable", "Message Undeliverable."),
    131031: (403, "Account has been locked", "The account has been locked."),
    131047: (
        400,
        "Re-engagement message",
        "More than 24 hours have passed since the recipient last replied.",
    ),
    131048: (400, "Spam rate limit hit", "There are restrictions on how many messages this number can send."),
    131049: (
        400,
        "Not delivered to maintain healthy ecosystem engagement",
        "Per-user marketing limit reached.",
    ),
    131050: (400, "User has stopped marketing messages", "The recipient chose to stop marketing messages."),
    131051: (400, "Unsupported message type", "Message type is currently not supported."),
    131053: (400, "Media upload error", "The media could not be uploaded."),
    131056: (
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages to this recipient.",
    ),
    131059: (400, "Invalid cursor", "The paging cursor is invalid or has expired."),
    131062: (400, "Recipient is not supported", "Authentication templates cannot be sent to a user id."),
    132001: (404, "Template does not exist", "The template does not exist in this language."),
    132015: (400, "Template is Paused", "Template is paused due to low quality so it cannot be sent."),
    132016: (400, "Template is Disabled", "Template was paused too often and is now permanently disabled."),
    133010: (400, "Account not registered", "The phone number is not registered on the platform."),
    134100: (
        400,
        "Only marketing messages are supported",
        "Only marketing templates can be sent on this endpoint.",
    ),
    135000: (
        400,
        "Generic user error",
        "The message was dropped while the portfolio's messages were reviewed.",
    ),
}

HREF: Final = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"


def refusal(code: int, details: str | None = None) -> Answer:
    """Answer with a WhatsApp error; `details` where the table's own are too general."""
    http_status, title, text = _ERRORS[code]
    error: dict[str, Any] = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or text},
    }
    if code == 2:
        error["is_transient"] = True
    return Answer(http_status, {"error": error})


def status_error(code: int) -> dict[str, Any]:
    """Build the error object that a `failed` status carries."""
    _, title, text = _ERRORS[code]
    return {"code": code, "title": title, "message": title, "error_data": {"details": text}, "href": HREF}


def bad_token() -> Answer:
    """Answer to a call without a valid access token."""
    return Answer(
        401,
        {
            "error": {
                "message": "Invalid OAuth access token - Cannot parse access token",
                "type": "OAuthException",
                "code": 190,
            }
        },
    )


def unknown_object(object_id: str, verb: str) -> Answer:
    """Answer to a call of an object that is not there, or not for this token; Graph does not tell which."""
    text = (
        f"Unsupported {verb.lower()} request. Object with ID '{object_id}' does not exist, "
        "cannot be loaded due to missing permissions, or does not support this operation. "
        "Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return Answer(400, {"error": {"message": text, "type": "GraphMethodException", "code": 100, "error_subcode": 33}})


def unknown_path(edge: str) -> Answer:
    """Answer to a call of an edge that its object does not have."""
    return Answer(
        400,
        {"error": {"message": f"Unknown path components: /{edge}", "type": "OAuthException", "code": 2500}},
    )


def accepted(recipient: str, wa_id: str | None, user_id: str, wamid: str, message_status: str | None) -> Answer:
    """Answer to a send that was taken; `recipient` as it was given, `message_status` for templates only."""
    contact = {"input": recipient, "wa_id": wa_id} if wa_id else {"input": recipient, "user_id": user_id}
    message = {"id": wamid} if message_status is None else {"id": wamid, "message_status": message_status}
    return Answer(200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})


def unknown_field(field: str, node: str) -> Answer:
    """Answer to a read of a field that its node type does not have."""
    text = f"(#100) Tried accessing nonexisting field ({field}) on node type ({node})"
    return Answer(400, {"error": {"message": text, "type": "OAuthException", "code": 100}})


SUCCESS: Final = Answer(200, {"success": True})
