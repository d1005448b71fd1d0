"""`GET /kpis`: figures of the numbers that the app may use, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    READER,
    SENDER,
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
from tidegate.edge.control.kpi_rows import columns
from tidegate.policy.kpi import By

KPIS = "/gateway/v1/kpis"
USER = "+16505550177"


async def kpis(bare: Caller, query: str = "", key: str = READER) -> dict[str, Any]:
    answer = await bare("GET", KPIS + query, key)
    assert answer.status == 200, answer.body
    return dict(answer.body)


async def now_s(bare: Caller) -> int:
    return int((await bare("GET", "/gateway/v1/testing/clock", OPERATOR)).body["now_ms"]) // 1000


async def webhook(bare: Caller, field: str, value: dict[str, Any], at_s: int | None = None) -> None:
    entry = {"id": WABA, "changes": [{"field": field, "value": value}]} | ({} if at_s is None else {"time": at_s})
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    assert (await bare("POST", "/webhooks/whatsapp", None, data=body, headers=signed(body))).status == 200


async def messages(bare: Caller, **value: Any) -> None:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
    await webhook(bare, "messages", {"messaging_product": "whatsapp", "metadata": metadata, **value})


async def hears(bare: Caller, graph: Recorder, wamid: str, status: str, at_s: int, *codes: int) -> None:
    opaque = next(
        sent["biz_opaque_callback_data"]
        for _, _, _, raw in reversed(graph.requests)
        if (sent := orjson.loads(raw)) and wamid.endswith(sent["to"].removeprefix("+"))
    )
    told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": str(at_s), "biz_opaque_callback_data": opaque}
    if codes:
        told["errors"] = [{"code": code, "title": "told by Meta"} for code in codes]
    await messages(bare, statuses=[told | {"recipient_id": wamid.removeprefix("wamid.")}])


async def asks(bare: Caller, at_s: int) -> None:
    digits = USER.removeprefix("+")
    said = {"from": digits, "id": "wamid.in", "timestamp": str(at_s), "type": "text", "text": {"body": "Where is it?"}}
    await messages(bare, messages=[said], contacts=[{"wa_id": digits, "profile": {"name": "Ann"}}])


async def named_by_recipient(_: web.Request, raw: bytes) -> web.StreamResponse:
    """Accept a send under an id of which its test knows what it is."""
    to = str(orjson.loads(raw)["to"])
    return web.json_response(accepted("wamid." + to.removeprefix("+"), to))


@pytest.fixture
async def lived(bare: Caller, graph: Recorder) -> Caller:
    """A template that was read, whose webhooks came twice and the wrong way round; a question, and its answer."""

    graph.answer = named_by_recipient
    assert (await bare.send(template(USER), Tidegate_Category="marketing", Tidegate_Campaign="=spring")).status == 200
    at_s, wamid = await now_s(bare), "wamid." + USER.removeprefix("+")
    for status, late_s in (("read", 9), ("delivered", 4), ("read", 9), ("sent", 1), ("delivered", 4)):
        await hears(bare, graph, wamid, status, at_s + late_s)
    for _ in range(2):
        await asks(bare, at_s)
    assert (await bare.send(text(USER), key=OPERATOR)).status == 200

    async def answered() -> bool:
        return bool((await kpis(bare))["total"]["answered"] == 1)

    # Its acceptance is noted off the way of the answer.
    await until(answered)
    return bare


async def test_the_days_figures_are_told_by_whatever_is_asked(lived: Caller) -> None:
    told = await kpis(lived)

    total = told["total"]
    assert [total[name] for name in ("sent", "delivered", "read", "failed", "replied")] == [2, 1, 1, 0, 1]
    assert (total["delivery_rate"], total["read_rate"]) == (0.5, 1.0)
    assert total["time_to_deliver"]["count"] == 1
    assert 3 <= total["time_to_deliver"]["mean_s"] <= 5
    assert (total["asked"], total["answered"], total["first_response"]["count"]) == (1, 1, 1)
    assert len(told["rows"]) == 30
    assert told["rows"][-1] == {"day": told["to"], **total}
    assert sum(hour["answered"] for hour in told["hours"]) == 1

    [offer] = (await kpis(lived, "?by=template"))["rows"]
    assert {name: offer[name] for name in ("template", "language", "waba", "sent", "response", "asked")} == {
        "template": "order_confirmation",
        "language": "en_US",
        "waba": WABA,
        "sent": 1,
        "response": None,
        "asked": None,
    }
    [spring] = (await kpis(lived, "?by=campaign"))["rows"]
    assert (spring["campaign"], spring["read"], spring["approvals"]) == ("=spring", 1, None)
    apps = {row["app"]: row for row in (await kpis(lived, "?by=app"))["rows"]}
    assert {name: row["sent"] for name, row in apps.items()} == {"checkout": 1, "operator": 1}
    assert (apps["operator"]["response"]["count"], apps["checkout"]["response"]["count"]) == (1, 0)
    [number] = (await kpis(lived, f"?by=number&number={NUMBER}&portfolio=lucky-shrub"))["rows"]
    assert (number["number"], number["sent"], number["quality"]) == (NUMBER, 2, None)


async def test_a_message_has_failed_once_however_many_reasons_are_told(bare: Caller, graph: Recorder) -> None:
    graph.answer = named_by_recipient
    assert (await bare.send(template(USER))).status == 200
    wamid, at_s = "wamid." + USER.removeprefix("+"), await now_s(bare)
    for code in (131049, 131026, 131050, 131049):
        await hears(bare, graph, wamid, "failed", at_s, code)

    total = (await kpis(bare))["total"]
    assert [total[name] for name in ("sent", "failed", "withheld", "dropped")] == [1, 1, 1, 0]
    assert total["failure_rate"] == 1.0

    await hears(bare, graph, wamid, "delivered", at_s)

    total = (await kpis(bare))["total"]
    assert [total[name] for name in ("delivered", "failed", "withheld", "dropped")] == [1, 0, 0, 0]


async def test_a_table_for_a_spreadsheet_holds_no_formula(lived: Caller) -> None:
    answer = await lived("GET", KPIS + "?by=campaign&format=csv", READER)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(answer.raw.decode()))
    assert (row["campaign"], row["sent"], row["response_count"], row["approved"]) == ("'=spring", "1", "", "")
    accepting = await lived("GET", KPIS + "?by=campaign", READER, headers={"Accept": "text/csv;q=0.9, */*"})
    assert accepting.raw == answer.raw


async def test_an_app_is_told_of_its_own_numbers_alone(lived: Caller) -> None:
    assert (await kpis(lived, key=STRANGER))["total"]["sent"] == 0
    assert (await kpis(lived, "?by=template", STRANGER))["rows"] == []
    assert (await kpis(lived, key=OPERATOR))["total"]["sent"] == 2
    assert (await lived("GET", KPIS, SENDER)).status == 403
    for query in (f"?number={NUMBER}", "?portfolio=lucky-shrub"):
        assert (await lived("GET", KPIS + query, STRANGER)).status == 404
    assert (await lived("GET", KPIS + f"?number={OTHER_NUMBER}&portfolio=lucky-shrub", OPERATOR)).status == 404


async def test_what_meta_decided_on_templates_is_told_by_day_and_by_template(bare: Caller) -> None:
    at_s = await now_s(bare)
    named = {"message_template_id": 7, "message_template_name": "new_offer", "message_template_language": "de"}
    for event, ago_s in (("PENDING", 5_000), ("APPROVED", 1_400)):
        await webhook(bare, "message_template_status_update", {**named, "event": event, "reason": None}, at_s - ago_s)
    for ago_s, before, after in ((1_000, "UNKNOWN", "GREEN"), (900, "GREEN", "RED")):
        value = {**named, "previous_quality_score": before, "new_quality_score": after}
        await webhook(bare, "message_template_quality_update", value, at_s - ago_s)

    told = await kpis(bare, "?by=template")

    [row] = [row for row in told["rows"] if row["template"] == "new_offer"]
    assert (row["approvals"]["approved"], row["approvals"]["lead_time"]["mean_s"]) == (1, 3_600.0)
    assert (row["quality"], row["sent"], row["delivery_rate"]) == ({"better": 0, "worse": 1}, 0, None)
    assert told["total"]["approvals"]["approved"] == 1
    assert sum(day["quality"]["worse"] for day in (await kpis(bare))["rows"]) == 1
    assert (await kpis(bare, "?by=template", STRANGER))["rows"] == []


WRONG = {
    "a date that is none": "?from=2026-02-30",
    "a day before there were any": "?to=0001-01-01",
    "a beginning before there were days": "?from=1969-12-31&to=1970-01-01",
    "a time for a date": "?to=2026-02-20T10:00:00Z",
    "an end before the beginning": "?from=2026-02-20&to=2026-02-19",
    "more than is kept": "?from=2024-01-01&to=2026-01-01",
    "rows of what there is not": "?by=moon",
    "a format that there is not": "?format=xml",
    "a day given twice": "?from=2026-02-20&from=2026-02-21",
}


async def test_what_can_not_be_told_is_refused(bare: Caller) -> None:
    for name, query in WRONG.items():
        answer = await bare("GET", KPIS + query, CHECKOUT)
        assert (answer.status, answer.body["code"]) == (400, "bad_request"), name
    for by in By:
        told = await kpis(bare, f"?by={by}&from=2026-02-20&to=2026-02-20", CHECKOUT)
        assert (told["from"], told["to"], told["total"]["sent"]) == ("2026-02-20", "2026-02-20", 0)
        assert columns(by)
