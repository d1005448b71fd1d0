"""The one middleware: every request gets an id, every fault an answer in the shape of its face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from tidegate.edge.denials import Denial, Kind, graph_reply, problem_reply
from tidegate.edge.door import request_ids
from tidegate.edge.door.connections import is_surplus
from tidegate.edge.faces import Face, face_of
from tidegate.edge.replies import Reply
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics

REQUEST_ID: Final = "X-Request-Id"
#: Where the handler finds the id.
ID_KEY: Final = web.RequestKey("request_id", str)
_CLOSE: Final = {"Connection": "close"}
#: Whether the process lives is asked of a full one too: it is not to be killed for that.
_ALIVE: Final = "/healthz"

log = structlog.get_logger()


def doorway(closing: Callable[[], bool], metrics: Metrics) -> Middleware:
    """The middleware. `closing`: whether connections are to be closed after their answers."""

    @web.middleware
    async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request_id_of(request.headers.get(REQUEST_ID, ""))
        request[ID_KEY] = request_id
        if is_surplus(request) and request.raw_path != _ALIVE:
            metrics.turned_away("connections")
            denial = Denial(Kind.OVERLOADED, "there are as many connections as there may be", headers=_CLOSE)
            response: web.StreamResponse = _rendered(request, denial, request_id)
        else:
            response = await _answered(request, handler, request_id)
        if not response.prepared:
            response.headers[REQUEST_ID] = request_id
            response.headers["Server"] = "tidegate"
        if closing():
            response.force_close()
        return response

    return pass_through


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer an Expect header: only 100-continue can be met (RFC 9110, 10.1.1)."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written is no part of the answer whose size the writer counts.
        request.writer.output_size = 0
        return None
    request_id = request_id_of(request.headers.get(REQUEST_ID, ""))
    return _rendered(request, Denial(Kind.EXPECTATION_FAILED, "only 100-continue"), request_id)


def refusal(fault: Exception, method: str, raw_path: str, request_id: str) -> Reply:
    """The answer to a request that ended in a fault, in the shape of its face."""
    face = face_of(raw_path)
    denial = _denial(fault)
    if denial is None:
        # A bug of ours: told to the log with its place, and to the caller as a fault that may pass.
        log.error("request_failed", request_id=request_id, method=method, face=face.value, exc_info=fault)
        denial = Denial(Kind.INTERNAL)
    return (graph_reply if face is Face.GRAPH else problem_reply)(denial, request_id)


def _denial(fault: Exception) -> Denial | None:
    if isinstance(fault, Denial):
        return fault
    return Denial(Kind.STORE_UNAVAILABLE) if isinstance(fault, StoreUnavailable) else None


async def _answered(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        _refuse_oddities(request)
        return await handler(request)
    except ConnectionError:
        # Nobody is there any more to be answered.
        raise
    except Exception as fault:
        return _rendered(request, fault, request_id)


def _refuse_oddities(request: web.Request) -> None:
    if request.version not in (HttpVersion11, HttpVersion10):
        # The status line repeats the request's version, and no answer may be in one that is not spoken here.
        request._cache["version"] = HttpVersion11
        raise _odd("HTTP/1.1 is spoken here")
    coding = request.headers.get("Transfer-Encoding")
    if coding is not None and (coding.lower() != "chunked" or request.version == HttpVersion10):
        # RFC 9112, 6.1: a body in another coding can't be read, and HTTP/1.0 has no chunks.
        raise _odd("a body has a Content-Length, or is chunked and in no other coding")
    if not request.raw_path.startswith("/"):
        raise _odd("the request target has to be a path")
    if "%" in request.raw_path[1:].partition("?")[0].partition("/")[0]:
        # Whatever stands before the gateway, and decides by the path who may reach what, has seen another one.
        raise Denial(Kind.NOT_FOUND)


def _odd(detail: str) -> Denial:
    return Denial(Kind.BAD_REQUEST, detail, headers={"Connection": "close"})


def _rendered(request: web.Request, fault: Exception, request_id: str) -> web.Response:
    reply = refusal(fault, request.method, request.raw_path, request_id)
    response = reply.response()
    if reply.headers.get("Connection") == "close":
        response.force_close()
    return response


def request_id_of(given: str) -> str:
    """The id of a request: what its caller calls it, where that is an id, else a new one."""
    return request_ids.given_id(given) or request_ids.new_id()
