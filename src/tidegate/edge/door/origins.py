"""Where a caller reached the gateway: the front of every address that is written for it."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web
from yarl import URL

_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")

#: The path prefix that was taken off the request's path.
PREFIX_KEY: Final = web.RequestKey("path_prefix", str)


def origin_of(request: web.Request, public_url: str | None) -> str:
    """Scheme, host and path prefix; empty when the configuration names no host, and the request none that is one."""
    if public_url is not None:
        return public_url
    host = request.headers.get("Host", "")
    return (
        f"{'https' if is_over_tls(request) else 'http'}://{host}{request.get(PREFIX_KEY, '')}"
        if _HOST.fullmatch(host)
        else ""
    )


def is_over_tls(request: web.Request) -> bool:
    """Whether the caller speaks TLS, to this node or to the first proxy before it.

    Each proxy adds its own to what the one before it has told: the first value is of the caller's own connection. Only
    the caller's own answer and cookie are written with it, so what a stranger says of himself harms nobody else.
    Sources: RFC 7239, 5.4 (`Forwarded: proto=`); `X-Forwarded-Proto` by custom.
    """
    told = ",".join(request.headers.getall("X-Forwarded-Proto", ())).split(",")
    protos = (element["proto"] for element in request.forwarded if "proto" in element)
    return request.secure or "https" in (told[0].strip().lower(), next(protos, "").lower())


def without_prefix(target: str, prefix: str) -> str | None:
    """A raw request target without the prefix; None for one that does not begin with it."""
    rest = target.removeprefix(prefix)
    if rest == target or rest[:1] not in ("", "/", "?"):
        return None
    return rest if rest.startswith("/") else f"/{rest}"


def as_url(target: str) -> URL:
    """A raw request target as aiohttp's parser gives it: nothing in it is decoded."""
    path, _, query = target.partition("?")
    return URL.build(path=path, query_string=query, encoded=True)
