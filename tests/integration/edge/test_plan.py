"""Plans of campaigns, and what is missing for the next limit, over HTTP and a real store."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_order
from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    PORTFOLIO,
    READER,
    Answer,
    Caller,
    template,
)
from tests.integration.edge.conftest import NodeMaker, Recorder
from tests.waiting import until
from tidegate.app import Node
from tidegate.store.daily_use import DAY_MS, DailyUse
from tidegate.store.scripts import StoreClient
from tidegate.store.steerable_clock import SteerableClock

V1 = "/gateway/v1"
UTILITY = {"Tidegate-Category": "utility"}
PLAN = f"{V1}/campaigns:plan"
OPEN = {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}}


async def plan(call: Caller, key: str = READER, **order: Any) -> Answer:
    return await call("POST", PLAN, key, json={"numbers": [NUMBER]} | order)


def hours(told: dict[str, Any]) -> float:
    finish, as_of = (datetime.fromisoformat(told[key]) for key in ("finish_at", "as_of"))
    return (finish - as_of).total_seconds() / 3_600


async def test_so_many_recipients_are_planned_by_how_many_there_are(bare: Caller) -> None:
    zones, beside = (
        {"America/New_York": 0.92, "Asia/Tokyo": 0.08},
        {"authentication": {"per_second": 1, "recipients_a_day": 50}},
    )

    got = await plan(bare, recipients=8_000, zones=zones, beside=beside, schedule=None)

    assert got.status == 422
    assert [fault["path"] for fault in got.body["faults"]] == ["schedule"]
    told = (await plan(bare, recipients=8_000, zones=zones, beside=beside)).body
    # 1,600 places are marketing's; 50 of them are the codes' from the first day on.
    assert 120 < hours(told) < 120.1
    assert (told["sent"], told["unsent"], told["refused"], told["looked_up"]) == (8_000, {}, {}, 0)
    assert sum(hour["sent"] for hour in told["hours"]) == 8_000
    # How many of the 50 are new on a day is by when the plan begins within it.
    about = {"authentication": pytest.approx(270, abs=10), "utility": pytest.approx(170, abs=10), "marketing": 0}
    assert told["limit"] == {
        "messaging_limit": 2_000,
        "used_now": 0,
        "campaign_places": 1_600,
        "used_share": pytest.approx(1, abs=0.001),
        "least_left": about,
    }
    assert told["beside"] == [{"category": "authentication", "per_second": 1, "recipients": 50, "refused": 0}]
    assert told["held"][0]["reason"] == "category_reserve"
    assert told["faster"][0]["change"] == "messaging_limit"
    assert [warning["code"] for warning in told["warnings"]] == ["template_unknown"]
    assert told["cost"] is None


async def test_a_campaign_that_was_uploaded_is_planned_by_what_is_known_of_its_recipients(bare: Caller) -> None:
    rows = [{"to": f"1212555{number:04}", "first_name": "Ann"} for number in range(30)]
    order = make_order(audience=rows, steps=[{"share": 0.2, "gate": {"soak": "2h"}}, {"share": 1}])
    made = (await bare("POST", f"{V1}/campaigns", CHECKOUT, json=order)).body
    for number in range(10):
        path = f"{V1}/recipients/1212555{number:04}/consent"
        refused = await bare("PUT", path, CHECKOUT, json={"marketing": False, "source": "a call"})
        assert refused.status == 200, refused.raw

    told = (await bare("POST", PLAN, CHECKOUT, json={"campaign_id": made["id"]})).body

    assert (told["recipients"], told["looked_up"], told["campaign"]) == (30, 30, made["id"])
    assert (told["sent"], told["refused"]) == (20, {"opted_out": 10})
    assert [step["recipients"] for step in told["steps"]] == [step["rows"] for step in made["steps"]]
    assert 2 <= hours(told) < 2.1
    latest = datetime.fromisoformat(told["finish_at_latest"]) - datetime.fromisoformat(told["as_of"])
    assert 26 <= latest.total_seconds() / 3_600 < 26.1
    assert told["faster"][0]["change"] == "gates"


async def test_recipients_in_the_question_are_planned_with_the_places_that_they_hold(
    make_node: NodeMaker, graph: Recorder, session: Any
) -> None:
    bare = Caller.of(await make_node(graph.url, limit="2"), session)
    assert (await bare("PUT", f"{V1}/rules", CHECKOUT, json={"rules": OPEN})).status == 200
    for to in (ANN, BOB):
        sent = await bare("POST", f"/{NUMBER}/messages", CHECKOUT, json=template(to), headers=UTILITY)
        assert sent["Tidegate-Verdict"] == "send", sent.raw

    listed = {"audience": [{"to": ANN}, {"to": ANN}, {"to": "+1 212 555 0001"}]}

    async def is_counted() -> bool:
        return bool((await plan(bare, **listed)).body["beside"])

    await until(is_counted)
    told = (await plan(bare, **listed)).body

    # Ann has her place; the other one waits for one to come free, which none does.
    assert (told["recipients"], told["sent"], told["unsent"]) == (2, 1, {"messaging_limit": 1})
    assert (told["finish_at"], told["limit"]["used_now"]) == (None, 2)
    # What was sent in the last 24 hours goes on: utility to two users, who hold both places for good.
    assert told["beside"] == [
        {"category": "utility", "per_second": pytest.approx(2 / 86_400, rel=0.03), "recipients": 2, "refused": 0}
    ]
    alone = (await plan(bare, **listed, beside={})).body
    assert (alone["sent"], alone["beside"]) == (2, [])
    assert 23.9 < hours(alone) < 24.1


Terminal = Callable[..., Awaitable[tuple[int | None, str]]]


@pytest.fixture
def at_terminal(bare: Caller) -> Terminal:
    """`tidegate campaign` with these arguments, in a process of its own: its exit code, and what it printed."""

    async def run(*arguments: str, said: str = "") -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tidegate", "campaign", *arguments),
            env=os.environ | {"TIDEGATE_URL": bare.url, "TIDEGATE_KEY": READER},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        printed, _ = await process.communicate(said.encode())
        return process.returncode, printed.decode()

    return run


async def test_the_command_tells_a_plan_hour_by_hour(at_terminal: Terminal) -> None:
    steps = {"steps": [{"share": 0.1, "gate": True}, {"share": 1}], "schedule": {}}
    options = ("--number", NUMBER, "--recipients", "2000", "--zone", "Asia/Tokyo=0.5", "--prefix", "1212=0.25")
    codes = ("--codes-per-second", "1", "--code-users", "10")

    code, printed = await at_terminal("plan", "-", *options, *codes, said=json.dumps(steps))

    assert code == 0, printed
    lines = printed.splitlines()
    assert lines[0].startswith(f"2,000 recipients in {PORTFOLIO}: done ")
    assert any("category_reserve" in line for line in lines)
    for part in ("step step-1: 200 recipients", "if every gate waits", "1,600 places", "! the template", "with a mess"):
        assert any(part in line for line in lines), printed


async def test_the_command_exits_1_when_recipients_are_left(at_terminal: Terminal, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"numbers": [NUMBER], "recipients": 60_000}))

    code, printed = await at_terminal("plan", str(order), "--codes-per-second", "0")
    code_of_json, printed_json = await at_terminal("plan", str(order), "--codes-per-second", "0", "--json")

    assert (code, code_of_json) == (1, 1)
    found = json.loads(printed_json)
    assert found["unsent"] == {"category_reserve": 60_000 - found["sent"]}
    assert f"{found['sent']:,} are sent to, {60_000 - found['sent']:,} are left" in printed.splitlines()[0]


@pytest.mark.parametrize(
    ("order", "status", "path"),
    [
        pytest.param({}, 422, "", id="nobody"),
        pytest.param({"recipients": 0}, 422, "recipients", id="no recipient"),
        pytest.param({"recipients": 5, "zones": {"Mars": 1}}, 422, 'zones.Mars."[key]"', id="no zone"),
        pytest.param({"recipients": 5, "numbers": []}, 422, "numbers", id="no number"),
        pytest.param({"recipients": 5, "steps": [{"segment": "vip"}]}, 422, None, id="a segment of a count"),
        pytest.param({"audience": [{"to": "12"}]}, 422, None, id="no phone number"),
        pytest.param({"audience": [None]}, 422, None, id="no object"),
        pytest.param({"audience": [{}] * 1_001}, 400, None, id="too many for a question"),
        pytest.param({"campaign_id": "cmp-none"}, 400, None, id="an order beside an id"),
        pytest.param({"campaign_id": "cmp-none", "numbers": None}, 404, None, id="no such campaign"),
    ],
)
async def test_a_question_without_an_answer_is_told_why(
    bare: Caller, order: dict[str, Any], status: int, path: str | None
) -> None:
    body = {key: value for key, value in ({"numbers": [NUMBER]} | order).items() if value is not None}

    got = await bare("POST", PLAN, READER, json=body)

    assert got.status == status, got.raw
    if path is not None:
        assert [fault["path"] for fault in got.body["faults"]] == [path]


async def test_one_plan_at_a_time_is_made_for_an_app_and_two_at_all(
    make_node: NodeMaker, graph: Recorder, session: Any
) -> None:
    node = await make_node(graph.url)
    bare = Caller.of(node, session)
    under_way = node.services.planner.under_way
    under_way.add("reader")
    busy = await plan(bare, recipients=5)
    assert (busy.status, busy.body["code"], busy["Retry-After"]) == (429, "too_many_requests", "5")
    under_way.symmetric_difference_update({"reader", "one", "another"})
    assert (await plan(bare, recipients=5)).status == 429
    under_way.clear()
    assert (await plan(bare, recipients=5)).status == 200
    assert not under_way


async def test_the_way_to_the_next_limit_is_told_day_by_day(bare: Caller, client: StoreClient) -> None:
    use, steered = DailyUse(client), SteerableClock(client, [PORTFOLIO])
    left_ms = DAY_MS - await steered.now_ms() % DAY_MS
    # Some days on at noon: no day turns between what is noted and what is told, and the node has noted none of them.
    noon_s = (left_ms + 8 * DAY_MS + DAY_MS // 2) // 1000
    assert (await bare("POST", f"{V1}/testing/clock", json={"advance_s": noon_s})).status == 200
    now_ms = await steered.now_ms()
    for ago, used in ((40, 9), (6, 100), (2, 300), (1, 400)):
        await use.note(PORTFOLIO, now_ms - ago * DAY_MS, used)

    got = await bare("GET", f"{V1}/portfolios/{PORTFOLIO}/upgrade", READER)

    told = got.body
    assert got.status == 200
    assert (told["messaging_limit"], told["next_limit"], told["ready"]) == (2_000, 10_000, False)
    assert [day["recipients"] for day in told["by_day"]] == [100, None, None, None, 300, 400, 0]
    assert told["recipients"] == {
        "needed": 1_000,
        "days": 7,
        "together": 800,
        "best_day": 400,
        "missing": 200,
        "met_together": False,
        "met_in_a_day": False,
    }
    assert told["spread"][0] == {"days": 1, "recipients_a_day": 300, "fits": True}
    assert {obstacle["kind"] for obstacle in told["quality"]["obstacles"]} <= {"number_quality", "number_status"}


async def test_the_command_tells_the_way_to_the_next_limit(at_terminal: Terminal) -> None:
    code, printed = await at_terminal("upgrade", PORTFOLIO)

    assert code == 0, printed
    lines = printed.splitlines()
    assert lines[0] == f"{PORTFOLIO}: 2,000, next 10,000: 0 of 1,000 recipients in 7 days"
    assert ["1", "1,000", "yes"] in [line.split() for line in lines], printed


async def test_a_node_notes_what_each_day_had(make_node: NodeMaker, graph: Recorder, client: StoreClient) -> None:
    node: Node = await make_node(graph.url)

    async def noted() -> bool:
        now_ms = node.services.clock.now_ms() + DAY_MS
        return (await DailyUse(client).read(PORTFOLIO, now_ms, 1)) == [0]

    await until(noted)


async def test_what_was_noted_long_ago_is_forgotten(client: StoreClient) -> None:
    use, now_ms = DailyUse(client), 1_800_000_000_000
    for day in range(40):
        await use.note(PORTFOLIO, now_ms + day * DAY_MS, day)

    assert await use.read(PORTFOLIO, now_ms + 40 * DAY_MS, 40) == [None] * 9 + list(range(9, 40))
