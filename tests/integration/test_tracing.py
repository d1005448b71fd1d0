"""Traces as a collector gets them: of a send, of one that was queued in between, of a webhook; and what is in none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr

from loadtest.deployment import APP_KEY, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.integration.edge.callers import Recorder, signed
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.policy.standing import Change
from tidegate.settings.tables import Relay as RelayTable
from tidegate.settings.tables import Tracing
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
USER = "15550109876"


@dataclass
class Collector:
    """Takes what is exported, and keeps it."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        assert request.path == "/v1/traces"
        self.raw.append(await request.read())
        return web.Response(body=b"", content_type="application/x-protobuf")

    def spans(self) -> Iterator[Any]:
        for raw in self.raw:
            for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans

    def named(self, name: str, trace: str = TRACE) -> list[Any]:
        """Spans of this name in a trace, in the order in which they began."""
        found = [span for span in self.spans() if span.name == name and span.trace_id.hex() == trace]
        return sorted(found, key=lambda span: int(span.start_time_unix_nano))


@asynccontextmanager
async def served(handle: Any) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@dataclass
class Place:
    """A node, who it exports to, and who plays Graph."""

    node: Node
    collector: Collector
    graph: Recorder
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        host, port = self.node.address
        return f"http://{host}:{port}"

    async def send(self, to: str = USER, **headers: str) -> aiohttp.ClientResponse:
        template = {"name": MARKETING, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": f"+{to}", "type": "template", "template": template}
        given = {"Authorization": f"Bearer {APP_KEY}", "traceparent": f"00-{TRACE}-{SPAN}-01", **headers}
        async with self.session.post(f"{self.url}/v25.0/{NUMBER.id}/messages", json=body, headers=given) as answer:
            await answer.read()
            return answer

    async def pause(self, stored: dict[str, Any] | None) -> None:
        now_ms = self.node.services.clock.now_ms()
        change = Change("pause", "pause-1", {"pause": stored}, "operator", now_ms, "a test")
        await self.node.services.signals.restand(PORTFOLIO, [change])

    def posted(self) -> list[str]:
        """The `traceparent` of each send that Graph got."""
        sends = [headers for _, path, headers, *_ in self.graph.requests if path.endswith("messages")]
        return [headers["traceparent"] for headers in sends]


@pytest.fixture
async def place(client: StoreClient, valkey_socket: str, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """`request.param`: rules that are in force."""
    collector, graph = Collector(), Recorder()
    async with served(collector.handle) as at, served(graph.handle) as meta, aiohttp.ClientSession() as session:
        settings = Deployment(rules=getattr(request, "param", {})).settings(socket_url(valkey_socket), meta)
        # Nobody listens there.
        hooks = {"webhook_url": "http://127.0.0.1:9/hooks", "webhook_secret": SecretStr("s" * 32)}
        apps = (settings.apps[0].model_copy(update=hooks), *settings.apps[1:])
        told = {"tracing": Tracing(endpoint=at), "apps": apps, "relay": RelayTable(allow_private=True)}
        node = await build(settings.model_copy(update=told))
        await node.start()
        here = Place(node, collector, graph, session)
        yield here
        if not node._ending.drains:
            await node.stop()


def said(span: Any) -> dict[str, Any]:
    kinds = {one.key: one.value for one in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in kinds.items()}


async def test_a_send_is_a_span_of_its_callers_trace_with_its_steps_in_it(place: Place) -> None:
    answer = await place.send()
    assert answer.status == 200
    await place.node.stop()

    [send] = place.collector.named("send")
    assert send.parent_span_id.hex() == SPAN
    told = said(send)
    assert told["tidegate.message_id"] == answer.headers["Tidegate-Id"]
    assert (told["tidegate.verdict"], told["tidegate.category"]) == ("send", "marketing")
    assert told["tidegate.queued"] is False
    for step in ("decide", "admit", "post", "settle"):
        # A machine that stalls lets a send be decided, or begun, once more.
        assert {span.parent_span_id for span in place.collector.named(step)} == {send.span_id}, step
    post = place.collector.named("post")[-1]
    assert (said(post)["tidegate.outcome"], said(post)["tidegate.status"]) == ("answered", 200)
    assert place.posted() == [f"00-{TRACE}-{post.span_id.hex()}-01"], "Meta's side goes on from the POST"


@pytest.mark.parametrize("place", [{"duplicates": {}}], indirect=True)
async def test_of_the_same_message_twice_the_first_is_one_span(place: Place) -> None:
    first, again = await place.send(), await place.send()
    assert again.headers["Tidegate-Duplicate-Of"] == first.headers["Tidegate-Id"]
    await place.node.stop()

    [send] = place.collector.named("send")
    assert said(send)["tidegate.message_id"] == first.headers["Tidegate-Id"]
    assert {span.parent_span_id for span in place.collector.named("admit")} == {send.span_id}


async def test_a_queued_send_goes_on_with_its_trace(place: Place) -> None:
    await place.pause({"scope": "number", "value": NUMBER.id, "reason": "a test", "until_ms": None, "by": "ops"})
    answer = await place.send(**{"Tidegate-Hold": "queue"})
    assert answer.headers["Tidegate-Verdict"] == "queue"
    await place.pause(None)

    async def went() -> bool:
        return len(place.posted()) == 1

    await until(went)
    await place.node.stop()
    first, *later = place.collector.named("send")
    assert (said(first)["tidegate.verdict"], said(first)["tidegate.reason"]) == ("queue", "paused_by_operator")
    assert said(later[-1])["tidegate.verdict"] == "send"
    assert {(span.parent_span_id, said(span)["tidegate.queued"]) for span in later} == {(first.span_id, True)}
    assert place.collector.named("post")[-1].parent_span_id == later[-1].span_id


async def test_a_send_without_a_trace_begins_one_and_an_unsampled_one_is_not_exported(place: Place) -> None:
    await place.send(traceparent="")
    await place.send("15550105432", traceparent=f"00-{TRACE}-{SPAN}-00")
    await place.node.stop()
    assert place.collector.named("send") == []
    [own] = [span for span in place.collector.spans() if span.name == "send"]
    assert own.parent_span_id == b""
    first, second = place.posted()
    assert first.split("-")[1] == own.trace_id.hex()
    assert (second.split("-")[1], second.split("-")[3]) == (TRACE, "00"), "it is passed on all the same"


async def test_a_webhook_is_a_trace_and_nothing_personal_is_in_any(place: Place) -> None:
    await place.send()
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
    message = {"from": USER, "id": "wamid.x", "timestamp": "1795000000", "type": "text", "text": {"body": "a secret"}}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message]}
    entry = {"id": WABA.id, "changes": [{"field": "messages", "value": value}]}
    raw = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    secret = place.node.settings.webhook.app_secrets[0].get_secret_value()
    async with place.session.post(f"{place.url}/webhooks/whatsapp", data=raw, headers=signed(raw, secret)) as answer:
        assert answer.status == 200
    await place.node.stop()
    [webhook] = [span for span in place.collector.spans() if span.name == "webhook"]
    for step in ("apply", "relay"):
        [span] = place.collector.named(step, webhook.trace_id.hex())
        assert span.parent_span_id == webhook.span_id
    exported = b"".join(place.collector.raw)
    assert exported
    for personal in (USER, USER[1:], "a secret", "wamid.x", APP_KEY, secret, WABA.access_token):
        assert personal.encode() not in exported, personal


async def test_a_collector_that_is_away_keeps_no_send_and_no_end_waiting(
    client: StoreClient, valkey_socket: str
) -> None:
    graph = Recorder()
    async with served(graph.handle) as meta, aiohttp.ClientSession() as session:
        settings = Deployment().settings(socket_url(valkey_socket), meta)
        node = await build(settings.model_copy(update={"tracing": Tracing(endpoint="http://127.0.0.1:9")}))
        await node.start()
        answer = await Place(node, Collector(), graph, session).send()
        assert answer.status == 200
        await node.stop()
