"""The route table, and the application that is made of it."""

from __future__ import annotations

from typing import Final

import orjson
from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.campaign_endpoints import CAMPAIGNS
from tidegate.edge.control.app_keys import list_keys, make_key, revoke_key
from tidegate.edge.control.audit import read_audit
from tidegate.edge.control.books import accept_books
from tidegate.edge.control.breakers import close_breaker
from tidegate.edge.control.capacity import capacity
from tidegate.edge.control.clock import advance_clock, read_clock
from tidegate.edge.control.consent import erase_recipient, read_recipient, write_consent
from tidegate.edge.control.decide import decide
from tidegate.edge.control.health import number_health
from tidegate.edge.control.messages import cancel_message, read_message
from tidegate.edge.control.pauses import end_pause, list_pauses, start_pause
from tidegate.edge.control.quality import read_quality
from tidegate.edge.control.queue import read_queue
from tidegate.edge.control.rules import read_rules_in_force, replace_rules
from tidegate.edge.control.standing import read_standing
from tidegate.edge.control.wallets import read_wallet, top_up
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.doorway import ID_KEY, doorway, expect
from tidegate.edge.endpoints import Endpoint, Face, KeyedHandler, OpenHandler, Parameter, Port, face_of
from tidegate.edge.grants import Grants
from tidegate.edge.graph import Graph
from tidegate.edge.health import Health
from tidegate.edge.in_hand import InHand
from tidegate.edge.keyring import Keyring, bearer, require
from tidegate.edge.openapi import document
from tidegate.edge.replies import Reply
from tidegate.edge.server import Listener, make_runner
from tidegate.edge.services import Services
from tidegate.edge.shapes import TEXT
from tidegate.edge.webhook import Webhook
from tidegate.edge.webhook_endpoints import WEBHOOKS
from tidegate.settings.tables import Scope

__all__ = ["IN_HAND", "Listener", "make_application", "make_runner"]

#: Where the application keeps what it has under way of Graph's face.
IN_HAND: Final = web.AppKey("in_hand", InHand)
_KEYRING: Final = web.AppKey("keyring", Keyring)

_READ: Final = (Scope.READ,)
_ADMIN: Final = (Scope.ADMIN,)
#: Who may stop, and not open again.
_STOP: Final = (Scope.ADMIN, Scope.ONCALL)
_V1: Final = "/gateway/v1"

_NUMBER: Final = Parameter("number", "query", "the phone_number_id to send from", TEXT, required=True)
_DAYS: Final = Parameter("days", "query", "how many days back, 30 unless said", {"type": "integer", "minimum": 1})
_FORGET: Final = Parameter("forget", "query", "true: what the user has refused is forgotten too", {"type": "boolean"})
_WISHES: Final = tuple(
    Parameter(name, "header", about, TEXT)
    for name, about in (
        ("Idempotency-Key", "the same key and body get the first answer again, for 24 h"),
        ("Tidegate-Category", "authentication, utility or marketing, of a template that is unknown here"),
        ("Tidegate-Hold", "queue or reject, when it may not go now"),
        ("Tidegate-Delivery", "at_most_once or at_least_once, when its outcome is not known"),
        ("Tidegate-Expires", "seconds, or an RFC 3339 time: never sent after it"),
        ("Tidegate-Not-Before", "an RFC 3339 time: never sent before it"),
        ("Tidegate-Campaign", "the campaign that it belongs to"),
        ("Tidegate-Dry-Run", "true: the verdict only"),
        ("traceparent", "W3C Trace Context, passed on"),
    )
)

_WHY: Final = Parameter("reason", "query", "why; required to end what another app has stopped", TEXT)
_REVOKED: Final = Parameter("reason", "query", "why, for the audit", TEXT)
_IF_MATCH: Final = Parameter("If-Match", "header", "the ETag of the rules that may be replaced", TEXT)

_AUDITED: Final = tuple(
    Parameter(name, "query", about, TEXT)
    for name, about in (
        ("portfolio", "of one portfolio; * for what concerns none"),
        ("act", "of one act, such as pause.start, or of all that begin so: pause"),
        ("app", "by one app"),
        ("since", "an RFC 3339 time: from then on"),
        ("until", "an RFC 3339 time: before it"),
        ("limit", "how many at most, 100 unless said"),
        ("before", "the next of the answer before"),
        ("after", "the chain of one portfolio from the entry after this number on, the oldest first"),
    )
)

_SENDS: Final = tuple(
    Endpoint(
        "POST",
        f"{version}/{{phone_number_id}}/{edge}",
        summary,
        {200: "SendAnswer", 400: "GraphError", 429: "GraphError", 503: "GraphError"},
        (Scope.SEND,),
        body="Message",
        parameters=_WISHES,
    )
    for edge, summary in (
        ("messages", "Send a message, or mark one as read"),
        ("marketing_messages", "Send a message by the Marketing Messages API"),
    )
    for version in ("", "/{version}")
)

_PASSED: Final = tuple(
    Endpoint(method, "/{version}/{object_id}", f"{method} anything else of Graph's", {200: "Graph"}, (Scope.SEND,))
    for method in ("GET", "POST", "DELETE")
)

_MEDIUM: Final = Endpoint(
    "GET", "/media/{link}", "A media file, at the address that its description gave", {200: ""}, (Scope.SEND,)
)

_CONTROL: Final = (
    Endpoint(
        "GET",
        f"{_V1}/portfolios/{{portfolio}}/capacity",
        "Who can still be reached, and when places come free",
        {200: "Capacity"},
        _READ,
        capacity,
    ),
    Endpoint("GET", f"{_V1}/messages/{{id}}", "What became of a message", {200: "MessageState"}, _READ, read_message),
    Endpoint(
        "DELETE",
        f"{_V1}/messages/{{id}}",
        "Cancel a message while it is queued",
        {200: "Cancelled", 409: "Problem"},
        (Scope.SEND, Scope.ADMIN),
        cancel_message,
    ),
    Endpoint(
        "POST",
        f"{_V1}/decide",
        "What would happen to a send, and why",
        {200: "Decision"},
        (Scope.SEND, Scope.READ),
        decide,
        body="Message",
        parameters=(_NUMBER, *(wish for wish in _WISHES if wish.name.startswith("Tidegate-"))),
    ),
    Endpoint(
        "GET",
        f"{_V1}/numbers/{{number}}/health",
        "How a number stands, and whether a campaign may start",
        {200: "NumberHealth"},
        _READ,
        number_health,
    ),
    Endpoint("GET", f"{_V1}/queue", "What waits, and for what", {200: "Queue"}, _READ, read_queue),
    Endpoint("GET", f"{_V1}/standing", "What Meta says now", {200: "Standing"}, _READ, read_standing),
    Endpoint(
        "GET",
        f"{_V1}/quality",
        "What Meta said, by date",
        {200: "Quality"},
        _READ,
        read_quality,
        parameters=(_DAYS,),
    ),
    Endpoint(
        "POST",
        f"{_V1}/breakers:close",
        "Close a breaker by hand",
        {200: "Breaker"},
        _ADMIN,
        close_breaker,
        body="BreakerClosing",
    ),
    Endpoint(
        "POST",
        f"{_V1}/books:accept",
        "Take the books as they are",
        {200: "BooksAccepted"},
        _ADMIN,
        accept_books,
        body="BooksOrder",
    ),
    Endpoint("GET", f"{_V1}/pauses", "The pauses in force", {200: "Pauses"}, _READ, list_pauses),
    Endpoint("POST", f"{_V1}/pauses", "Stop sends by hand", {201: "Pause"}, _STOP, start_pause, body="PauseOrder"),
    Endpoint(
        "DELETE",
        f"{_V1}/pauses/{{id}}",
        "Resume what was stopped",
        {200: "Resumed"},
        _ADMIN,
        end_pause,
        parameters=(_WHY,),
    ),
    Endpoint(
        "GET", f"{_V1}/recipients/{{phone}}/consent", "What a user wants", {200: "Recipient"}, _READ, read_recipient
    ),
    Endpoint(
        "PUT",
        f"{_V1}/recipients/{{phone}}/consent",
        "Write down what a user wants",
        {200: "Recipient"},
        (Scope.SEND, Scope.ADMIN),
        write_consent,
        body="ConsentOrder",
    ),
    Endpoint(
        "GET", f"{_V1}/recipients/{{phone}}", "What is known of a user", {200: "Recipient"}, _READ, read_recipient
    ),
    Endpoint(
        "DELETE",
        f"{_V1}/recipients/{{phone}}",
        "Forget a user",
        {200: "Erased"},
        _ADMIN,
        erase_recipient,
        parameters=(_FORGET,),
    ),
    Endpoint("GET", f"{_V1}/wallets/{{waba}}", "What an account may spend", {200: "Wallet"}, _READ, read_wallet),
    Endpoint(
        "POST",
        f"{_V1}/wallets/{{waba}}/top-ups",
        "Put money into an account's wallet",
        {200: "TopUp", 201: "TopUp", 409: "Problem"},
        _ADMIN,
        top_up,
        body="TopUpOrder",
    ),
    Endpoint(
        "GET", f"{_V1}/audit", "Who did what, when and why", {200: "Audit"}, _READ, read_audit, parameters=_AUDITED
    ),
    Endpoint("GET", f"{_V1}/keys", "Keys of apps", {200: "AppKeys"}, _ADMIN, list_keys),
    Endpoint(
        "POST",
        f"{_V1}/keys",
        "Make a key for an app",
        {201: "AppKeyMade", 409: "Problem"},
        _ADMIN,
        make_key,
        body="AppKeyOrder",
    ),
    Endpoint(
        "DELETE", f"{_V1}/keys/{{id}}", "Revoke a key", {200: "AppKey"}, _ADMIN, revoke_key, parameters=(_REVOKED,)
    ),
    *WEBHOOKS,
    *CAMPAIGNS,
    Endpoint("GET", f"{_V1}/rules", "The rules in force", {200: "RulesInForce"}, _READ, read_rules_in_force),
    Endpoint(
        "PUT",
        f"{_V1}/rules",
        "Replace the rules, as a whole or not at all",
        {200: "RulesInForce", 412: "Problem", 422: "Refused"},
        _ADMIN,
        replace_rules,
        body="RulesOrder",
        parameters=(_IF_MATCH,),
    ),
)

_TESTING: Final = (
    Endpoint("GET", f"{_V1}/testing/clock", "The store's time", {200: "Clock"}, _READ, read_clock),
    Endpoint(
        "POST",
        f"{_V1}/testing/clock",
        "Move the store's time forward",
        {200: "Clock"},
        _ADMIN,
        advance_clock,
        body="ClockAdvance",
    ),
)


def endpoints(services: Services) -> tuple[Endpoint, ...]:
    """Every endpoint of a node, Graph's face included."""
    health, webhook = Health(services), Webhook(services)

    async def description(_request: web.Request) -> web.Response:
        return web.Response(body=described, headers={"Content-Type": "application/json"})

    table = (
        *_SENDS,
        *_PASSED,
        _MEDIUM,
        *_CONTROL,
        *(_TESTING if services.steerable is not None else ()),
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
    described = orjson.dumps(document(table, services.version))
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
    table = endpoints(services)

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
            raise Denial(Kind.NOT_FOUND, "there is nothing here")
        allowed = ", ".join(sorted(methods))
        raise Denial(Kind.METHOD_NOT_ALLOWED, f"only {allowed}", headers={"Allow": allowed})

    application = web.Application(middlewares=[doorway(services.draining, services.metrics)])
    application[IN_HAND] = graph.in_hand
    application[_KEYRING] = keyring
    for row in filter(lambda row: port.serves(row.path), table):
        if row.keyed is not None:
            application.router.add_route(row.method, row.route, keyed(row, row.keyed), expect_handler=expect)
        elif row.open_to_all is not None:
            application.router.add_route(row.method, row.route, row.open_to_all, expect_handler=expect)
    application.router.add_route("*", r"/{path:[\s\S]*}", all_else, expect_handler=expect)
    return application
