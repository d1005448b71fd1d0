"""Request bodies, read with a limit on size and time; and forms, turned into the JSON that they stand for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import parse_qsl

import aiohttp
import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.cloudapi.messages import BadMessage
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.headed import Headed

SEND_MOST: Final = 256 * 1024
SEND_DEADLINE_S: Final = 5.0
_MOST_FIELDS: Final = 200
#: Averaged over the time that a long body was waited for: a caller that is slower holds on to a connection.
_SLOWEST_BYTES_A_SECOND: Final = 1024


async def read_body(request: web.Request, most: int = SEND_MOST, deadline_s: float = SEND_DEADLINE_S) -> bytes:
    """The whole body. Raises Denial when it is longer than `most`, too slow, or broken off."""
    if (request.content_length or 0) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(deadline_s):
            while chunk := await request.content.readany():
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                chunks.append(chunk)
    except TimeoutError:
        detail = f"the body has to arrive within {deadline_s:g} s"
        raise Denial(Kind.REQUEST_TIMEOUT, detail, headers={"Connection": "close"}) from None
    except (aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError):
        raise _broken() from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def body_pieces(request: web.Request, most: int, stall_s: float, deadline_s: float) -> AsyncIterator[bytes]:
    """The body as it comes, for one that is too long to be held.

    Raises Denial when it is longer than `most`, when nothing comes for `stall_s`, when what has come by then was
    less than a KiB a second of waiting, when all of it has not come within `deadline_s`, and when it is broken off.
    """
    if (request.content_length or 0) > most:
        raise _too_large(most)
    loop = asyncio.get_running_loop()
    until_s, waited_s, size = loop.time() + deadline_s, 0.0, 0
    while True:
        began_s = loop.time()
        try:
            async with asyncio.timeout(min(stall_s, until_s - began_s)):
                piece = await request.content.readany()
            waited_s += loop.time() - began_s
            if waited_s > stall_s and size < waited_s * _SLOWEST_BYTES_A_SECOND:
                raise TimeoutError
        except TimeoutError:
            detail = f"the body has to go on within {stall_s:g} s, and to end within {deadline_s:g} s"
            raise Denial(Kind.REQUEST_TIMEOUT, detail, headers={"Connection": "close"}) from None
        except (aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError):
            raise _broken() from None
        if not piece:
            return
        size += len(piece)
        if size > most:
            raise _too_large(most)
        yield piece


def _broken() -> Denial:
    return Denial(Kind.BAD_REQUEST, "the body is not well-formed HTTP", headers={"Connection": "close"})


def _too_large(most: int) -> Denial:
    return Denial(Kind.CONTENT_TOO_LARGE, f"a body may have {most} bytes here", headers={"Connection": "close"})


def refuse_encoded(request: Headed) -> None:
    """Raises Denial for a compressed body: what is judged has to be what was sent."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Denial(Kind.UNSUPPORTED_ENCODING, "send the body without Content-Encoding")


def media_type(request: Headed) -> str:
    """What the body says that it is, without parameters; empty when it says nothing."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def is_form(request: Headed) -> bool:
    """Whether the body is an `application/x-www-form-urlencoded` one."""
    return media_type(request) == "application/x-www-form-urlencoded"


def is_json(request: Headed) -> bool:
    """Whether the body says that it is JSON."""
    return media_type(request) == "application/json"


def is_multipart(request: Headed) -> bool:
    """Whether the body is one of several parts."""
    return media_type(request).startswith("multipart/")


def form_text(raw: bytes) -> str:
    """A form's text, still escaped. Raises BadMessage for what is not ASCII, as every form is."""
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadMessage(100, "body: is no form: it has characters that a form escapes") from None


def form_to_json(pairs: str) -> bytes:
    """The JSON body that a form (without its credentials) stands for: values that are JSON objects or lists become
    such, all others stay strings.

    Raises BadMessage for a form that can be read in several ways.
    """
    try:
        fields = parse_qsl(pairs, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise BadMessage(100, f"body: must be a form of UTF-8 text with at most {_MOST_FIELDS} fields") from None
    body: dict[str, Any] = {}
    for name, value in fields:
        if name in body:
            raise BadMessage(100, "body: gives the same field twice")
        body[name] = _value(value)
    return orjson.dumps(body)


def _value(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return read_json(value.encode())
    except BadJson as fault:
        raise BadMessage(100, f"body: a field of the form begins like JSON, and {fault}") from None
