"""Answers that say no before, or instead of, the gateway: one table, rendered in the face's own error shape.

Graph's shape: Meta, "Graph API: handle errors". The control plane's: RFC 9457.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import orjson

from tidegate.edge.replies import Reply

#: Named in Graph bodies instead of a trace id where two answers have to be the same to the byte.
_NO_TRACE: Final = "tidegate"
RETRY_AFTER_S: Final = 5


class Kind(StrEnum):
    """What is wrong. The values are the stable `code` of the control plane's errors; append-only."""

    BAD_REQUEST = "bad_request"
    INVALID_MESSAGE = "invalid_message"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    CONTENT_TOO_LARGE = "content_too_large"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    EXPECTATION_FAILED = "expectation_failed"
    UNPROCESSABLE = "unprocessable"
    LOCKED_OUT = "locked_out"
    TOO_MANY_REQUESTS = "too_many_requests"
    OVERLOADED = "overloaded"
    STORE_UNAVAILABLE = "store_unavailable"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    DRAINING = "draining"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class _Row:
    """How a kind is answered: HTTP status, title, Graph code."""

    status: int
    title: str
    graph_code: int = 100
    graph_subcode: int | None = None


_TABLE: Final[dict[Kind, _Row]] = {
    Kind.BAD_REQUEST: _Row(400, "Invalid parameter"),
    Kind.INVALID_MESSAGE: _Row(400, "Invalid message"),
    Kind.UNAUTHENTICATED: _Row(401, "Invalid OAuth access token: it is no key of this gateway", 190),
    Kind.FORBIDDEN: _Row(403, "Application does not have permission for this action", 10),
    Kind.NOT_FOUND: _Row(
        404,
        "Unsupported request: the object does not exist, cannot be loaded due to missing permissions, or does not "
        "support this operation",
        graph_subcode=33,
    ),
    Kind.METHOD_NOT_ALLOWED: _Row(405, "Unsupported method"),
    Kind.REQUEST_TIMEOUT: _Row(408, "The request did not arrive in time"),
    Kind.CONFLICT: _Row(409, "The request conflicts with another one", 2),
    Kind.PRECONDITION_FAILED: _Row(412, "The precondition does not hold"),
    Kind.CONTENT_TOO_LARGE: _Row(413, "The body is too large"),
    Kind.UNSUPPORTED_ENCODING: _Row(415, "The body's encoding is not supported"),
    Kind.EXPECTATION_FAILED: _Row(417, "The expectation is not supported"),
    Kind.UNPROCESSABLE: _Row(422, "The request cannot be processed"),
    # Graph's own code for an application that asks too often ("Graph API: rate limiting").
    Kind.LOCKED_OUT: _Row(429, "Too many wrong keys", 4),
    # The one for pace, of which clients know that it passes within seconds.
    Kind.TOO_MANY_REQUESTS: _Row(429, "Too many requests at once", 130429),
    Kind.OVERLOADED: _Row(503, "The node has as much in hand as it may", 2),
    Kind.STORE_UNAVAILABLE: _Row(503, "The store is unavailable for the moment", 2),
    Kind.UPSTREAM_UNAVAILABLE: _Row(503, "The Cloud API is out of reach for the moment", 2),
    Kind.DRAINING: _Row(503, "The node is shutting down", 2),
    Kind.INTERNAL: _Row(503, "The service is unavailable for the moment", 2),
}


class Denial(Exception):
    """A request that is not carried out. `detail` is shown to the caller: it holds nothing of what was sent."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`extra`: further members of the control plane's error body."""
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _TABLE[self.kind].status


def draining() -> Denial:
    """Said while the node shuts down."""
    return Denial(Kind.DRAINING, "the node takes no more: nothing was sent", headers={"Connection": "close"})


def graph_reply(denial: Denial, request_id: str) -> Reply:
    """A denial in Graph's error shape."""
    row = _TABLE[denial.kind]
    error: dict[str, Any] = {
        "message": f"(#{row.graph_code}) {row.title}",
        "type": "OAuthException" if row.graph_subcode is None else "GraphMethodException",
        "code": row.graph_code,
    }
    if row.graph_subcode is not None:
        error["error_subcode"] = row.graph_subcode
    if row.graph_code == 2:
        error["is_transient"] = True
    error["error_data"] = {"messaging_product": "whatsapp", "details": denial.detail or row.title}
    if "Tidegate-Verdict" in denial.headers:
        error["tidegate"] = {"verdict": denial.headers["Tidegate-Verdict"], "reason": denial.headers["Tidegate-Reason"]}
    error["fbtrace_id"] = _NO_TRACE if denial.kind is Kind.NOT_FOUND else request_id
    return _reply(denial, row, "application/json", {"error": error})


def problem_reply(denial: Denial, request_id: str) -> Reply:
    """A denial as `application/problem+json` (RFC 9457) with its stable `code`."""
    row = _TABLE[denial.kind]
    body: dict[str, Any] = {
        "type": f"urn:tidegate:problem:{denial.kind.value}",
        "title": HTTPStatus(row.status).phrase,
        "status": row.status,
        "detail": denial.detail or row.title,
        "code": denial.kind.value,
    }
    if denial.kind is not Kind.NOT_FOUND:
        body["request_id"] = request_id
    return _reply(denial, row, "application/problem+json", body | denial.extra)


def _reply(denial: Denial, row: _Row, content_type: str, body: dict[str, Any]) -> Reply:
    headers = {"Content-Type": content_type, "Cache-Control": "no-store"} | denial.headers
    if row.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if row.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Reply(row.status, headers, orjson.dumps(body))
