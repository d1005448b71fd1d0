"""The simulator over real HTTP: the API's face, signed webhooks, steering and faults."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tidegate.cloudapi.webhooks import Unrecognised, read_envelope, verify_signature
from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, exactly
from tidegate.simulator.clock import SteerableClock
from tidegate.simulator.config import DEFAULT_TOKEN, SimulatorConfig
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import Simulator, run_simulator

NUMBER, WABA, PORTFOLIO = "106540352242922", "102290129340398", "lucky-shrub"
ANN = "+16505551234"
BEARER = {"Authorization": f"Bearer {DEFAULT_TOKEN}"}
START_MS = 1_795_176_000_000


def template(to: str = ANN, name: str = "order_confirmation", **more: Any) -> dict[str, Any]:
    named = {"name": name, "language": {"code": "en_US"}}
    return {"messaging_product": "whatsapp", "to": to, "type": "template", "template": named} | more


@dataclass
class Listener:
    """A webhook endpoint that keeps what it gets and answers what it is told to."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.signatures.append(request.headers["X-Hub-Signature-256"])
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def statuses(self) -> list[dict[str, Any]]:
        changes = [change for body in self.bodies for entry in json.loads(body)["entry"] for change in entry["changes"]]
        return [status for change in changes for status in change["value"].get("statuses", [])]


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_post("/webhooks", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
    yield made
    await runner.cleanup()


@pytest.fixture
async def simulator(listener: Listener) -> AsyncIterator[Simulator]:
    """A simulator whose clock stands still until it is put forward."""
    config = SimulatorConfig(behaviour=INSTANT)
    made = await run_simulator("127.0.0.1:0", listener.url, config, clock=lambda: START_MS, steer=True)
    yield made
    await made.stop()


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(simulator.url, timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def post(http: aiohttp.ClientSession, path: str, body: Any, **more: Any) -> tuple[int, Any]:
    async with http.post(path, json=body, **({"headers": BEARER} | more)) as response:
        return response.status, await response.json()


async def get(http: aiohttp.ClientSession, path: str, **query: str) -> tuple[int, Any]:
    async with http.get(path, params=query, headers=BEARER) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("path", [f"/v25.0/{NUMBER}/messages", f"/{NUMBER}/messages", f"/v99/{NUMBER}/messages/"])
async def test_a_send_is_taken_with_and_without_a_version(http, simulator, path):
    status, body = await post(http, path, template())
    assert (status, body["contacts"]) == (200, [{"input": ANN, "wa_id": ANN[1:]}])
    assert body["messages"][0]["id"] == simulator.world.book.accepted[0].wamid


async def test_the_token_may_stand_in_the_query_or_in_a_form(http):
    status, _ = await post(http, f"/{NUMBER}/messages?access_token={DEFAULT_TOKEN}", template(), headers={})
    assert status == 200
    form = template() | {"template": json.dumps(template()["template"]), "access_token": DEFAULT_TOKEN}
    async with http.post(f"/{NUMBER}/messages", data=form) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        pytest.param(f"/v25.0/{NUMBER}/messages", {}, 401, 190, id="no token"),
        pytest.param(f"/v25.0/{NUMBER}/messages", {"Authorization": "Bearer x"}, 401, 190, id="a wrong token"),
        pytest.param("/v25.0/1/messages", BEARER, 400, 100, id="an unknown number"),
        pytest.param(f"/v25.0/{NUMBER}/moon", BEARER, 400, 2500, id="an unknown edge"),
        pytest.param("/", BEARER, 400, 100, id="no object at all"),
    ],
)
async def test_what_is_not_there_is_answered_in_graphs_shape(http, path, headers, status, code):
    got, body = await post(http, path, template(), headers=headers)
    assert (got, body["error"]["code"]) == (status, code)
    assert {"message", "type", "code", "fbtrace_id"} <= set(body["error"])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="a deep nesting"),
        pytest.param(b"[]", id="a list"),
    ],
)
async def test_a_body_that_is_no_send_is_refused(http, raw):
    headers = BEARER | {"Content-Type": "application/json"}
    async with http.post(f"/{NUMBER}/messages", data=raw, headers=headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, 100)


async def test_webhooks_come_signed_over_their_exact_bytes_and_the_gateway_understands_them(http, simulator, listener):
    await post(http, f"/{NUMBER}/messages", template(biz_opaque_callback_data="id-1"))
    await post(http, "/_sim/inbound", {"number": NUMBER, "user": ANN, "text": "Grüße 😀"})
    await post(http, "/_sim/limit", {"portfolio": PORTFOLIO, "limit": "TIER_10K"})
    await post(http, "/_sim/template", {"waba": WABA, "name": "black_friday_offer", "status": "paused"})
    await post(http, "/_sim/template", {"waba": WABA, "name": "order_confirmation", "category": "marketing"})
    await post(http, "/_sim/template", {"waba": WABA, "name": "login_code", "quality": "red"})
    await post(http, "/_sim/preference", {"number": NUMBER, "user": ANN, "value": "stop"})
    await post(http, "/_sim/restriction", {"waba": WABA, "for_s": 60})
    await simulator.settled()

    for body, signature in zip(listener.bodies, listener.signatures, strict=True):
        assert signature == "sha256=" + hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
        assert verify_signature(body, signature, (b"app-secret",))
        assert body.isascii()
    events = [event for body in listener.bodies for event in read_envelope(body)]
    assert len(events) == 9
    assert [event for event in events if isinstance(event, Unrecognised)] == []
    assert {status["biz_opaque_callback_data"] for status in listener.statuses()} == {"id-1"}


async def test_a_webhook_that_is_not_taken_comes_again_later_and_unchanged(http, simulator, listener):
    listener.answers = [500, 302]
    await post(http, "/_sim/inbound", {"number": NUMBER, "user": ANN})
    await simulator.settled()
    assert len(listener.bodies) == 1
    for expected in (2, 3, 3):
        await post(http, "/_sim/clock", {"advance_s": 2})
        await simulator.settled()
        assert len(listener.bodies) == expected
    assert len(set(listener.bodies)) == 1
    assert simulator.courier.taken == 1


async def test_a_webhook_that_nobody_takes_is_given_up_after_7_days(http, simulator, listener):
    listener.answers = [500] * 100
    await post(http, "/_sim/inbound", {"number": NUMBER, "user": ANN})
    await simulator.settled()
    for _ in range(20):
        simulator.clock.advance(DAY_MS // 2)
        await simulator.settled()
    assert (simulator.courier.taken, simulator.courier.given_up) == (0, 1)
    assert len(listener.bodies) == 15


async def test_a_campaigns_webhooks_come_in_batches_and_all_of_them(http, simulator, listener):
    for order in range(75):
        await post(http, f"/{NUMBER}/messages", template(f"+1650{order:07d}"))
    simulator.courier.url = listener.url
    await simulator.settled()
    assert len({(status["id"], status["status"]) for status in listener.statuses()}) == 150
    assert simulator.courier.taken == 150


async def test_webhooks_go_where_they_are_subscribed_to(http, simulator, listener):
    await post(http, "/_sim/subscription", {})
    await post(http, "/_sim/inbound", {"number": NUMBER, "user": ANN})
    await simulator.settled()
    assert listener.bodies == []
    await post(http, "/_sim/subscription", {"url": listener.url})
    await post(http, "/_sim/inbound", {"number": NUMBER, "user": ANN})
    await simulator.settled()
    assert len(listener.bodies) == 1


async def test_the_clock_decides_when_a_message_arrives(http, simulator, listener):
    simulator.world.behave(replace(INSTANT, delivery_delay=exactly(30 * HOUR_MS)))
    await post(http, f"/{NUMBER}/messages", template())
    await post(http, "/_sim/clock", {"advance_s": 30 * 3_600 - 1})
    await simulator.settled()
    assert [status["status"] for status in listener.statuses()] == ["sent"]
    _, clock = await post(http, "/_sim/clock", {"advance_s": 1})
    await simulator.settled()
    assert [status["status"] for status in listener.statuses()] == ["sent", "delivered"]
    assert clock == {"now_ms": START_MS + 30 * HOUR_MS}
    assert await get(http, "/_sim/clock") == (200, clock)


async def test_a_real_clock_cannot_be_steered():
    simulator = await run_simulator()
    try:
        async with aiohttp.ClientSession(simulator.url) as http:
            status, body = await post(http, "/_sim/clock", {"advance_s": 1})
            assert (status, body) == (400, {"error": "this simulator's clock cannot be steered"})
    finally:
        await simulator.stop()


def test_a_steerable_clock_runs_and_never_goes_back():
    times = iter((5, 6))
    clock = SteerableClock(lambda: next(times))
    clock.advance(100)
    assert [clock(), clock()] == [105, 106]
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


@pytest.mark.parametrize(
    ("fault", "accepted", "seen"),
    [
        pytest.param({"then": "status"}, 0, (503, 2), id="a refusal of code 2"),
        pytest.param(
            {"then": "status", "status": 400, "body": {"error": {"code": 131056}}},
            0,
            (400, 131056),
            id="a status and a body of one's choice",
        ),
        pytest.param({"then": "status", "status": 500, "accept": True}, 1, (500, 2), id="accepted, told as failed"),
        pytest.param({"then": "answer", "accept": True, "hang_ms": 20}, 1, (200, None), id="a slow answer"),
        pytest.param({"then": "html"}, 0, (502, "not JSON"), id="a proxy's page"),
        pytest.param({"then": "truncated", "accept": True}, 1, (200, "not JSON"), id="JSON cut in the middle"),
        pytest.param({"then": "cut", "accept": True}, 1, "broken", id="accepted, the answer breaks off"),
        pytest.param({"then": "drop"}, 0, "broken", id="the connection is dropped before acceptance"),
        pytest.param({"then": "drop", "accept": True}, 1, "broken", id="the connection is dropped after acceptance"),
    ],
)
async def test_a_fault_is_met_once_and_accepts_only_what_it_says(http, simulator, fault, accepted, seen):
    assert await post(http, "/_sim/fault", fault) == (200, {"waiting": 1})
    assert await outcome(http) == seen
    assert len(simulator.world.book.accepted) == accepted
    assert await outcome(http) == (200, None)
    assert len(simulator.world.book.accepted) == accepted + 1


async def outcome(http: aiohttp.ClientSession) -> Any:
    """Send once; (status, error code) of the answer, or that it was no JSON or no answer."""
    try:
        async with http.post(f"/{NUMBER}/messages", json=template(), headers=BEARER) as response:
            text = await response.text()
    except aiohttp.ClientError:
        return "broken"
    try:
        return response.status, json.loads(text).get("error", {}).get("code")
    except ValueError:
        return response.status, "not JSON"


async def test_a_client_that_leaves_does_not_undo_what_was_accepted(http, simulator):
    await post(http, "/_sim/fault", {"then": "answer", "accept": True, "hang_ms": 60_000})
    sending = asyncio.create_task(post(http, f"/{NUMBER}/messages", template()))
    for _ in range(1_000):
        if simulator.world.book.accepted:
            break
        await get(http, "/_sim/state")
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert len(simulator.world.book.accepted) == 1


async def test_faults_wait_for_their_kind_of_call_and_can_be_taken_back(http):
    await post(http, "/_sim/fault", {"then": "status", "on": "reads", "times": 2, "headers": {"Retry-After": "5"}})
    assert await outcome(http) == (200, None)
    async with http.get(f"/{NUMBER}", headers=BEARER) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
    async with http.delete("/_sim/fault") as response:
        assert response.status == 200
    assert (await get(http, f"/{NUMBER}"))[0] == 200


async def test_reads_show_what_was_steered(http):
    await post(http, "/_sim/number", {"number": NUMBER, "quality": "red", "status": "flagged", "throughput": 1000})
    await post(http, "/_sim/limit", {"portfolio": PORTFOLIO, "limit": 250})
    fields = "quality_rating,status,throughput,whatsapp_business_manager_messaging_limit"
    _, body = await get(http, f"/v25.0/{NUMBER}", fields=fields)
    assert body == {
        "quality_rating": "RED",
        "status": "FLAGGED",
        "throughput": {"level": "HIGH"},
        "whatsapp_business_manager_messaging_limit": "TIER_250",
        "id": NUMBER,
    }


async def test_templates_are_listed_page_by_page_over_absolute_links(http, simulator):
    names, link = [], f"{simulator.url}/v25.0/{WABA}/message_templates?limit=3&access_token={DEFAULT_TOKEN}"
    while link:
        async with http.get(link) as response:
            body = await response.json()
        names += [row["name"] for row in body["data"]]
        link = body["paging"].get("next")
    assert names == ["order_confirmation", "black_friday_offer", "login_code", "winback"]


async def test_other_reads_of_an_account_answer(http, simulator):
    some_template = next(simulator.world.estate.templates())
    for path in (WABA, f"{WABA}/phone_numbers", f"{WABA}/subscribed_apps", PORTFOLIO, some_template.id):
        assert (await get(http, f"/v25.0/{path}"))[0] == 200
    assert (await get(http, f"/v25.0/{WABA}/moon"))[1]["error"]["code"] == 2500
    assert (await post(http, f"/v25.0/{WABA}/subscribed_apps", {}))[1] == {"success": True}


async def test_a_profile_can_be_written_and_read(http):
    path = f"/v25.0/{NUMBER}/whatsapp_business_profile"
    assert (await post(http, path, {"about": "x"}))[1]["error"]["code"] == 100
    assert (await post(http, path, {"messaging_product": "whatsapp", "about": "Shrubs"}))[0] == 200
    assert (await get(http, path))[1] == {"data": [{"messaging_product": "whatsapp", "about": "Shrubs"}]}


async def test_media_goes_up_and_comes_down_again(http):
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("file", b"\x89PNG" * 1_000, filename="shrub.png", content_type="image/png")
    async with http.post(f"/v25.0/{NUMBER}/media", data=form, headers=BEARER) as response:
        media_id = (await response.json())["id"]
    _, described = await get(http, f"/v25.0/{media_id}")
    assert (described["mime_type"], described["file_size"]) == ("image/png", 4_000)
    assert described["sha256"] == hashlib.sha256(b"\x89PNG" * 1_000).hexdigest()
    async with http.get(described["url"], headers=BEARER) as response:
        assert (response.content_type, await response.read()) == ("image/png", b"\x89PNG" * 1_000)
    async with http.get(described["url"]) as response:
        assert response.status == 400
    async with http.delete(f"/v25.0/{media_id}", headers=BEARER) as response:
        assert await response.json() == {"success": True}
    assert (await get(http, f"/v25.0/{media_id}"))[0] == 400


async def test_an_upload_without_a_file_is_refused(http):
    form = aiohttp.FormData({"type": "image/png"})
    form.add_field("messaging_product", "whatsapp", content_type="text/plain")
    async with http.post(f"/{NUMBER}/media", data=form, headers=BEARER) as response:
        assert (await response.json())["error"]["code"] == 100
    assert (await post(http, f"/{NUMBER}/media", {"file": "x"}))[1]["error"]["code"] == 100


async def test_the_report_catches_a_cheat_over_http(http):
    await post(http, "/_sim/limit", {"portfolio": PORTFOLIO, "limit": 1})
    for order in range(3):
        await post(http, f"/{NUMBER}/messages", template(f"+1650{order:07d}", biz_opaque_callback_data="one"))
    await post(http, "/_sim/clock", {"advance_s": 10})
    _, report = await get(http, "/_sim/report", most="1")
    assert (report["accepted"], report["fates"]) == (3, {"delivered": 3})
    assert {kind: count for kind, count in report["violations"].items() if count} == {
        "over_limit": 2,
        "delivered_over_limit": 2,
        "duplicate": 2,
    }
    assert len(report["evidence"]) == 1
    assert report["utilisation"] == {PORTFOLIO: 1.0}
    _, accepted = await get(http, "/_sim/accepted", after="1", limit="1")
    assert (accepted["total"], [send["user"] for send in accepted["accepted"]]) == (3, ["16500000001"])
    _, state = await get(http, "/_sim/state")
    assert state["portfolios"] == {PORTFOLIO: {"messaging_limit": 1, "committed": 3, "delivered": 3}}


async def test_a_held_template_is_steered_from_outside(http, simulator):
    named = {"waba": WABA, "name": "black_friday_offer"}
    await post(http, "/_sim/template", named | {"hold": True})
    _, body = await post(http, f"/{NUMBER}/messages", template(name="black_friday_offer"))
    assert body["messages"][0]["message_status"] == "held_for_quality_assessment"
    _, released = await post(http, "/_sim/template", named | {"hold": False, "drop": 135000})
    assert released["released"] == 1
    assert simulator.world.book.fates == {"failed": 1}


async def test_scenarios_users_delivery_and_webhooks_are_steered_from_outside(http, simulator, listener):
    assert (await post(http, "/_sim/scenario", {"name": "failures"}))[0] == 200
    assert simulator.world.behaviour.failed_share == 0.02
    assert (await post(http, "/_sim/delivery", {"scale": 0}))[0] == 200
    assert (await post(http, "/_sim/user", {"user": ANN, "reachable": False}))[0] == 200
    assert (await post(http, "/_sim/webhook", {"waba": WABA, "field": "security", "value": {"event": "X"}}))[0] == 200
    await post(http, f"/{NUMBER}/messages", template())
    await simulator.settled()
    assert [status["status"] for status in listener.statuses()] == ["failed"]
    assert b'"field":"security"' in b"".join(listener.bodies)


async def test_a_name_and_a_review_are_steered_from_outside(http, simulator, listener):
    assert (await post(http, "/_sim/number", {"number": NUMBER, "name_status": "declined"}))[0] == 200
    assert (await post(http, "/_sim/review", {"waba": WABA, "decision": "rejected"}))[0] == 200
    _, number = await get(http, f"/{NUMBER}?fields=name_status")
    _, waba = await get(http, f"/{WABA}?fields=account_review_status")
    assert (number["name_status"], waba["account_review_status"]) == ("DECLINED", "REJECTED")
    _, refused = await post(http, f"/{NUMBER}/messages", template())
    assert refused["error"]["code"] == 131031
    await simulator.settled()
    assert b'"decision":"REJECTED"' in b"".join(listener.bodies)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("review", {"waba": WABA, "decision": "maybe"}, 400, id="a review's decision that is none"),
        pytest.param("inbound", {"number": "1", "user": ANN}, 404, id="a number that nobody owns"),
        pytest.param("inbound", {"number": NUMBER}, 400, id="a missing field"),
        pytest.param("inbound", {"number": NUMBER, "user": ANN, "payload": 1}, 400, id="a field of a wrong type"),
        pytest.param("inbound", [], 400, id="no object"),
        pytest.param("limit", {"portfolio": PORTFOLIO, "limit": True}, 400, id="a limit that is none"),
        pytest.param("template", {"waba": WABA, "name": "x", "hold": "yes"}, 400, id="a flag that is none"),
        pytest.param("fault", {"then": "explode"}, 400, id="an unknown fault"),
        pytest.param("fault", {"then": "drop", "times": -1}, 400, id="a negative count"),
        pytest.param("delivery", {"scale": "fast"}, 400, id="a scale that is no number"),
        pytest.param("scenario", {"name": "apocalypse"}, 404, id="an unknown scenario"),
    ],
)
async def test_steering_that_makes_no_sense_is_refused_with_a_reason(http, path, body, status):
    got, answer = await post(http, f"/_sim/{path}", body)
    assert (got, set(answer)) == (status, {"error"})


@pytest.mark.parametrize("listen", ["", "8080", ":8080", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"])
async def test_an_address_that_is_none_is_refused(listen):
    with pytest.raises(ValueError, match="host:port"):
        await run_simulator(listen)


async def test_a_port_in_use_is_refused_and_nothing_stays_behind(simulator):
    before = asyncio.all_tasks()
    with pytest.raises(OSError, match="in use"):
        await run_simulator(simulator.url.removeprefix("http://"))
    assert asyncio.all_tasks() == before


async def test_who_waits_for_a_simulator_can_be_cancelled_without_ending_it(http, simulator):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(simulator.wait(), 0.01)
    assert (await get(http, "/_sim/clock"))[0] == 200
