"""Reads an HTTP request as a call of the Graph API: `/[version/]object[/edge]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import BodyPartReader, web
from multidict import MultiDict

from tidegate.simulator import answers
from tidegate.simulator.faults import On

_SENDS: Final = ("messages", "marketing_messages")


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `body` is parsed JSON, a form, an Upload, or the Answer that refuses it.

    `url` is the one called without its query, `base_url` its beginning up to the host.
    """

    method: str
    object_id: str
    edge: str
    token: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    url: str
    base_url: str
    body: object = field(repr=False)

    @property
    def kind(self) -> On:
        """What a fault knows it by."""
        return On.SENDS if self.method == "POST" and self.edge in _SENDS else On.READS


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came as multipart."""

    mime_type: str
    content: bytes = field(repr=False)


async def read_call(request: web.Request) -> Call:
    """Read a request with its whole body."""
    parts = [part for part in request.path.split("/") if part]
    if parts and re.fullmatch(r"v[0-9]+(\.[0-9]+)?", parts[0]):
        parts = parts[1:]
    body = await _read_body(request)
    base_url = f"{request.scheme}://{request.host}"
    query = MultiDict(request.query)
    return Call(
        request.method,
        parts[0] if parts else "",
        "/".join(parts[1:]),
        token_of(request, body if isinstance(body, dict) else {}),
        query,
        base_url + request.path,
        base_url,
        body,
    )


async def _read_body(request: web.Request) -> object:
    """Read a body by its type: JSON, a form whose values may be JSON, or a file; an Answer is its refusal."""
    if request.content_type == "multipart/form-data":
        return await _read_upload(request)
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type == "application/x-www-form-urlencoded":
        return {name: _loose(str(value)) for name, value in (await request.post()).items()}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return answers.refusal(100, "The request body is not valid JSON.")


def _loose(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


async def _read_upload(request: web.Request) -> object:
    upload: object = {}
    try:
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file":
                mime_type = part.headers.get("Content-Type", "application/octet-stream").partition(";")[0]
                upload = Upload(mime_type, bytes(await part.read(decode=False)))
    except ValueError:
        return answers.refusal(100, "The multipart body is not valid.")
    return upload


def token_of(request: web.Request, form: Mapping[str, Any]) -> str:
    """Find the access token: in the header, the query or a form; empty: there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "oauth"):
        return token.strip()
    return str(request.query.get("access_token") or form.get("access_token") or "")
