"""`/rules`: what is in force is told, and replaced as a whole or not at all, on every node."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest

from tests.integration.edge.callers import CHECKOUT, OPERATOR, READER, SENDER, Caller, Recorder, text
from tests.waiting import until

RULES = "/gateway/v1/rules"
CAREFUL = {"headroom": 0.3}
NO_WINDOWS = {"service_window": {"mode": "off"}, "pair_rate": {"mode": "off"}, "throughput": {"mode": "off"}}


async def test_they_are_told_with_their_version(bare: Caller):
    got = await bare("GET", RULES, READER)

    assert got["ETag"] == f'"{got.body["version"]}"'
    assert got.body["rules"]["pacing_wait"] == "1s"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(CAREFUL, id="the tables of the rules"),
        pytest.param({"rules": CAREFUL}, id="a member that holds them"),
    ],
)
async def test_they_are_replaced_and_what_is_not_said_is_as_by_default(bare: Caller, body: Any):
    put = await bare("PUT", RULES, json=body)

    assert (put.status, put.body["rules"]["headroom"], put.body["rules"]["pacing_wait"]) == (200, 0.3, "2s")
    got = await bare("GET", RULES, READER)
    assert got.body == put.body
    assert got["ETag"] == put["ETag"] == f'"{put.body["version"]}"'


async def test_what_get_tells_can_be_put_and_is_the_same(bare: Caller):
    tables = {
        "consent": {},
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "consequence": [{"id": "number_red", "trickle": None, "probes": 1}, {"id": "spam_rate", "mode": "shadow"}],
    }
    put = await bare("PUT", RULES, json=tables)

    again = await bare("PUT", RULES, json=(await bare("GET", RULES)).body["rules"])

    assert again.body == put.body


async def test_they_hold_for_the_sends_after_the_answer(bare: Caller):
    assert (await bare.send(text()))["Tidegate-Reason"] == "service_window_closed"

    await bare("PUT", RULES, json=NO_WINDOWS)

    assert (await bare.send(text()))["Tidegate-Verdict"] == "send"


async def test_the_version_that_decided_is_told(bare: Caller):
    put = await bare("PUT", RULES, json=NO_WINDOWS)

    told = await bare("POST", "/gateway/v1/decide?number=106540352242922", json=text())

    assert told.body["rules_version"] == put.body["version"]


async def test_the_capacity_follows_them(bare: Caller):
    path = "/gateway/v1/portfolios/lucky-shrub/capacity"
    before = (await bare("GET", path)).body

    await bare("PUT", RULES, json=CAREFUL)

    after = (await bare("GET", path)).body
    assert (before["headroom"], after["headroom"]) == (100, 600)
    assert before["available"]["marketing"] - after["available"]["marketing"] == 500
    sent = await bare("POST", "/v25.0/106540352242922/messages", json=text())
    assert "r=" in str(sent["RateLimit"])


async def test_every_node_and_portfolio_obeys_what_one_was_told(make_node, graph: Recorder, session):
    one, other = [Caller.of(await make_node(graph.url), session) for _ in range(2)]

    put = await one("PUT", RULES, json=NO_WINDOWS)

    assert (await other("GET", RULES)).body == put.body
    for number in ("106540352242922", "200000000000002"):
        assert (await other.send(text(), OPERATOR, number))["Tidegate-Verdict"] == "send"


async def test_no_send_that_only_the_old_rules_allowed_starts_after_the_answer_on_any_node(
    make_node, graph: Recorder, session: aiohttp.ClientSession
):
    one, other = [Caller.of(await make_node(graph.url), session) for _ in range(2)]
    await one("PUT", RULES, json=NO_WINDOWS)

    async def campaign() -> None:
        while True:
            await other.send(text())

    sending = [asyncio.create_task(campaign()) for _ in range(8)]

    async def is_under_way() -> bool:
        return len(graph.requests) > 50

    await until(is_under_way)

    await one("PUT", RULES, json={})

    begun = len(graph.requests)
    for _ in range(20):
        assert (await other.send(text()))["Tidegate-Reason"] == "service_window_closed"
    for task in sending:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*sending)
    assert len(graph.requests) == begun


class TestFaults:
    async def test_every_one_is_told_with_its_key_and_the_nearest_known_one_and_nothing_changes(self, bare: Caller):
        before = (await bare("GET", RULES)).body

        got = await bare(
            "PUT",
            RULES,
            json={
                "headrom": 0.1,
                "max_wait": {"utilty": "1d"},
                "hold": {"utility": 5},
                "consequence": [{"id": "spam_rate", "fro": "3h"}, {"id": "mine", "on": ["error.1310480"]}],
            },
        )

        assert (got.status, got.body["code"], got["Content-Type"]) == (422, "unprocessable", "application/problem+json")
        told = {fault["path"]: (fault["problem"], fault["nearest"]) for fault in got.body["faults"]}
        assert told["rules.headrom"] == ("unknown key", "rules.headroom")
        assert told["rules.max_wait.utilty"] == ("unknown key", "rules.max_wait.utility")
        assert told["rules.hold.utility"] == ("must be 'queue' or 'reject'", None)
        assert told["rules.consequence[0].fro"] == ("unknown key", "rules.consequence[0].for")
        assert told["rules.consequence[1].on[0]"][0].startswith("no such signal")
        assert {"rules.consequence[1].scope", "rules.consequence[1].action"} <= told.keys()
        assert f"{len(told)} faults" in got.body["detail"]
        assert (await bare("GET", RULES)).body == before

    @pytest.mark.parametrize(
        ("tables", "path"),
        [
            pytest.param({"headroom": 0.9}, "rules", id="no place would be left"),
            pytest.param({"rules": [1]}, "rules", id="no tables"),
            pytest.param({"rules": None}, "rules", id="nothing"),
            pytest.param({"version": "0123456789ab"}, "rules.version", id="what is no table"),
            pytest.param({"headroom": "0.1"}, "rules.headroom", id="a number as text"),
            pytest.param({"headroom": 1e308}, "rules.headroom", id="a large number"),
            pytest.param({"early_warning": {"false_stops": 1}}, "rules.early_warning", id="what does not go together"),
            pytest.param({"consequence": {}}, "rules.consequence", id="a table for a list"),
            pytest.param({"\u00e9\n": 1}, 'rules."\\u00e9\\n"', id="a key that has to be quoted"),
        ],
    )
    async def test_one_is_told_by_its_place(self, bare: Caller, tables: Any, path: str):
        got = await bare("PUT", RULES, json=tables)

        assert (got.status, [fault["path"] for fault in got.body["faults"]]) == (422, [path])

    @pytest.mark.parametrize(
        "raw",
        [b"", b"headroom = 0.1", b"[]", b"null", b'{"headroom":0.1,"headroom":0.2}', b'{"headroom":NaN}', b"\xff",
         b'{"a":' * 5_000 + b"1" + b"}" * 5_000],
        ids=["nothing", "TOML", "a list", "null", "a key twice", "no number", "no text", "too deep"],
    )  # fmt: skip
    async def test_what_is_no_json_object_is_a_400(self, bare: Caller, raw: bytes):
        got = await bare("PUT", RULES, data=raw)

        assert (got.status, got.body["code"]) == (400, "bad_request")


class TestIfMatch:
    async def test_the_etag_of_what_is_in_force_lets_it_be_replaced(self, bare: Caller):
        etag = (await bare("GET", RULES))["ETag"]

        got = await bare("PUT", RULES, json=CAREFUL, headers={"If-Match": f'"000000000000", {etag}'})

        assert got.status == 200

    async def test_another_one_is_a_412_that_names_it_and_nothing_changes(self, bare: Caller):
        stale = (await bare("GET", RULES))["ETag"]
        now = await bare("PUT", RULES, json=CAREFUL)

        got = await bare("PUT", RULES, json=NO_WINDOWS, headers={"If-Match": stale})

        assert (got.status, got.body["code"], got["ETag"]) == (412, "precondition_failed", now["ETag"])
        assert (await bare("GET", RULES)).body == now.body

    async def test_a_weak_one_never_matches(self, bare: Caller):
        etag = (await bare("GET", RULES))["ETag"]

        assert (await bare("PUT", RULES, json=CAREFUL, headers={"If-Match": f"W/{etag}"})).status == 412

    async def test_a_star_is_any(self, bare: Caller):
        assert (await bare("PUT", RULES, json=CAREFUL, headers={"If-Match": "*"})).status == 200

    @pytest.mark.parametrize("header", ["0123456789ab", '"0123', "", '"a" "b"', "*, *"])
    async def test_what_is_no_etag_is_a_400(self, bare: Caller, header: str):
        got = await bare("PUT", RULES, json=CAREFUL, headers={"If-Match": header})

        assert (got.status, got.body["code"]) == (400, "bad_request")


@pytest.mark.parametrize(("key", "status"), [(READER, 403), (SENDER, 403), (None, 401), (CHECKOUT, 200)])
async def test_only_an_admin_may_replace_them(bare: Caller, key: str | None, status: int):
    assert (await bare("PUT", RULES, key, json=CAREFUL)).status == status


async def test_who_replaced_them_is_in_the_history(bare: Caller):
    await bare("PUT", RULES, json=CAREFUL)

    changes = (await bare("GET", "/gateway/v1/quality")).body["changes"]

    told = [change["cause"] for change in changes if change["kind"] == "rules"]
    assert told[:2] == ["rules replaced by checkout", "rules replaced by the file of a node at its start"]
