"""The Graph API out of a world: which node and edge a call means, and the faults that were ordered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tidegate.simulator import answers, reads
from tidegate.simulator.answers import Answer
from tidegate.simulator.calls import Call, Upload, read_call, token_of
from tidegate.simulator.clock import Clock
from tidegate.simulator.courier import Courier
from tidegate.simulator.estate import Estate, Number, Waba
from tidegate.simulator.faults import Fault, Faults, On, Then
from tidegate.simulator.media import MediaShelf
from tidegate.simulator.sending import refuse_access
from tidegate.simulator.world import World

_HTML: Final = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body>Something went wrong.</body></html>"
_APP: Final = {"id": reads.APP_ID, "name": "Simulated app", "link": ""}

_NUMBER_READS: Final[dict[str, Callable[[Estate, Number, Call, int], Answer]]] = {
    "": lambda estate, number, call, now_ms: reads.number_read(estate, number, call.query, now_ms),
    "whatsapp_business_profile": lambda _estate, number, _call, _now_ms: Answer(
        200, {"data": [{"messaging_product": "whatsapp"} | number.profile]}
    ),
}

_WABA_READS: Final[dict[str, Callable[[Estate, Waba, Call, int], Answer]]] = {
    "": lambda estate, waba, call, now_ms: reads.waba_read(estate, waba, call.query, now_ms),
    "message_templates": lambda estate, waba, call, now_ms: reads.template_list(
        estate, waba, call.query, call.url, now_ms
    ),
    "phone_numbers": lambda estate, waba, call, now_ms: reads.number_list(estate, waba, call.query, call.url, now_ms),
    "subscribed_apps": lambda _estate, _waba, _call, _now_ms: Answer(
        200, {"data": [{"whatsapp_business_api_data": _APP}]}
    ),
}


class Graph:
    """Answers calls out of a world."""

    def __init__(self, world: World, clock: Clock, courier: Courier, media: MediaShelf) -> None:
        self.faults = Faults()
        self._world = world
        self._clock = clock
        self._courier = courier
        self._media = media

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take any request outside the steering paths."""
        call = await read_call(request)
        fault = self.faults.take(call.kind)
        if fault is None:
            return _respond(self._answer(call))
        return await self._faulty(request, call, fault)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Give the bytes of an uploaded file."""
        medium = self._media.get(request.match_info["id"])
        if medium is None or refuse_access(self._world.estate, token_of(request, {}), medium.waba_id, "GET"):
            return _respond(self._world.trace(answers.unknown_object(request.match_info["id"], "GET")))
        return web.Response(body=medium.content, content_type=medium.mime_type)

    async def _faulty(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        answer = self._answer(call) if fault.accept else self._world.trace(answers.refusal(2))
        await asyncio.sleep(fault.hang_ms / 1_000)
        if fault.then is Then.STATUS:
            return _ordered(fault)
        return await _spoil(request, answer, fault.then)

    def _answer(self, call: Call) -> Answer:
        answer = self._send(call) if call.kind is On.SENDS else self._other(call)
        if answer.code is not None and "fbtrace_id" not in answer.body["error"]:
            answer = self._world.trace(answer)
        self._courier.stir()
        return answer

    def _send(self, call: Call) -> Answer:
        if isinstance(call.body, Answer):
            refused = refuse_access(self._world.estate, call.token, call.object_id, "POST")
            return refused or call.body
        lite = call.edge == "marketing_messages"
        return self._world.post_message(call.object_id, call.token, call.body, self._clock(), marketing_endpoint=lite)

    def _other(self, call: Call) -> Answer:
        if (call.method, call.object_id, call.edge) == ("GET", "debug_token", ""):
            return reads.token_read(self._world.estate, call.token, call.query)
        medium = self._media.get(call.object_id)
        object_id = medium.waba_id if medium else call.object_id
        refused = refuse_access(self._world.estate, call.token, object_id, call.method)
        if refused:
            return refused
        self._world.catch_up(self._clock())
        if medium and not call.edge:
            if call.method == "DELETE":
                self._media.delete(medium.id)
                return answers.SUCCESS
            return Answer(200, medium.described(call.base_url))
        if call.method == "GET":
            return self._read(call)
        return self._write(call)

    def _read(self, call: Call) -> Answer:
        estate, now_ms = self._world.estate, self._clock()
        number, waba = estate.numbers.get(call.object_id), estate.wabas.get(call.object_id)
        if number and call.edge in _NUMBER_READS:
            return _NUMBER_READS[call.edge](estate, number, call, now_ms)
        if waba and call.edge in _WABA_READS:
            return _WABA_READS[call.edge](estate, waba, call, now_ms)
        if number or waba or call.edge:
            return answers.unknown_path(call.edge)
        portfolio = estate.portfolios.get(call.object_id)
        if portfolio:
            return reads.portfolio_read(portfolio, call.query)
        template = next(template for template in estate.templates() if template.id == call.object_id)
        return reads.template_read(estate, template, call.query, now_ms)

    def _write(self, call: Call) -> Answer:
        number = self._world.estate.numbers.get(call.object_id)
        if number and (call.method, call.edge) == ("POST", "media"):
            return self._upload(number, call.body)
        if number and (call.method, call.edge) == ("POST", "whatsapp_business_profile"):
            return _change_profile(number, call.body)
        if call.object_id in self._world.estate.wabas and call.edge == "subscribed_apps":
            return answers.SUCCESS
        return answers.unknown_path(call.edge)

    def _upload(self, number: Number, body: object) -> Answer:
        if isinstance(body, Answer):
            return body
        if not isinstance(body, Upload):
            return answers.refusal(100, "The parameter file is required.")
        return Answer(200, {"id": self._media.put(number.waba_id, body.mime_type, body.content)})


def _change_profile(number: Number, body: object) -> Answer:
    if isinstance(body, Answer):
        return body
    if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
        return answers.refusal(100, "The parameter messaging_product is required and must be whatsapp.")
    number.profile.update({key: value for key, value in body.items() if key != "messaging_product"})
    return answers.SUCCESS


def _respond(answer: Answer) -> web.Response:
    headers = {"facebook-api-version": "v25.0"}
    text = json.dumps(answer.body, separators=(",", ":"))
    return web.Response(status=answer.http_status, text=text, content_type="application/json", headers=headers)


async def _cut(request: web.Request, status: int, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    response.content_type, response.content_length = "application/json", len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _ordered(fault: Fault) -> web.Response:
    body = answers.refusal(2).body if fault.body is None else fault.body
    text = body if isinstance(body, str) else json.dumps(body)
    return web.Response(status=fault.status, text=text, content_type="application/json", headers=fault.headers)


async def _spoil(request: web.Request, answer: Answer, then: Then) -> web.StreamResponse:
    text = json.dumps(answer.body)
    match then:
        case Then.HTML:
            return web.Response(status=502, text=_HTML, content_type="text/html")
        case Then.TRUNCATED:
            half = text[: len(text) // 2]
            return web.Response(status=answer.http_status, text=half, content_type="application/json")
        case Then.CUT:
            return await _cut(request, answer.http_status, text.encode())
        case Then.DROP:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        case _:
            return _respond(answer)
