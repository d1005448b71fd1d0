"""Headers on their way through: what is of one connection, of the gateway or of the caller's key stays here.

Sources: RFC 9110, 7.6.1 (hop-by-hop); Meta, "Graph API: rate limits" (the usage headers, which pass).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Ours, the way here, or what would make Graph do something else than the method says. Not Accept-Encoding of the
# caller's either: what Graph answers has to be looked at for links and tokens.
_KEPT_HERE: Final = _HOP_BY_HOP | {
    "accept-encoding",
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
}
_KEPT_HERE_PREFIXES: Final = ("tidegate-", "x-forwarded-")
_ANSWER_KEPT_HERE: Final = _HOP_BY_HOP | {"content-encoding", "server", "set-cookie", "date"}


def for_graph(headers: CIMultiDictProxy[str], token: str | None, *, keeps_length: bool) -> CIMultiDict[str]:
    """What of a request's headers goes on, with Meta's token; its Content-Length only where the body is as it was.

    `token` None: the caller's own is Meta's, and goes on as it came.
    """
    kept = CIMultiDict(
        (name, value)
        for name, value in _end_to_end(headers)
        if (lowered := name.lower()) not in _KEPT_HERE
        and not lowered.startswith(_KEPT_HERE_PREFIXES)
        and (keeps_length or lowered != "content-length")
    )
    own = headers.getall("Authorization", [])
    for authorization in own if token is None else [f"Bearer {token}"]:
        kept.add("Authorization", authorization)
    kept["Accept-Encoding"] = "identity"
    return kept


def for_caller(headers: CIMultiDictProxy[str]) -> list[tuple[str, str]]:
    """What of an answer's headers goes on; its body is given unpacked."""
    dropped = _ANSWER_KEPT_HERE | {"content-length"} if "Content-Encoding" in headers else _ANSWER_KEPT_HERE
    return [(name, value) for name, value in _end_to_end(headers) if name.lower() not in dropped]


def _end_to_end(headers: CIMultiDictProxy[str]) -> Iterator[tuple[str, str]]:
    named = {name.strip().lower() for value in headers.getall("Connection", []) for name in value.split(",")}
    return ((name, value) for name, value in headers.items() if name.lower() not in named)


def takes_gzip(headers: CIMultiDictProxy[str]) -> bool:
    """Whether whoever asked takes an answer in gzip, and says so (RFC 9110, 12.5.3)."""
    for wish in ",".join(headers.getall("Accept-Encoding", [])).split(","):
        coding, _, weight = wish.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
