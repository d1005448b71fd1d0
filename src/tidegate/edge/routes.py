"""The route table, and the application that is made of it."""

from __future__ import annotations

from functools import cache
from typing import Final

import orjson
from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.dashboard.serving import Dashboard
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.description.openapi import document
from tidegate.edge.door.doorway import ID_KEY, doorway, expect
from tidegate.edge.door.in_hand import InHand
from tidegate.edge.door.keyring import Keyring, bearer, require
from tidegate.edge.door.server import CARRIERS, Listener, make_runner
from tidegate.edge.faces import Face, Port, face_of
from tidegate.edge.grants import Grants
from tidegate.edge.graph.face import Graph
from tidegate.edge.graph.straight import Straight
from tidegate.edge.health import Health
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.edge.shapes import TEXT
from tidegate.edge.straight_webhooks import StraightWebhooks
from tidegate.edge.table.campaigns import CAMPAIGNS
from tidegate.edge.table.control import CONTROL, TESTING
from tidegate.edge.table.endpoint import Endpoint, KeyedHandler, OpenHandler, Parameter
from tidegate.edge.table.graph import MEDIUM, PASSED, SENDS
from tidegate.edge.table.webhooks import WEBHOOKS
from tidegate.edge.webhook import Webhook

__all__ = ["IN_HAND", "Listener", "make_application", "make_runner"]

#: Where the application keeps what it has under way of Graph's face.
IN_HAND: Final = web.AppKey("in_hand", InHand)
_KEYRING: Final = web.AppKey("keyring", Keyring)


def endpoints(services: Services, webhook: Webhook | None = None) -> tuple[Endpoint, ...]:
    """Every endpoint of a node, Graph's face included. `webhook`: who takes webhooks otherwise too."""
    health, webhook = Health(services), webhook or Webhook(services)

    @cache
    def described() -> bytes:
        # Few ask for it: a start of a node does not wait for it.
        return orjson.dumps(document(table, services.version))

    async def description(_request: web.Request) -> web.Response:
        return web.Response(body=described(), headers={"Content-Type": "application/json"})

    table = (
        *SENDS,
        *PASSED,
        MEDIUM,
        *CONTROL,
        *WEBHOOKS,
        *CAMPAIGNS,
        *(TESTING if services.steerable is not None else ()),
        Endpoint(
            "GET",
            "/webhooks/whatsapp",
            "Meta's handshake",
            {200: "", 403: ""},
            open_to_all=webhook.handshake,
            parameters=tuple(
                Parameter(name, "query", about, TEXT, required=True)
                for name, about in (
                    ("hub.mode", "subscribe"),
                    ("hub.verify_token", "the token that Meta was told"),
                    ("hub.challenge", "given back"),
                )
            ),
        ),
        Endpoint(
            "POST",
            "/webhooks/whatsapp",
            "Meta's events, signed",
            {200: "", 401: "", 408: "", 413: "", 503: ""},
            open_to_all=webhook.receive,
        ),
        Endpoint("GET", "/healthz", "The process runs", {200: "Health"}, open_to_all=health.alive),
        Endpoint("GET", "/readyz", "New work is welcome", {200: "Health", 503: "Problem"}, open_to_all=health.ready),
        Endpoint("GET", "/metrics", "Prometheus' text format", {200: ""}, open_to_all=health.metrics),
        Endpoint("GET", "/openapi.json", "This document", {200: ""}, open_to_all=description),
    )
    return table


def make_application(services: Services, beside: web.Application | None = None) -> web.Application:
    """The application of one node's port; `beside`: of its other port, where this is the one of the control plane."""
    settings = services.settings
    port = Port.WHOLE if settings.server.control is None else Port.PUBLIC if beside is None else Port.CONTROL
    # Who is locked out on one port is on the other.
    keyring = (
        Keyring(services.keys, settings.server, services.clock, services.metrics)
        if beside is None
        else beside[_KEYRING]
    )
    grants = Grants(settings, services.credentials)
    graph = Graph(services, keyring, grants)
    dashboard = Dashboard(services, keyring, grants)
    webhook = Webhook(services)
    table = (*endpoints(services, webhook), *dashboard.endpoints())

    def keyed(endpoint: Endpoint, handler: KeyedHandler) -> OpenHandler:
        async def handle(request: web.Request) -> web.StreamResponse:
            app = await keyring.app(request, bearer(request.headers.getall("Authorization", [])))
            require(app, *endpoint.scopes)
            answer = await handler(Call(request, app, services, grants))
            return answer.response() if isinstance(answer, Reply) else answer

        return handle

    async def all_else(request: web.Request) -> web.StreamResponse:
        if not port.serves(request.raw_path):
            raise Denial(Kind.NOT_FOUND, "" if face_of(request.raw_path) is Face.GRAPH else "there is nothing here")
        if face_of(request.raw_path) is Face.GRAPH:
            return await graph.handle(request, request[ID_KEY])
        methods = {row.method for row in table if row.face is Face.CONTROL and row.pattern.fullmatch(request.path)}
        if not methods:
            return await dashboard.astray(request, Denial(Kind.NOT_FOUND, "there is nothing here"))
        allowed = ", ".join(sorted(methods))
        denial = Denial(Kind.METHOD_NOT_ALLOWED, f"only {allowed}", headers={"Allow": allowed})
        return await dashboard.astray(request, denial)

    application = web.Application(middlewares=[doorway(services.closing, services.metrics)])
    application[IN_HAND] = graph.in_hand
    application[_KEYRING] = keyring
    if port is not Port.CONTROL:
        prefix = settings.server.path_prefix
        webhooks = StraightWebhooks(webhook, services.ending, prefix)
        application[CARRIERS] = (webhooks, Straight(graph, services.ending, prefix))
    for row in filter(lambda row: port.serves(row.path), table):
        handler = row.open_to_all if row.keyed is None else keyed(row, row.keyed)
        if handler is not None:
            application.router.add_route(row.method, row.route, handler, expect_handler=expect)
    application.router.add_route("*", r"/{path:[\s\S]*}", all_else, expect_handler=expect)
    return application
