"""Errors in Graph's shape, read and written. What each code means is in `error_codes`.

Source: Meta, "Error codes" and "Graph API error handling".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .error_codes import CODES, Action, ErrorCode, Retry, Scope, lookup
from .json_text import BadJson, read_json

__all__ = [
    "CODES",
    "Action",
    "ErrorCode",
    "GraphError",
    "Retry",
    "Scope",
    "graph_error",
    "lookup",
    "read_error",
]


@dataclass(frozen=True, slots=True)
class GraphError:
    """An error that Meta answered with. Its texts may quote the request, so `repr` leaves them out."""

    code: int
    message: str = field(repr=False)
    details: str = field(repr=False)
    """`error_data.details`; empty when there are none."""
    subcode: int | None
    is_transient: bool


def graph_error(
    code: int,
    message: str | None,
    details: str,
    trace_id: str,
    *,
    extra: Mapping[str, Any] | None = None,
    is_transient: bool = False,
) -> dict[str, Any]:
    """An error body as Graph answers it, `code` an integer as every client expects.

    `message` defaults to the code's title and is given the `(#code)` that Graph puts first; `extra` is added
    to the `error` object.
    """
    error: dict[str, Any] = {
        "message": f"(#{code}) {lookup(code).title if message is None else message}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": trace_id,
    }
    if is_transient:
        error["is_transient"] = True
    return {"error": {**error, **(extra or {})}}


def read_error(raw: bytes) -> GraphError | None:
    """The error in an answer of Meta's; None for whatever is not a Graph error with an integer code."""
    try:
        answer = read_json(raw)
    except BadJson:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    code = _integer(error.get("code")) if isinstance(error, dict) else None
    if not isinstance(error, dict) or code is None:
        return None
    data = error.get("error_data")
    return GraphError(
        code=code,
        message=_text(error.get("message")),
        details=_text(data.get("details")) if isinstance(data, dict) else "",
        subcode=_integer(error.get("error_subcode")),
        is_transient=error.get("is_transient") is True,
    )


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
