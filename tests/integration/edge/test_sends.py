"""A send over HTTP: every verdict, header and refusal of the data plane."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    PORTFOLIO,
    STRANGER,
    WABA,
    Caller,
    Recorder,
    accepted,
    signed,
    template,
    text,
)
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import RecipientKind
from tidegate.edge.graph.quota import Quota
from tidegate.policy.consequences.sightings import signal_of_error
from tidegate.policy.reach import Subject
from tidegate.policy.users import Name
from tidegate.simulator.server import Simulator
from tidegate.store.ledger import Books, Ledger

ONE_HOUR_S = 3_600


def inbound(user: str = ANN, at_s: int = 0) -> bytes:
    """A user's message, as Meta tells it."""
    message = {"from": user[1:], "id": "wamid.IN", "timestamp": str(at_s), "type": "text", "text": {"body": "Hi"}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
        "contacts": [{"wa_id": user[1:], "profile": {"name": "Ann"}}],
        "messages": [message],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


async def now_s(call: Caller) -> int:
    return int((await call("GET", "/gateway/v1/testing/clock")).body["now_ms"]) // 1000


async def set_limit(call: Caller, tier: str) -> None:
    """Have Meta tell of another messaging limit."""
    change = {"field": "business_capability_update", "value": {"max_daily_conversations_per_business": tier}}
    entry = {"id": WABA, "time": await now_s(call), "changes": [change]}
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    assert (await call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status == 200


class TestSend:
    async def test_metas_answer_comes_back_byte_for_byte_with_the_verdict_beside_it(self, bare, graph: Recorder):
        raw = json.dumps(accepted(), indent=3).encode()

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            headers = {
                "Content-Type": "application/json; charset=UTF-8",
                "X-FB-Trace-ID": "abc",
                "X-App-Usage": "{}",
                "X-Business-Use-Case-Usage": "{}",
                "Set-Cookie": "a=b",
                "X-Debug": "1",
            }
            return web.Response(body=raw, headers=headers)

        graph.answer = answer

        got = await bare.send(template())

        assert (got.status, got.raw) == (200, raw)
        assert (got["Tidegate-Verdict"], got["X-FB-Trace-ID"], got["X-App-Usage"]) == ("send", "abc", "{}")
        assert got["Content-Type"] == "application/json; charset=UTF-8"
        assert got["Tidegate-Id"].startswith("tg")
        assert not {"Tidegate-Reason", "Tidegate-Until", "Set-Cookie", "X-Debug"} & set(got.headers)
        assert got["Server"] == "tidegate"

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param(f"/v25.0/{NUMBER}/messages", id="with a version"),
            pytest.param(f"/v25/{NUMBER}/messages", id="with a version of no minor part"),
            pytest.param(f"/{NUMBER}/messages", id="with no version"),
            pytest.param(f"/v25.0/{NUMBER}/messages/", id="with a slash at the end"),
            pytest.param(f"/v25.0/{NUMBER}/marketing_messages", id="by the Marketing Messages API"),
            pytest.param(f"/v25.0/{NUMBER}/messages?fields=a%2Cb", id="with a query that shapes the answer"),
        ],
    )
    async def test_every_spelling_of_the_path_is_guarded_and_kept(self, bare, graph: Recorder, path):
        got = await bare("POST", path, json=template())

        assert (got.status, got["Tidegate-Verdict"]) == (200, "send")
        assert [sent[1] for sent in graph.requests] == [path.replace("messages/", "messages")]

    async def test_the_apps_key_stays_here_and_metas_token_goes(self, bare, graph: Recorder):
        await bare.send(template(), traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

        ((_, _, headers, body),) = graph.requests
        assert headers["Authorization"] == "Bearer EAAG-simulated-token"
        assert headers["traceparent"].startswith("00-4bf92f3577b34da6a3ce929d0e0e4736")
        assert CHECKOUT not in f"{headers}{body!r}"
        assert not [name for name in headers if name.lower().startswith("tidegate")]

    @pytest.mark.parametrize(
        ("headers", "query", "data"),
        [
            pytest.param({"Authorization": f"Bearer {CHECKOUT}"}, "", False, id="as a bearer"),
            pytest.param({"Authorization": f"bearer {CHECKOUT}"}, "", False, id="in another case"),
            pytest.param({}, f"?access_token={CHECKOUT}", False, id="in the query"),
            pytest.param({}, "", True, id="in a form"),
        ],
    )
    async def test_the_key_may_be_given_as_clients_do(self, bare, graph: Recorder, headers, query, data):
        body: dict[str, Any] = (
            {"data": template() | {"template": json.dumps(template()["template"]), "access_token": CHECKOUT}}
            if data
            else {"json": template()}
        )
        got = await bare("POST", f"/v25.0/{NUMBER}/messages{query}", None, headers=headers, **body)

        assert (got.status, got["Tidegate-Verdict"]) == (200, "send")
        ((_, path, _, sent),) = graph.requests
        assert CHECKOUT not in path + sent.decode()
        assert json.loads(sent)["template"] == template()["template"]

    async def test_a_form_becomes_the_json_body_that_it_stands_for(self, bare, graph: Recorder):
        form = {"messaging_product": "whatsapp", "to": ANN, "type": "template", "preview_url": "true"}
        form["template"] = json.dumps({"name": "order_confirmation", "language": {"code": "en_US"}})

        got = await bare("POST", f"/{NUMBER}/messages", data=form)

        assert got.status == 200
        assert json.loads(graph.requests[0][3])["preview_url"] == "true"

    async def test_a_client_that_hangs_up_does_not_stop_its_send(self, bare, graph: Recorder):
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            reached.set()
            await go_on.wait()
            return web.json_response(accepted("wamid.SLOW"))

        graph.answer = answer
        sending = asyncio.create_task(bare.send(template()))
        await reached.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        go_on.set()

        async def was_accepted() -> bool:
            return (await bare("GET", "/gateway/v1/messages/wamid.SLOW")).status == 200

        await until(was_accepted)
        assert len(graph.requests) == 1

    async def test_a_read_receipt_is_no_send(self, bare, graph: Recorder):
        receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN"}

        got = await bare.send(receipt)

        assert (got.status, got.body, got["Tidegate-Verdict"]) == (200, {"success": True}, None)
        assert (json.loads(graph.requests[0][3]), graph.requests[0][2]["Authorization"]) == (
            receipt,
            "Bearer EAAG-simulated-token",
        )
        assert (await bare("GET", "/gateway/v1/portfolios/lucky-shrub/capacity")).body["used"] == 0

    async def test_metas_refusal_is_passed_on_as_a_send(self, call, simulator: Simulator):
        got = await call.send(template(name="no_such_template"))

        assert (got["Tidegate-Verdict"], got.error["code"]) == ("send", 132001)
        assert isinstance(got.error["code"], int)

    async def test_an_outcome_that_nobody_knows_is_a_200_that_says_so(self, bare, graph: Recorder):
        async def answer(request: web.Request, _raw: bytes) -> web.Response:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        graph.answer = answer

        got = await bare.send(template())

        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (200, "unknown", "outcome_unknown")
        assert got.body["tidegate"]["verdict"] == "unknown"
        assert got.body["messages"][0]["id"] == got["Tidegate-Id"]
        assert len(graph.requests) == 1

    async def test_a_breaker_that_lets_go_within_the_time_a_send_may_wait_is_waited_for(
        self, make_node, graph: Recorder, session
    ):
        node = await make_node(graph.url)
        bare, services = Caller.of(node, session), node.services
        recipient = services.aliases.recipient(Name(RecipientKind.PHONE, ANN[1:]))
        raw = inbound(at_s=await now_s(bare))
        assert (await bare("POST", "/webhooks/whatsapp", key=None, data=raw, headers=signed(raw))).status == 200
        pair = Subject(PORTFOLIO, WABA, NUMBER, recipient=recipient)
        # Its rule holds for a second: what is left of it is less than `pacing_wait`.
        await services.enforcement.apply([signal_of_error(131056, pair, services.clock.now_ms() - 910)])

        got = await bare.send(text())

        assert (got.status, got["Tidegate-Verdict"]) == (200, "send")


class TestQueue:
    async def test_a_send_without_a_place_is_queued_in_metas_shape(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        # Headroom takes the only place.
        got = await bare.send(template(name="offer"), Tidegate_Category="marketing")

        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (200, "queue", "messaging_limit")
        assert got.body["contacts"] == [{"input": ANN, "wa_id": ANN[1:]}]
        message = {"id": got["Tidegate-Id"], "message_status": "held_for_quality_assessment"}
        assert got.body["messages"] == [message]
        assert got.body["tidegate"] == {"verdict": "queue", "reason": "messaging_limit"}
        assert graph.requests == []

    async def test_the_caller_may_ask_for_a_no_instead(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)

        got = await bare.send(template(), Tidegate_Hold="reject")

        assert (got.status, got["Tidegate-Verdict"], got.error["code"]) == (400, "reject", 131048)
        assert got.error["tidegate"] == {"verdict": "reject", "reason": "messaging_limit"}
        assert got.error["fbtrace_id"] == got["Tidegate-Id"]
        assert "messaging_limit" in got.error["error_data"]["details"]
        assert got["Retry-After"] is None

    async def test_until_is_told_in_whole_seconds_where_it_is_known(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="2"), session)
        assert (await bare.send(template(), Tidegate_Category="authentication")).status == 200

        got = await bare.send(template(BOB), Tidegate_Hold="queue", Tidegate_Category="authentication")

        assert (got["Tidegate-Verdict"], got["Tidegate-Reason"]) == ("queue", "messaging_limit")
        assert got["Tidegate-Until"] == got.body["tidegate"]["until"]
        assert len(got["Tidegate-Until"]) == len("2026-11-21T09:00:00Z")

    async def test_a_scheduled_template_waits_for_its_time(self, bare, graph: Recorder):
        later_s = await now_s(bare) + ONE_HOUR_S
        stamp = _stamp(later_s)

        got = await bare.send(template(), Tidegate_Not_Before=stamp)

        assert (got["Tidegate-Verdict"], got["Tidegate-Reason"], got["Tidegate-Until"]) == ("queue", "scheduled", stamp)
        assert graph.requests == []
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": ONE_HOUR_S + 1})

        async def was_sent() -> bool:
            return len(graph.requests) == 1

        await until(was_sent)

    async def test_its_wait_begins_at_its_time_and_not_at_the_asking(self, bare: Caller):
        later_s = await now_s(bare) + ONE_HOUR_S

        got = await bare.send(template(), Tidegate_Not_Before=_stamp(later_s), Tidegate_Category="authentication")

        told = (await bare("GET", f"/gateway/v1/messages/{got['Tidegate-Id']}")).body
        # rules.max_wait.authentication is 10 min.
        ends_s = datetime.fromisoformat(told["expires_at"]).timestamp()
        assert later_s + 600 - 5 <= ends_s <= later_s + 600 + 5


class TestRefusal:
    async def test_free_form_outside_a_window_is_refused_and_inside_it_goes(self, bare, graph: Recorder):
        outside = await bare.send(text())
        raw = inbound(at_s=await now_s(bare))
        assert (await bare("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status == 200
        inside = await bare.send(text())

        assert (outside.status, outside.error["code"]) == (400, 131047)
        assert outside["Tidegate-Reason"] == "service_window_closed"
        assert (inside.status, inside["Tidegate-Verdict"]) == (200, "send")

    async def test_a_paused_template_is_refused_before_meta_sees_it(self, call, simulator: Simulator):
        got = await call.send(template(name="winback"), Tidegate_Hold="reject")

        assert (got.status, got.error["code"], got["Tidegate-Reason"]) == (400, 132015, "template_paused")
        assert simulator.world.book.accepted == []

    async def test_pacing_that_ends_soon_is_a_429_with_a_short_retry_after(self, bare):
        raw = inbound(at_s=await now_s(bare))
        await bare("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))
        for _ in range(45):
            assert (await bare.send(text())).status == 200

        got = await bare.send(text())

        assert (got.status, got.error["code"], got["Tidegate-Reason"]) == (429, 131056, "pair_rate")
        assert 1 <= int(got["Retry-After"]) <= 6

    @pytest.mark.impatient
    async def test_a_store_that_is_away_is_a_503_in_graphs_shape(self, bare, client, graph: Recorder):
        assert (await bare.send(template())).status == 200
        # Its answers stop, and come back by themselves: a paused store takes no order to go on.
        await client.execute_command("CLIENT PAUSE", 1_000, "ALL")

        got = await bare.send(template(BOB))

        assert (got.status, got.error["code"], got.error["is_transient"]) == (503, 2, True)
        assert (got["Tidegate-Verdict"], got["Tidegate-Reason"]) == ("reject", "store_unavailable")
        assert int(got["Retry-After"]) <= 30
        assert len(graph.requests) == 1

        async def is_back() -> bool:
            return (await bare("GET", "/readyz", None)).status == 200

        await until(is_back)

    async def test_when_meta_is_out_of_reach_what_may_wait_is_queued_and_the_rest_is_told(
        self, make_node, session, unused_tcp_port
    ):
        call = Caller.of(await make_node(f"http://127.0.0.1:{unused_tcp_port}"), session)

        kept = await call.send(template())
        told = await call.send(template(BOB), Tidegate_Hold="reject")

        assert (kept.status, kept["Tidegate-Verdict"], kept["Tidegate-Reason"]) == (200, "queue", "upstream_throttled")
        assert (told.status, told.error["code"], told.error["is_transient"]) == (503, 2, True)
        assert (told["Tidegate-Verdict"], told["Tidegate-Reason"]) == ("reject", "upstream_unavailable")


class TestRateLimitHeaders:
    async def test_they_tell_what_the_category_has_left(self, bare):
        got = await bare.send(template(), Tidegate_Category="utility")

        assert got["RateLimit-Policy"] == '"messaging-limit";q=2000;w=86400'
        name, left, until_s = got["RateLimit"].split(";")
        # 2,000 less headroom (100), the reserve of authentication (100), and the one just used.
        assert (name, left) == ('"messaging-limit"', "r=1799")
        # Never longer than the policy's own window.
        assert 86_000 <= int(until_s.removeprefix("t=")) <= 86_400

    async def test_each_send_of_this_node_is_told_by_the_next_answer(self, bare):
        got = [await bare.send(template(f"+1650555{n:04}"), Tidegate_Category="utility") for n in range(5)]
        again = await bare.send(template("+16505550000"), Tidegate_Category="utility")

        left = [answer["RateLimit"].split(";")[1] for answer in (*got, again)]
        assert left == ["r=1799", "r=1798", "r=1797", "r=1796", "r=1795", "r=1795"]

    async def test_a_refusal_for_want_of_a_place_says_that_none_is_left_whoever_took_it(
        self, make_node, graph: Recorder, session
    ):
        one, other = [Caller.of(await make_node(graph.url, limit="4"), session) for _ in range(2)]
        # Of 4 places one is headroom, and one each is reserved for authentication and utility.
        first = await one.send(template(ANN), Tidegate_Category="utility")
        taken = await other.send(template(BOB), Tidegate_Category="utility")
        refused = await one.send(template("+16505550001"), Tidegate_Category="utility", Tidegate_Hold="reject")

        left = [got["RateLimit"].split(";")[1] for got in (first, taken, refused)]
        assert (refused["Tidegate-Reason"], left) == ("category_reserve", ["r=1", "r=0", "r=0"])

    async def test_time_that_was_moved_gives_back_what_came_free(self, bare):
        # The default keeps the place of a message whose delivery nobody has told of: it would not come free.
        sent = await bare.send(template(ANN), Tidegate_Category="authentication")
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 3 * 86_400})

        later = await bare.send(template(BOB), Tidegate_Category="authentication")

        assert (sent["RateLimit"].split(";")[1], later["RateLimit"].split(";")[1]) == ("r=1899", "r=1899")

    async def test_another_limit_is_told_at_once(self, bare):
        await bare.send(template(ANN), Tidegate_Category="utility")
        await set_limit(bare, "TIER_250")

        got = await bare.send(template(ANN), Tidegate_Category="utility")

        assert got["RateLimit-Policy"] == '"messaging-limit";q=250;w=86400'
        # 250 less 13 of headroom, 13 reserved for authentication, and the one in use.
        assert got["RateLimit"].split(";")[1] == "r=223"

    async def test_of_another_limit_that_comes_while_the_books_are_read_nothing_is_mixed_in(self, bare, monkeypatch):
        read = Ledger.books_freeing

        async def overtaken(ledger: Ledger, portfolio: str, most: int) -> Books:
            books = await read(ledger, portfolio, most)
            monkeypatch.undo()
            await set_limit(bare, "TIER_250")
            return books

        monkeypatch.setattr(Ledger, "books_freeing", overtaken)

        got = [await bare.send(template(to), Tidegate_Category="utility") for to in (ANN, BOB)]

        told = [(answer["RateLimit-Policy"].split(";")[1], answer["RateLimit"].split(";")[1]) for answer in got]
        assert told == [("q=2000", "r=1799"), ("q=250", "r=222")]

    async def test_nor_where_nothing_is_to_be_read(self, make_node, graph: Recorder, session):
        node = await make_node(graph.url)
        parts = node.services
        quota = Quota(parts.ledger, parts.standings, parts.gateway, parts.clock)
        before = await quota.headers(PORTFOLIO, None)
        await set_limit(Caller.of(node, session), "TIER_250")

        unread = await quota.headers(PORTFOLIO, None, read=False)

        standing = parts.standings.known(PORTFOLIO)
        told = [unread, quota.at_once(PORTFOLIO, None, standing) or {}, await quota.headers(PORTFOLIO, None)]
        assert [numbers.get("RateLimit-Policy") for numbers in (before, *told)] == [
            '"messaging-limit";q=2000;w=86400',
            None,
            None,
            '"messaging-limit";q=250;w=86400',
        ]

    async def test_the_seconds_until_a_place_comes_free_go_on_while_the_books_are_not_read(
        self, make_node, graph: Recorder, session
    ):
        node, here_s = await make_node(graph.url), [0.0]
        parts, clock = node.services, StoreClock(lambda: here_s[-1])
        # An hour on, when it is less than the window for which it is told.
        clock.observe((parts.clock.now_ms() // 1000 + ONE_HOUR_S) * 1000 + 900)
        await Caller.of(node, session).send(template(), Tidegate_Category="utility")
        quota = Quota(parts.ledger, parts.standings, parts.gateway, clock)

        # The place comes free at a whole second: so long after this moment another one begins.
        told = [await quota.headers(PORTFOLIO, None)]
        for at_s in (0.05, 0.15, 0.95):
            here_s.append(at_s)
            standing = parts.standings.known(PORTFOLIO)
            told.append(quota.at_once(PORTFOLIO, None, standing) or await quota.headers(PORTFOLIO, None))

        until_s = [int(numbers["RateLimit"].split(";t=")[1]) for numbers in told]
        assert [first - later for first, later in pairwise(until_s)] == [0, 1, 0]

    async def test_an_answer_given_again_has_the_numbers_of_now(self, bare):
        await bare.send(template(ANN), Tidegate_Category="utility", Idempotency_Key="order-1")
        await bare.send(template(BOB), Tidegate_Category="utility")

        again = await bare.send(template(ANN), Tidegate_Category="utility", Idempotency_Key="order-1")

        assert (again["Idempotency-Replayed"], again["RateLimit"].split(";")[1]) == ("true", "r=1798")

    async def test_there_are_none_without_a_limit(self, bare):
        got = await bare.send(template(), OPERATOR, OTHER_NUMBER)

        assert (got.status, got["RateLimit"], got["RateLimit-Policy"]) == (200, None, None)


class TestDryRun:
    async def test_it_tells_the_verdict_and_every_answer_and_does_nothing(self, bare, graph: Recorder):
        got = await bare.send(text(), Tidegate_Dry_Run="true")

        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (200, "reject", "service_window_closed")
        told = got.body["tidegate"]
        assert (told["verdict"], told["reason"]) == ("reject", "service_window_closed")
        assert [a["guardrail"] for a in told["answers"] if a["objects"]] == ["service_window"]
        assert graph.requests == []
        assert (await bare("GET", f"/gateway/v1/messages/{got['Tidegate-Id']}")).status == 404


def _stamp(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class TestHeaders:
    @pytest.mark.parametrize("expires", ["2020-01-01T00:00:00Z", "0"], ids=["a time that has passed", "no second"])
    async def test_what_has_expired_is_refused_as_expired(self, bare, graph: Recorder, expires):
        got = await bare.send(template(), Tidegate_Expires=expires)

        assert (got.status, got.error["code"], got["Tidegate-Reason"]) == (400, 131000, "expired")
        assert got.error["tidegate"] == {"verdict": "reject", "reason": "expired"}
        assert graph.requests == []

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"Tidegate-Category": "spam"}, id="a category of another name"),
            pytest.param({"Tidegate-Hold": "maybe"}, id="neither queue nor reject"),
            pytest.param({"Tidegate-Expires": "-5"}, id="an expiry in the past, in seconds"),
            pytest.param({"Tidegate-Expires": "2592001"}, id="an expiry beyond 30 days"),
            pytest.param({"Tidegate-Expires": "9999-12-31T23:59:59Z"}, id="an expiry in the year 9999"),
            pytest.param({"Tidegate-Expires": "soon"}, id="an expiry in words"),
            pytest.param({"Tidegate-Expires": "٦٠"}, id="an expiry in Arabic digits"),
            pytest.param({"Tidegate-Not-Before": "2126-01-01T00:00:00Z"}, id="a start in a hundred years"),
            pytest.param({"Tidegate-Not-Before": "2026-11-21T09:00:00"}, id="a start without an offset"),
            pytest.param({"Tidegate-Not-Before": "3600"}, id="a start in seconds"),
            pytest.param({"Tidegate-Campaign": "x" * 129}, id="a campaign of 129 characters"),
            pytest.param({"Tidegate-Campaign": "söndag"}, id="a campaign that is not ASCII"),
            pytest.param({"Tidegate-Dry-Run": "1"}, id="a dry run that is neither true nor false"),
            pytest.param({"Tidegate-Expire": "60"}, id="a header that is spelled wrongly"),
            pytest.param({"Idempotency-Key": "x" * 256}, id="a key of 256 characters"),
            pytest.param({"Idempotency-Key": '""'}, id="an empty key"),
            pytest.param({"Idempotency-Key": "schlüssel"}, id="a key that is not ASCII"),
        ],
    )
    async def test_a_wish_that_is_not_understood_is_a_400_that_names_it(self, bare, graph: Recorder, headers):
        got = await bare("POST", f"/v25.0/{NUMBER}/messages", json=template(), headers=headers)

        assert (got.status, got.error["code"], got["Tidegate-Verdict"]) == (400, 100, "reject")
        assert "header " in got.error["error_data"]["details"]
        assert got["Tidegate-Id"]
        # But for the request's own id: four digits may well stand in it.
        told = got.raw.decode().replace(got.error["fbtrace_id"], "")
        assert not [value for value in headers.values() if len(value) > 2 and value in told]
        assert graph.requests == []

    @pytest.mark.parametrize("name", ["Tidegate-Hold", "Idempotency-Key", "Tidegate-Dry-Run"])
    async def test_a_wish_given_twice_is_a_400(self, bare, graph: Recorder, name):
        headers = CIMultiDict([("Authorization", f"Bearer {CHECKOUT}"), (name, "queue"), (name, "queue")])
        async with bare.session.post(f"{bare.url}/v25.0/{NUMBER}/messages", json=template(), headers=headers) as answer:
            assert answer.status == 400
        assert graph.requests == []

    @pytest.mark.parametrize(
        ("message", "headers"),
        [
            pytest.param(text(), {}, id="of a free-form message, which is never kept"),
            pytest.param(template(), {"Tidegate-Hold": "reject"}, id="of what is not to be kept"),
            pytest.param(template(), {"Tidegate-Expires": "60"}, id="after its end"),
        ],
    )
    async def test_a_start_that_makes_no_sense_is_a_400(self, bare, message, headers):
        start = {"Tidegate-Not-Before": _stamp(await now_s(bare) + ONE_HOUR_S)}

        got = await bare("POST", f"/v25.0/{NUMBER}/messages", json=message, headers=headers | start)

        assert (got.status, "Tidegate-Not-Before" in got.error["error_data"]["details"]) == (400, True)

    async def test_what_expires_in_the_queue_is_never_sent(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        got = await bare.send(template(), Tidegate_Expires="60")
        assert got["Tidegate-Verdict"] == "queue"

        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        async def expired() -> bool:
            told = await bare("GET", f"/gateway/v1/messages/{got['Tidegate-Id']}")
            return bool(told.body["state"] == "expired")

        await until(expired)
        assert graph.requests == []


class TestBadBodies:
    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            pytest.param(b"", "invalid_message", id="nothing"),
            pytest.param(b"{", "invalid_message", id="half of an object"),
            pytest.param(b'\xef\xbb\xbf{"to":"1"}', "invalid_message", id="a byte order mark"),
            pytest.param('{"to":"1"}'.encode("utf-16"), "invalid_message", id="UTF-16"),
            pytest.param(b'{"to":"\xff"}', "invalid_message", id="no UTF-8"),
            pytest.param(b'{"to":NaN}', "invalid_message", id="NaN"),
            pytest.param(b'{"to":"\\ud800"}', "invalid_message", id="half a surrogate pair"),
            pytest.param(b"[" * 100_000 + b"]" * 100_000, "invalid_message", id="100,000 levels"),
            pytest.param(b'{"n":' + b"9" * 5_000 + b"}", "invalid_message", id="an integer of 5,000 digits"),
            pytest.param(b"[]", "invalid_message", id="a list"),
            pytest.param(
                json.dumps(template() | {"recipient": "US.123"}).encode(), "invalid_recipient", id="to and recipient"
            ),
            pytest.param(json.dumps(template("+49 (0) 170 1234567")).encode(), "invalid_recipient", id="a trunk digit"),
            pytest.param(
                json.dumps(template("US.13491208655302741918")).encode(), "invalid_recipient", id="a BSUID in to"
            ),
            pytest.param(
                json.dumps(template() | {"to": 16505551234}).encode(), "invalid_recipient", id="a number for text"
            ),
            pytest.param(
                json.dumps(template() | {"access_token": CHECKOUT}).encode(), "invalid_message", id="a key in the body"
            ),
            pytest.param(
                json.dumps(template())[:-1].encode() + b',"to":"+16505550000"}',
                "invalid_message",
                id="the same key twice",
            ),
        ],
    )
    async def test_they_are_a_400_in_graphs_shape_with_the_verdict(self, bare, graph: Recorder, raw, reason):
        got = await bare("POST", f"/v25.0/{NUMBER}/messages", data=raw)

        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (400, "reject", reason)
        assert isinstance(got.error["code"], int)
        assert got.error["tidegate"] == {"verdict": "reject", "reason": reason}
        assert got["Tidegate-Id"]
        assert got["RateLimit"]
        assert "1650555" not in got.raw.decode()
        assert graph.requests == []

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"to=%2B16505551234&to=%2B16505559999", id="a field twice"),
            pytest.param(b"template=%7Bnot-json", id="half of an object"),
            pytest.param(b"to=%FF", id="no UTF-8"),
            pytest.param("to=ü".encode(), id="no ASCII"),
            pytest.param(b"&".join(b"a%d=1" % n for n in range(300)), id="300 fields"),
        ],
    )
    async def test_a_broken_form_is_a_400(self, bare, graph: Recorder, raw):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        got = await bare("POST", f"/v25.0/{NUMBER}/messages", data=raw, headers=headers)

        assert (got.status, got.error["code"]) == (400, 100)
        assert graph.requests == []

    @pytest.mark.parametrize("chunked", [False, True])
    async def test_a_body_of_more_than_256_kib_is_a_413(self, bare, chunked):
        async def chunks():
            for _ in range(5):
                yield b" " * 64 * 1024

        body = chunks() if chunked else b" " * (256 * 1024 + 1)

        got = await bare("POST", f"/v25.0/{NUMBER}/messages", data=body)

        assert (got.status, got.error["code"], got["Tidegate-Verdict"]) == (413, 100, "reject")

    async def test_a_compressed_body_is_a_415(self, bare):
        headers = {"Content-Encoding": "gzip"}

        got = await bare("POST", f"/v25.0/{NUMBER}/messages", data=b"\x1f\x8b", headers=headers)

        assert (got.status, got.error["code"]) == (415, 100)


class TestAccess:
    async def test_a_number_of_others_and_one_of_nobody_are_the_same_to_the_byte(self, bare, graph: Recorder):
        others = await bare.send(template(), CHECKOUT, OTHER_NUMBER)
        nobodys = await bare.send(template(), CHECKOUT, "999999999999999")

        assert (others.status, others.raw) == (404, nobodys.raw)
        assert (others.error["code"], others.error["error_subcode"]) == (100, 33)
        varying = {"X-Request-Id", "Date"}
        assert {n: v for n, v in others.headers.items() if n.title() not in varying} == {
            n: v for n, v in nobodys.headers.items() if n.title() not in varying
        }
        assert graph.requests == []

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="no key"),
            pytest.param({"Authorization": "Bearer tg_wrong"}, id="a wrong key"),
            pytest.param({"Authorization": f"Basic {CHECKOUT}"}, id="another scheme"),
            pytest.param({"Authorization": "Bearer "}, id="an empty key"),
            pytest.param({"Authorization": f"Bearer {'x' * 7_000}"}, id="a key of 7,000 characters"),
            pytest.param({"Authorization": "Bearer tg_ü"}, id="a key that is not ASCII"),
        ],
    )
    async def test_without_a_known_key_it_is_a_401_of_code_190(self, bare, graph: Recorder, headers):
        got = await bare("POST", f"/v25.0/{NUMBER}/messages", None, json=template(), headers=headers)

        assert (got.status, got.error["code"], got["Tidegate-Verdict"]) == (401, 190, "reject")
        assert graph.requests == []

    async def test_without_the_scope_it_is_a_403_of_code_10(self, bare, graph: Recorder):
        got = await bare.send(template(), "tg_reader")

        assert (got.status, got.error["code"]) == (403, 10)
        assert graph.requests == []

    async def test_each_app_sends_with_the_token_of_its_own_account(self, bare, graph: Recorder):
        await bare.send(template(), STRANGER, OTHER_NUMBER)

        assert graph.requests[0][2]["Authorization"] == "Bearer EAAG-another-token"
