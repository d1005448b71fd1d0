"""The control plane over HTTP: what it tells, what it changes, and to whom."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_PORTFOLIO,
    PORTFOLIO,
    READER,
    SENDER,
    STRANGER,
    WABA,
    Caller,
    Recorder,
    accepted,
    template,
    text,
)
from tests.waiting import until
from tidegate.edge.control.capacity import EXACT_RELEASES, grouped
from tidegate.edge.services import Services
from tidegate.policy.capacity import Release
from tidegate.policy.standing import Change
from tidegate.signals import Signals

V1 = "/gateway/v1"


def seconds(stamp: str) -> int:
    """A time on the wire, in seconds since 1970."""
    return int(datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


class TestCapacity:
    async def test_an_unused_limit_is_told_as_the_contract_counts_it(self, bare: Caller):
        got = await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity", READER)

        told = got.body
        as_of = told.pop("as_of")
        assert abs(seconds(as_of) - datetime.now(UTC).timestamp()) < 60
        assert told == {
            "portfolio": PORTFOLIO,
            "messaging_limit": 2_000,
            "unlimited": False,
            "limit_source": "config",
            "headroom": 100,
            "used": 0,
            "available": {"authentication": 1_900, "utility": 1_800, "marketing": 1_600},
            "next_release_at": None,
            "releases": [],
            "queued": {"authentication": 0, "utility": 0, "marketing": 0},
            "held_until": None,
            "limit_share": None,
        }

    async def test_places_in_use_and_their_releases_are_told(self, bare: Caller):
        for to in (ANN, BOB, ANN):
            assert (await bare.send(template(to))).status == 200

        told = (await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity")).body

        assert (told["used"], told["available"]["utility"]) == (2, 1_798)
        assert sum(release["places"] for release in told["releases"]) == 2
        assert told["next_release_at"] == told["releases"][0]["at"]
        assert 86_300 < seconds(told["next_release_at"]) - seconds(told["as_of"]) <= 86_402

    async def test_what_is_queued_is_counted_by_category(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        await bare.send(template(ANN), Tidegate_Category="utility")
        await bare.send(template(BOB), Tidegate_Category="marketing")

        told = (await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity")).body

        assert told["queued"] == {"authentication": 0, "utility": 1, "marketing": 1}
        assert told["available"] == {"authentication": 0, "utility": 0, "marketing": 0}

    async def test_without_a_limit_there_is_nothing_to_count_down(self, bare: Caller):
        told = (await bare("GET", f"{V1}/portfolios/{OTHER_PORTFOLIO}/capacity", STRANGER)).body

        assert (told["unlimited"], told["messaging_limit"], told["available"]) == (True, None, None)
        assert told["headroom"] == 0

    @pytest.mark.parametrize("portfolio", [OTHER_PORTFOLIO, "nobodys", "%2e%2e"])
    async def test_a_portfolio_of_others_and_one_of_nobody_are_not_found(self, bare: Caller, portfolio):
        got = await bare("GET", f"{V1}/portfolios/{portfolio}/capacity")

        assert (got.status, got.body["code"]) == (404, "not_found")

    def test_a_thousand_releases_are_told_to_the_second_and_more_by_the_minute(self):
        curve = [Release(1_000 * second, 1) for second in range(1, EXACT_RELEASES + 2)]

        assert grouped(curve[:-1]) == curve[:-1]
        by_minute = grouped(curve)
        assert by_minute[0] == Release(59_000, 59)
        assert by_minute[1] == Release(119_000, 60)
        assert sum(release.places for release in by_minute) == len(curve)


class TestMessages:
    async def test_a_message_is_found_by_its_id_and_by_metas(self, bare: Caller, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            return web.json_response(accepted("wamid.a/b+c=="))

        graph.answer = answer
        sent = await bare.send(template(), Tidegate_Campaign="spring sale")

        async def is_accepted() -> bool:
            return bool((await bare("GET", f"{V1}/messages/{sent['Tidegate-Id']}")).body["state"] == "accepted")

        await until(is_accepted)
        told = (await bare("GET", f"{V1}/messages/{sent['Tidegate-Id']}")).body
        assert [event["state"] for event in told["history"]] == ["sending", "accepted"]
        assert all(event["at"] and event["cause"] for event in told["history"])
        expected = {
            "wamid": "wamid.a/b+c==",
            "verdict": "send",
            "reason": None,
            "number": NUMBER,
            "waba": WABA,
            "app": "checkout",
            "category": "marketing",
            "template": "order_confirmation/en_US",
            "campaign": "spring sale",
        }
        assert {name: told[name] for name in expected} == expected
        for spelling in ("wamid.a/b+c==", "wamid.a%2Fb%2Bc%3D%3D"):
            assert (await bare("GET", f"{V1}/messages/{spelling}")).body["id"] == sent["Tidegate-Id"]

    async def test_it_is_shown_to_its_app_and_to_who_runs_the_number(self, bare: Caller):
        sent = await bare.send(template())
        path = f"{V1}/messages/{sent['Tidegate-Id']}"

        seen = {key: (await bare("GET", path, key)).status for key in (CHECKOUT, OPERATOR, READER, STRANGER)}

        assert seen == {CHECKOUT: 200, OPERATOR: 200, READER: 404, STRANGER: 404}

    @pytest.mark.parametrize("wanted", ["tg00000000-06h00c7gn8lpogvor8bma4ldmk", "wamid.none", "%20", "%FF", "x" * 600])
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    async def test_what_is_not_there_is_not_found(self, bare: Caller, wanted, method):
        got = await bare(method, f"{V1}/messages/{wanted}")

        assert (got.status, got.body["code"]) == (404, "not_found")

    async def test_a_queued_message_is_cancelled_once(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        sent = await bare.send(template(), SENDER)
        path = f"{V1}/messages/{sent['Tidegate-Id']}"

        first, second = await bare("DELETE", path, SENDER), await bare("DELETE", path, SENDER)

        assert (first.status, first.body) == (200, {"id": sent["Tidegate-Id"], "state": "cancelled"})
        assert (second.status, second.body["code"], second.body["state"]) == (409, "conflict", "cancelled")
        told = (await bare("GET", path, OPERATOR)).body
        assert (told["state"], told["history"][-1]["cause"]) == ("cancelled", "cancelled by sender")

    async def test_while_it_is_queued_each_guardrail_says_what_it_would_now(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        sent = await bare.send(template(), SENDER)
        path = f"{V1}/messages/{sent['Tidegate-Id']}"

        asked = (await bare("GET", f"{path}?guardrails=true", OPERATOR)).body["guardrails"]
        unasked, odd = await bare("GET", path, OPERATOR), await bare("GET", f"{path}?guardrails=yes", OPERATOR)
        await bare("DELETE", path, SENDER)
        ended = (await bare("GET", f"{path}?guardrails=true", OPERATOR)).body["guardrails"]

        objecting = [answer["guardrail"] for answer in asked["guardrails"] if answer["objects"]]
        assert (asked["verdict"], asked["reason"], objecting) == (
            "queue",
            sent["Tidegate-Reason"],
            ["messaging_limit", "category_reserve"],
        )
        assert "guardrails" not in unasked.body
        assert (odd.status, odd.body["code"]) == (400, "bad_request")
        assert ended is None

    async def test_what_was_sent_can_not_be_cancelled(self, bare: Caller):
        sent = await bare.send(template())

        got = await bare("DELETE", f"{V1}/messages/{sent['Tidegate-Id']}")

        assert (got.status, got.body["code"]) == (409, "conflict")
        assert got.body["state"] in ("sending", "accepted")


class TestDecide:
    async def test_it_tells_every_answer_and_takes_nothing(self, bare: Caller, graph: Recorder):
        got = await bare("POST", f"{V1}/decide?number={NUMBER}", SENDER, json=text())

        told = got.body
        assert (got.status, told["verdict"], told["reason"]) == (200, "reject", "service_window_closed")
        answers = {answer["guardrail"]: answer for answer in told["guardrails"]}
        assert {"operator_pause", "template_health", "messaging_limit", "pair_rate", "throughput"} <= set(answers)
        assert answers["service_window"]["objects"] is True
        assert answers["messaging_limit"] == {
            "guardrail": "messaging_limit",
            "mode": "enforce",
            "objects": False,
            "reason": None,
            "detail": None,
            "until": None,
        }
        assert told["facts"]["used"] == 0
        assert len(told["rules_version"]) == 12
        assert graph.requests == []
        assert (await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity")).body["used"] == 0

    async def test_a_template_that_may_go_is_a_send(self, bare: Caller):
        told = (await bare("POST", f"{V1}/decide?number={NUMBER}", READER, json=template())).body

        assert (told["verdict"], told["reason"], told["category"]) == ("send", None, "marketing")

    @pytest.mark.parametrize(
        ("query", "raw", "status", "code"),
        [
            pytest.param("", b"{}", 400, "bad_request", id="no number"),
            pytest.param(f"number={OTHER_NUMBER}", b"{}", 404, "not_found", id="a number of others"),
            pytest.param("number=..%2f", b"{}", 404, "not_found", id="no number at all"),
            pytest.param(f"number={NUMBER}&number={NUMBER}", b"{}", 400, "bad_request", id="two numbers"),
            pytest.param(f"number={NUMBER}", b"{", 400, "invalid_message", id="half of an object"),
            pytest.param(f"number={NUMBER}", b" " * 300_000, 413, "content_too_large", id="too much"),
            pytest.param(
                f"number={NUMBER}",
                json.dumps({"messaging_product": "whatsapp", "status": "read", "message_id": "x"}).encode(),
                400,
                "invalid_message",
                id="a read receipt",
            ),
        ],
    )
    async def test_what_can_not_be_judged_is_a_problem(self, bare: Caller, query, raw, status, code):
        got = await bare("POST", f"{V1}/decide?{query}", data=raw)

        assert (got.status, got.body["code"], got["Content-Type"]) == (status, code, "application/problem+json")

    async def test_a_recipient_at_fault_is_named_and_not_repeated(self, bare: Caller):
        got = await bare("POST", f"{V1}/decide?number={NUMBER}", json=template("+49 (0) 170 1234567"))

        assert (got.body["code"], got.body["reason"], got.body["graph_code"]) == (
            "invalid_message",
            "invalid_recipient",
            100,
        )
        assert "1234567" not in got.raw.decode()


class TestQueue:
    async def test_every_lane_tells_what_waits_in_it_and_why(self, make_node, graph, session):
        bare = Caller.of(await make_node(graph.url, limit="1"), session)
        await bare.send(template(ANN), Tidegate_Category="utility")
        await bare.send(template(BOB), Tidegate_Category="utility")

        told = (await bare("GET", f"{V1}/queue")).body

        assert told["waiting"] == 2
        lanes = {(lane["number"], lane["category"]): lane for lane in told["lanes"]}
        assert set(lanes) == {(NUMBER, category) for category in ("authentication", "utility", "marketing")}
        lane = lanes[NUMBER, "utility"]
        assert (lane["waiting"], lane["waiting_for_place"], lane["reason"]) == (2, 2, "messaging_limit")
        assert lane["oldest_at"] is not None


class TestStanding:
    async def test_it_tells_what_the_app_may_use_and_nothing_else(self, call: Caller):
        told = (await call("GET", f"{V1}/standing", READER)).body

        assert [portfolio["id"] for portfolio in told["portfolios"]] == [PORTFOLIO]
        assert [(n["id"], n["quality"], n["status"]) for n in told["numbers"]] == [(NUMBER, "GREEN", "CONNECTED")]
        templates = {template["name"]: (template["category"], template["status"]) for template in told["templates"]}
        assert templates["winback"] == ("marketing", "PAUSED")
        assert templates["login_code"] == ("authentication", "APPROVED")

    async def test_the_operator_of_all_sees_all(self, call: Caller):
        told = (await call("GET", f"{V1}/standing", OPERATOR)).body

        assert [portfolio["id"] for portfolio in told["portfolios"]] == [PORTFOLIO, OTHER_PORTFOLIO]
        unlimited = told["portfolios"][1]
        assert (unlimited["unlimited"], unlimited["messaging_limit"]) == (True, None)


class TestPauses:
    @pytest.mark.parametrize(
        ("scope", "message"),
        [
            pytest.param({"number": NUMBER}, template(), id="a number"),
            pytest.param({"template": "order_confirmation"}, template(), id="a template"),
            pytest.param({"category": "marketing"}, template(), id="a category"),
            pytest.param({"campaign": "spring"}, template(), id="a campaign"),
            pytest.param({"portfolio": PORTFOLIO}, template(), id="a portfolio"),
        ],
    )
    async def test_it_stops_at_once_and_goes_on_when_it_ends(self, bare: Caller, graph: Recorder, scope, message):
        order = {"scope": scope, "reason": "too many blocks", "for": "30m"}
        made = await bare("POST", f"{V1}/pauses", json=order)
        assert made.status == 201
        assert (made.body["scope"], made.body["reason"], made.body["by"]) == (scope, "too many blocks", "checkout")
        assert seconds(made.body["until"]) - seconds(made.body["since"]) in (1_800, 1_801)
        assert made["Location"] == f"{V1}/pauses/{made.body['id']}"

        held = await bare.send(message, Tidegate_Campaign="spring")
        assert (held["Tidegate-Verdict"], held["Tidegate-Reason"]) == ("queue", "paused_by_operator")
        assert held["Tidegate-Until"] == made.body["until"]
        assert (await bare("GET", f"{V1}/pauses")).body["pauses"] == [made.body]
        assert (await bare("GET", f"{V1}/standing")).body["pauses"] == [made.body]

        ended = await bare("DELETE", f"{V1}/pauses/{made.body['id']}")
        assert (ended.status, ended.body["state"]) == (200, "resumed")
        assert (await bare("GET", f"{V1}/pauses")).body["pauses"] == []

        async def was_sent() -> bool:
            return len(graph.requests) == 1

        await until(was_sent)
        told = (await bare("GET", f"{V1}/messages/{held['Tidegate-Id']}")).body
        assert (told["state"] in ("sending", "accepted"), told["until"]) == (True, None)
        assert (await bare("DELETE", f"{V1}/pauses/{made.body['id']}")).status == 404

    async def test_it_ends_by_itself_at_its_time(self, bare: Caller):
        await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "lunch", "for": 60})
        await bare("POST", f"{V1}/testing/clock", json={"advance_s": 61})

        assert (await bare("GET", f"{V1}/pauses")).body["pauses"] == []
        assert (await bare.send(template()))["Tidegate-Verdict"] == "send"

    async def test_its_beginning_tightens_and_its_end_does_not(self, make_node, graph, session):
        """What tightens is acknowledged only when no send that was admitted before it can start any more."""
        told: list[Change] = []

        class Listening(Signals):
            __slots__ = ()

            async def restand(self, portfolio: str, changes: Sequence[Change]) -> None:
                told.extend(changes)
                await super().restand(portfolio, changes)

        def listen(services: Services) -> Services:
            services.signals.__class__ = Listening
            return services

        bare = Caller.of(await make_node(graph.url, change=listen), session)
        told.clear()

        made = await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "x"})
        await bare("DELETE", f"{V1}/pauses/{made.body['id']}")

        assert [(change.kind, change.source, change.tightens) for change in told] == [
            ("pause", "operator", True),
            ("pause", "operator", False),
        ]

    async def test_without_a_time_it_lasts_until_it_is_ended(self, bare: Caller):
        made = await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "incident"})

        assert (made.status, made.body["until"]) == (201, None)

    async def test_a_category_is_paused_in_every_portfolio_of_the_app(self, bare: Caller):
        order = {"scope": {"category": "marketing"}, "reason": "quiet"}
        made = await bare("POST", f"{V1}/pauses", OPERATOR, json=order)

        assert [p["id"] for p in (await bare("GET", f"{V1}/pauses", OPERATOR)).body["pauses"]] == [made.body["id"]]
        held = await bare.send(template(), OPERATOR, OTHER_NUMBER)
        assert held["Tidegate-Reason"] == "paused_by_operator"

    @pytest.mark.parametrize(
        ("order", "status"),
        [
            pytest.param([], 400, id="a list"),
            pytest.param({}, 400, id="nothing"),
            pytest.param({"scope": {"number": NUMBER}}, 400, id="no reason"),
            pytest.param({"scope": {"number": NUMBER}, "reason": " "}, 400, id="an empty reason"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "a\nb"}, 400, id="a reason of two lines"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "x" * 501}, 400, id="a reason of 501 characters"),
            pytest.param({"scope": {}, "reason": "x"}, 400, id="no scope"),
            pytest.param({"scope": {"number": NUMBER, "category": "utility"}, "reason": "x"}, 400, id="two scopes"),
            pytest.param({"scope": {"moon": "full"}, "reason": "x"}, 400, id="an unknown scope"),
            pytest.param({"scope": {"category": "spam"}, "reason": "x"}, 400, id="an unknown category"),
            pytest.param({"scope": {"number": 5}, "reason": "x"}, 400, id="a number for text"),
            pytest.param({"scope": {"number": OTHER_NUMBER}, "reason": "x"}, 404, id="a number of others"),
            pytest.param({"scope": {"portfolio": OTHER_PORTFOLIO}, "reason": "x"}, 404, id="a portfolio of others"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "x", "for": "soon"}, 400, id="a time in words"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "x", "for": 0}, 400, id="no time"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "x", "for": True}, 400, id="a yes for a time"),
            pytest.param({"scope": {"number": NUMBER}, "reason": "x", "until": "1h"}, 400, id="an unknown field"),
        ],
    )
    async def test_an_order_that_is_not_clear_pauses_nothing(self, bare: Caller, order: Any, status):
        got = await bare("POST", f"{V1}/pauses", json=order)

        assert (got.status, got["Content-Type"]) == (status, "application/problem+json")
        assert (await bare("GET", f"{V1}/pauses")).body["pauses"] == []

    async def test_whom_a_reason_names_is_kept_nowhere(self, bare: Caller):
        order = {"scope": {"number": NUMBER}, "reason": "+1 650 555-1234 complains, see Bearer EAAGm0PX4ZCpsBA"}
        made = await bare("POST", f"{V1}/pauses", json=order)
        seen = [made.raw, *[(await bare("GET", f"{V1}/{of}")).raw for of in ("pauses", "quality", "audit")]]

        await bare("DELETE", f"{V1}/pauses/{made.body['id']}?reason=%2B16505551234%20is%20content")

        seen += [(await bare("GET", f"{V1}/{of}")).raw for of in ("quality", "audit")]
        assert all(b"complains" in one for one in seen[:4])
        assert all(b"is content" in one for one in seen[4:])
        assert made.body["reason"] == "+16***34 complains, see Bearer ***"
        # Three digits alone may well stand in a hash of the audit's chain.
        assert not [one for one in seen if re.search(rb"650\D*555|555\D?1234|EAAG", one)]


class TestQuality:
    async def test_it_is_the_history_of_what_changed_the_newest_first(self, bare: Caller):
        made = await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "blocks"})
        await bare("DELETE", f"{V1}/pauses/{made.body['id']}")

        told = (await bare("GET", f"{V1}/quality", READER)).body

        ended, began, rules = told["changes"]
        assert (rules["kind"], rules["cause"]) == ("rules", "rules replaced by the file of a node at its start")
        assert set(rules["to"]) == {"rules"}
        assert (told["days"], told["truncated"]) == (30, False)
        assert (began["kind"], began["key"], began["source"]) == ("pause", made.body["id"], "operator")
        assert (began["from"], began["to"]["reason"], began["cause"]) == (None, "blocks", "paused by checkout: blocks")
        assert (ended["from"]["reason"], ended["to"]) == ("blocks", None)
        strangers = (await bare("GET", f"{V1}/quality", STRANGER)).body["changes"]
        assert {change["kind"] for change in strangers} == {"rules"}

    async def test_what_is_older_than_was_asked_for_is_left_out(self, bare: Caller):
        await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "blocks", "for": "1h"})
        await bare("POST", f"{V1}/testing/clock", json={"advance_s": 2 * 86_400})

        assert (await bare("GET", f"{V1}/quality?days=1")).body["changes"] == []
        changes = (await bare("GET", f"{V1}/quality?days=3")).body["changes"]
        assert [change["kind"] for change in changes] == ["pause", "rules"]

    async def test_metas_word_on_numbers_and_templates_is_in_it(self, call: Caller):
        changes = (await call("GET", f"{V1}/quality", READER)).body["changes"]

        assert {"number", "template"} <= {change["kind"] for change in changes}

    @pytest.mark.parametrize("days", ["0", "-1", "367", "1.5", "x", "%D9%A3", "1&days=2"])
    async def test_a_span_that_is_none_is_a_400(self, bare: Caller, days):
        got = await bare("GET", f"{V1}/quality?days={days}")

        assert (got.status, got.body["code"]) == (400, "bad_request")


class TestClock:
    async def test_it_moves_forward_for_every_decision(self, bare: Caller):
        before = (await bare("GET", f"{V1}/testing/clock")).body["now_ms"]

        after = (await bare("POST", f"{V1}/testing/clock", json={"advance_s": 3_600.5})).body["now_ms"]

        assert 3_600_500 <= after - before < 3_600_500 + 10_000
        told = (await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity")).body
        assert seconds(told["as_of"]) >= after // 1000

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"advance_s":-1}',
            b'{"advance_s":true}',
            b'{"advance_s":"60"}',
            b'{"advance_s":1e30}',
            b'{"advance_s":NaN}',
            b"{}",
            b'{"advance_s":1,"x":2}',
            b'{"advance_s":1,"advance_s":2}',
            b"",
        ],
    )
    async def test_a_step_that_is_none_is_a_400(self, bare: Caller, raw):
        assert (await bare("POST", f"{V1}/testing/clock", data=raw)).status == 400

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_without_the_setting_there_is_no_such_thing(self, make_node, graph, session, method):
        bare = Caller.of(await make_node(graph.url, clock=False), session)

        got = await bare(method, f"{V1}/testing/clock", json={"advance_s": 1})

        assert (got.status, got.body["code"]) == (404, "not_found")


@pytest.mark.impatient
async def test_a_store_that_is_away_is_a_problem_that_passes(bare: Caller, client):
    await client.execute_command("CLIENT PAUSE", 800, "ALL")

    got = await bare("GET", f"{V1}/queue")

    assert (got.status, got.body["code"], got["Content-Type"]) == (503, "store_unavailable", "application/problem+json")
    assert got["Retry-After"] == "5"

    async def is_back() -> bool:
        return (await bare("GET", "/readyz", None)).status == 200

    await until(is_back)


async def test_a_pause_stops_what_is_on_its_way_to_many(bare: Caller, graph: Recorder):
    """Sends that race with a pause: after it was acknowledged none starts any more."""
    racing = [asyncio.create_task(bare.send(template(f"+1650555{n:04}"))) for n in range(100)]
    await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "stop"})
    started = len(graph.requests)
    await asyncio.gather(*racing)

    assert len(graph.requests) == started
