"""The tenant matrix: one app asks every endpoint for what is another app's, and learns not even that it is there.

The rows are the route table's own: an endpoint without a row here makes the test red.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from tests.factories import make_order
from tests.integration.edge.callers import (
    BOB,
    CHECKOUT,
    NUMBER,
    OTHER_NUMBER,
    OTHER_PORTFOLIO,
    OTHER_WABA,
    STRANGER,
    Answer,
    Caller,
    Recorder,
    accepted,
    template,
)
from tests.waiting import until
from tidegate.edge.routes import endpoints
from tidegate.settings import hash_key
from tidegate.store.key_records import key_id

V1 = "/gateway/v1"
WAMID = "wamid.HBgLOTHERSOTHERSOTHERS="
REASON, SOURCE, TEMPLATE, CAMPAIGN = (
    "a reason of others",
    "a form of others",
    "template_of_others",
    "campaign-of-others",
)
FILE = b"a file of others"


@dataclass
class Others:
    """What the other app has, and every word by which it could be recognised."""

    message: str = ""
    queued: str = ""
    pause: str = ""
    breaker: str = ""
    medium: str = ""
    campaign: str = ""
    key: str = key_id(hash_key(STRANGER))
    words: set[str] = field(default_factory=set)


class Row(NamedTuple):
    """A request for what is another's, and the status that it gets."""

    path: str
    status: int
    body: Any = None


def matrix(others: Others) -> dict[str, list[Row]]:
    """Every endpoint, as the route table names it."""
    send, number, waba = template(BOB), OTHER_NUMBER, OTHER_WABA
    consent = {"marketing": True, "source": "a form of mine"}
    recipient = f"{V1}/recipients/%2B{BOB[1:]}"
    return {
        "POST /{phone_number_id}/messages": [Row(f"/{number}/messages", 404, send)],
        "POST /{version}/{phone_number_id}/messages": [Row(f"/v25.0/{number}/messages", 404, send)],
        "POST /{phone_number_id}/marketing_messages": [Row(f"/{number}/marketing_messages", 404, send)],
        "POST /{version}/{phone_number_id}/marketing_messages": [Row(f"/v25.0/{number}/marketing_messages", 404, send)],
        "GET /{version}/{object_id}": [Row(f"/v25.0/{number}", 404), Row(f"/v25.0/{waba}/message_templates", 404)],
        "POST /{version}/{object_id}": [
            Row(f"/v25.0/{number}/register", 404, {}),
            Row(f"/v25.0/{waba}/message_templates", 404, {}),
        ],
        "DELETE /{version}/{object_id}": [Row(f"/v25.0/{waba}/message_templates?name={TEMPLATE}", 404)],
        "GET /media/{link}": [Row(others.medium, 404)],
        f"GET {V1}/portfolios/{{portfolio}}/capacity": [Row(f"{V1}/portfolios/{OTHER_PORTFOLIO}/capacity", 404)],
        f"GET {V1}/messages/{{id}}": [Row(f"{V1}/messages/{id_}", 404) for id_ in (others.message, WAMID)],
        f"DELETE {V1}/messages/{{id}}": [Row(f"{V1}/messages/{id_}", 404) for id_ in (others.queued, WAMID)],
        f"POST {V1}/decide": [Row(f"{V1}/decide?number={number}", 404, send)],
        f"GET {V1}/numbers/{{number}}/health": [Row(f"{V1}/numbers/{number}/health", 404)],
        f"GET {V1}/queue": [Row(f"{V1}/queue", 200)],
        f"GET {V1}/standing": [Row(f"{V1}/standing", 200)],
        f"GET {V1}/quality": [Row(f"{V1}/quality", 200)],
        f"POST {V1}/breakers:close": [Row(f"{V1}/breakers:close", 404, {"id": others.breaker, "reason": "mine"})],
        f"POST {V1}/books:accept": [Row(f"{V1}/books:accept", 404, {"portfolio": OTHER_PORTFOLIO, "reason": "mine"})],
        f"GET {V1}/pauses": [Row(f"{V1}/pauses", 200)],
        f"POST {V1}/pauses": [
            Row(f"{V1}/pauses", 404, {"scope": {"number": number}, "reason": "mine"}),
            Row(f"{V1}/pauses", 404, {"scope": {"portfolio": OTHER_PORTFOLIO}, "reason": "mine"}),
            # Of the caller's own portfolios, whatever else it may be the name of.
            Row(f"{V1}/pauses", 201, {"scope": {"template": "my_own"}, "reason": "mine"}),
        ],
        f"DELETE {V1}/pauses/{{id}}": [Row(f"{V1}/pauses/{others.pause}?reason=mine", 404)],
        # A user is nobody's: what each portfolio knows of them is.
        f"GET {V1}/recipients/{{phone}}/consent": [Row(f"{recipient}/consent", 200)],
        f"PUT {V1}/recipients/{{phone}}/consent": [Row(f"{recipient}/consent", 200, consent)],
        f"GET {V1}/recipients/{{phone}}": [Row(recipient, 200)],
        f"DELETE {V1}/recipients/{{phone}}": [Row(f"{recipient}?forget=true", 200)],
        f"GET {V1}/wallets/{{waba}}": [Row(f"{V1}/wallets/{waba}", 404)],
        f"POST {V1}/wallets/{{waba}}/top-ups": [
            Row(f"{V1}/wallets/{waba}/top-ups", 404, {"amount": "1", "reference": "mine"})
        ],
        f"GET {V1}/audit": [
            Row(f"{V1}/audit", 200),
            Row(f"{V1}/audit?app=stranger", 200),
            Row(f"{V1}/audit?portfolio={OTHER_PORTFOLIO}", 404),
            Row(f"{V1}/audit?portfolio={OTHER_PORTFOLIO}&after=0", 404),
            Row(f"{V1}/audit?portfolio=*", 404),
        ],
        # What is told of others' sends and stops to whom: tests/integration/edge/test_events.py.
        f"GET {V1}/events": [Row(f"{V1}/events?number={number}", 404)],
        f"GET {V1}/kpis": [Row(f"{V1}/kpis", 200), Row(f"{V1}/kpis?number={number}", 404)],
        f"GET {V1}/keys": [Row(f"{V1}/keys", 200)],
        f"POST {V1}/keys": [Row(f"{V1}/keys", 404, {"app": "stranger"})],
        f"DELETE {V1}/keys/{{id}}": [Row(f"{V1}/keys/{others.key}", 404)],
        # With webhooks that wait and are dead: tests/integration/relay/test_webhooks_told.py.
        f"GET {V1}/webhooks": [Row(f"{V1}/webhooks", 200)],
        f"GET {V1}/webhooks/dead": [Row(f"{V1}/webhooks/dead?app=stranger", 404)],
        f"POST {V1}/webhooks:replay": [Row(f"{V1}/webhooks:replay", 404, {"app": "stranger"})],
        f"GET {V1}/campaigns": [Row(f"{V1}/campaigns", 200)],
        f"POST {V1}/campaigns": [
            Row(f"{V1}/campaigns", 404, make_order(numbers=[number])),
            Row(f"{V1}/campaigns", 404, make_order(numbers=[NUMBER, number])),
        ],
        f"GET {V1}/campaigns/{{campaign}}/report": [Row(f"{V1}/campaigns/{others.campaign}/report", 404)],
        f"POST {V1}/outcomes": [
            Row(f"{V1}/outcomes", 200, {"outcomes": [{"message": others.message, "kind": "conversion"}]}),
            Row(f"{V1}/outcomes", 200, {"outcomes": [{"to": BOB, "number": number, "kind": "conversion"}]}),
        ],
        f"GET {V1}/campaigns/{{campaign}}": [Row(f"{V1}/campaigns/{others.campaign}", 404)],
        f"DELETE {V1}/campaigns/{{campaign}}": [Row(f"{V1}/campaigns/{others.campaign}", 404)],
        **{
            f"POST {V1}/campaigns/{{campaign}}/{verb}": [
                Row(f"{V1}/campaigns/{others.campaign}/{verb}", 404, {"reason": "none of ours"})
            ]
            for verb in ("start", "pause", "resume", "cancel")
        },
        f"POST {V1}/campaigns/{{campaign}}/audience": [Row(f"{V1}/campaigns/{others.campaign}/audience", 404)],
        f"GET {V1}/campaigns/{{campaign}}/recipients": [Row(f"{V1}/campaigns/{others.campaign}/recipients", 404)],
        f"GET {V1}/campaigns/{{campaign}}/audience/errors": [
            Row(f"{V1}/campaigns/{others.campaign}/audience/errors", 404)
        ],
        f"POST {V1}/campaigns:plan": [
            Row(f"{V1}/campaigns:plan", 404, {"numbers": [number], "recipients": 5}),
            Row(f"{V1}/campaigns:plan", 404, {"campaign_id": others.campaign}),
        ],
        f"GET {V1}/portfolios/{{portfolio}}/upgrade": [Row(f"{V1}/portfolios/{OTHER_PORTFOLIO}/upgrade", 404)],
        # One for all: the rules, the store's time, and what needs no key.
        f"GET {V1}/rules": [Row(f"{V1}/rules", 200)],
        f"PUT {V1}/rules": [Row(f"{V1}/rules", 422, {"rules": {"no_such_rule": 1}})],
        f"GET {V1}/testing/clock": [Row(f"{V1}/testing/clock", 200)],
        f"POST {V1}/testing/clock": [Row(f"{V1}/testing/clock", 400, {})],
        "GET /webhooks/whatsapp": [Row("/webhooks/whatsapp", 403)],
        "POST /webhooks/whatsapp": [Row("/webhooks/whatsapp", 401, {})],
        "GET /healthz": [Row("/healthz", 200)],
        "GET /readyz": [Row("/readyz", 200)],
        "GET /metrics": [Row("/metrics", 200)],
        "GET /openapi.json": [Row("/openapi.json", 200)],
    }


@pytest.fixture
async def tenant(bare: Caller, graph: Recorder) -> Others:
    """The other app, which has one of everything."""
    others = Others()

    async def answer(request: web.Request, raw: bytes) -> web.Response:
        if request.path.endswith("/777"):
            return web.json_response({"id": "777", "url": f"{graph.url}/file"})
        if request.path == "/file":
            return web.Response(body=FILE)
        if TEMPLATE.encode() in raw:
            fault = {"message": "(#131031) locked", "type": "OAuthException", "code": 131031, "fbtrace_id": "x"}
            return web.json_response({"error": fault}, status=400)
        return web.json_response(accepted(WAMID, BOB))

    graph.answer = answer

    async def done(method: str, path: str, status: int, body: Any = None, **headers: str) -> Answer:
        got = await bare(method, path, STRANGER, json=body, headers=headers)
        assert got.status == status, got.raw
        return got

    send = f"/v25.0/{OTHER_NUMBER}/messages"
    campaign = {"Tidegate-Campaign": CAMPAIGN}
    others.message = (await done("POST", send, 200, template(BOB), **campaign))["Tidegate-Id"] or ""
    soon = datetime.now(UTC) + timedelta(days=2)
    later = {"Tidegate-Not-Before": soon.strftime("%Y-%m-%dT%H:%M:%SZ")} | campaign
    others.queued = (await done("POST", send, 200, template(BOB), **later))["Tidegate-Id"] or ""
    consent = {"marketing": False, "source": SOURCE}
    await done("PUT", f"{V1}/recipients/%2B{BOB[1:]}/consent", 200, consent)
    await done("POST", f"{V1}/wallets/{OTHER_WABA}/top-ups", 201, {"amount": "123.45", "reference": REASON})
    link = (await done("GET", "/v25.0/777", 200)).body["url"]
    others.medium = link.removeprefix(bare.url)
    assert (await done("GET", others.medium, 200)).raw == FILE
    await done("POST", send, 400, template("+16505557777", TEMPLATE))

    async def has_opened() -> bool:
        breakers = (await done("GET", f"{V1}/standing", 200)).body["breakers"]
        others.breaker = breakers[0]["id"] if breakers else ""
        return bool(breakers)

    await until(has_opened)
    order = {"scope": {"number": OTHER_NUMBER}, "reason": REASON}
    others.pause = (await done("POST", f"{V1}/pauses", 201, order)).body["id"]
    await done("POST", f"{V1}/pauses", 201, {"scope": {"template": TEMPLATE}, "reason": REASON})
    order = make_order(numbers=[OTHER_NUMBER], name=REASON, audience=[{"to": BOB, "first_name": REASON}, {}])
    others.campaign = (await done("POST", f"{V1}/campaigns", 201, order)).body["id"]
    ours = {OTHER_NUMBER, OTHER_WABA, WAMID, REASON, SOURCE, TEMPLATE, CAMPAIGN, "stranger", "123.45", "EAAG-another"}
    others.words = ours | {
        others.message,
        others.queued,
        others.pause,
        others.breaker,
        others.key,
        others.campaign,
        FILE.decode(),
    }
    return others


async def test_one_app_sees_nothing_of_another_on_any_endpoint(bare: Caller, tenant: Others, make_node, graph) -> None:
    rows = matrix(tenant)
    table = endpoints((await make_node(graph.url)).services)
    assert {f"{row.method} {row.path}" for row in table} == set(rows), "an endpoint without a row, or the other way"
    before = len(graph.requests)
    for endpoint, requests in rows.items():
        method = endpoint.partition(" ")[0]
        for row in requests:
            got = await bare(method, row.path, CHECKOUT, json=row.body)
            assert got.status == row.status, (endpoint, got.status, got.raw)
            told = got.raw.decode() + json.dumps(dict(got.headers))
            # The operator's numbers are by portfolio, and those of all: `server.control_listen` keeps them inside.
            words = tenant.words | (set() if endpoint == "GET /metrics" else {OTHER_PORTFOLIO})
            assert not {word for word in words if word in told}, (endpoint, told)
    assert len(graph.requests) == before, "nothing was asked of Meta"


async def test_nothing_of_the_other_was_changed_by_it(bare: Caller, tenant: Others) -> None:
    for endpoint, requests in matrix(tenant).items():
        for row in requests:
            await bare(endpoint.partition(" ")[0], row.path, CHECKOUT, json=row.body)

    message = (await bare("GET", f"{V1}/messages/{tenant.queued}", STRANGER)).body
    consent = (await bare("GET", f"{V1}/recipients/%2B{BOB[1:]}", STRANGER)).raw.decode()
    pauses = (await bare("GET", f"{V1}/pauses", STRANGER)).body["pauses"]
    breakers = (await bare("GET", f"{V1}/standing", STRANGER)).body["breakers"]
    assert message["state"] == "queued"
    assert SOURCE in consent
    assert tenant.pause in {pause["id"] for pause in pauses}
    assert tenant.breaker in {breaker["id"] for breaker in breakers}


@pytest.mark.parametrize(
    ("id_of_others", "id_of_nobody"),
    [
        pytest.param(f"/v25.0/{OTHER_NUMBER}/messages", "/v25.0/999999999999999/messages", id="a number"),
        pytest.param(f"{V1}/portfolios/{OTHER_PORTFOLIO}/capacity", f"{V1}/portfolios/none/capacity", id="a portfolio"),
        pytest.param(f"{V1}/numbers/{OTHER_NUMBER}/health", f"{V1}/numbers/999999999999999/health", id="a health"),
        pytest.param(f"{V1}/wallets/{OTHER_WABA}", f"{V1}/wallets/999999999999999", id="a wallet"),
        pytest.param(f"{V1}/messages/{WAMID}", f"{V1}/messages/wamid.NOBODYNOBODYNOBODYNO=", id="a message"),
    ],
)
async def test_what_is_anothers_and_what_is_nobodys_are_one_answer(
    bare: Caller, tenant: Others, id_of_others: str, id_of_nobody: str
) -> None:
    method = "POST" if id_of_others.endswith("/messages") else "GET"
    body = template() if method == "POST" else None
    theirs, nobodys = [await bare(method, path, json=body) for path in (id_of_others, id_of_nobody)]

    volatile = {"x-request-id", "date"}
    assert (theirs.status, theirs.raw) == (404, nobodys.raw)
    headers = [{k: v for k, v in got.headers.items() if k.lower() not in volatile} for got in (theirs, nobodys)]
    assert headers[0] == headers[1]


async def test_an_idempotency_key_of_anothers_is_free(bare: Caller, tenant: Others, graph: Recorder) -> None:
    first = await bare.send(template("+16505550001"), STRANGER, OTHER_NUMBER, Idempotency_Key="k")
    mine = await bare.send(template("+16505550002"), CHECKOUT, NUMBER, Idempotency_Key="k")

    assert mine.status == 200
    assert mine["Idempotency-Replayed"] is None
    assert mine["Tidegate-Id"] != first["Tidegate-Id"]
