"""An HTTP answer as a value: it can be compared, kept and given again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from msgspec import Struct


class Reply(Struct, frozen=True, gc=False):
    """Status, headers and body.

    The body is left out of `repr`: it may name a recipient.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Reply(status={self.status!r}, headers={self.headers!r})"

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """The same answer with these headers too."""
        return Reply(self.status, {**self.headers, **headers}, self.body) if headers else self

    def response(self) -> web.Response:
        """The answer, ready to be written."""
        return web.Response(status=self.status, headers=self.headers, body=self.body)


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer of the control plane; it may be of use for this moment only, so it is not to be cached."""
    kept = {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})}
    return Reply(status, kept, orjson.dumps(body))
