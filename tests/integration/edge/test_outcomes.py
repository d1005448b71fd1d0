"""What apps report of their campaigns' sends: each report is answered by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_order
from tests.integration.edge.callers import CHECKOUT, NUMBER, Caller, template
from tests.waiting import until

OUTCOMES = "/gateway/v1/outcomes"
USER = "+16505550123"


async def report(bare: Caller, *outcomes: Any) -> list[dict[str, Any]]:
    answer = await bare("POST", OUTCOMES, CHECKOUT, json={"outcomes": list(outcomes)})
    assert answer.status == 200
    return list(answer.body["results"])


async def test_a_report_is_put_down_to_its_message_by_either_id_or_by_its_user(bare: Caller) -> None:
    sent = await bare.send(template(USER), Tidegate_Category="marketing")
    wamid = sent.body["messages"][0]["id"]

    async def is_noted() -> bool:
        [told] = await report(bare, {"message": wamid, "kind": "journey", "step": "begun"})
        return bool(told["outcome"] != "unknown_message")

    # That Meta took it is noted off the way of the answer.
    await until(is_noted)
    told = await report(
        bare,
        {"message": sent["Tidegate-Id"], "kind": "conversion"},
        {"id": "order 7", "message": wamid, "kind": "conversion", "value": 0.5},
        {"to": USER, "number": NUMBER, "kind": "journey", "step": "paid"},
        {"to": "+16505550999", "number": NUMBER, "kind": "conversion"},
        {"message": "wamid.nobody", "kind": "csat", "value": 1},
    )

    assert told[1] == {"id": "order 7", "outcome": "counted_before"}
    assert [one["outcome"] for one in told] == ["counted", "counted_before", "counted"] + ["unknown_message"] * 2


WRONG = {
    "what is no object": ([], "has to be an object"),
    "a key that is unknown": ({"message": "m", "kind": "csat", "value": 1, "score": 5}, "has a key that is unknown"),
    "a kind that is unknown": ({"message": "m", "kind": "hug"}, "kind: has to be"),
    "a kind that is no text": ({"message": "m", "kind": ["csat"]}, "kind: has to be"),
    "a journey without a step": ({"message": "m", "kind": "journey"}, "kind: has to be"),
    "a step that is spelt badly": ({"message": "m", "kind": "journey", "step": "a b"}, "kind: has to be"),
    "a journey's name for a kind": ({"message": "m", "kind": "journey:paid"}, "kind: has to be"),
    "a score without a value": ({"message": "m", "kind": "csat"}, "value: has to be"),
    "a value beyond one": ({"message": "m", "kind": "conversion", "value": 5}, "value: has to be"),
    "a value that is no number": ({"message": "m", "kind": "conversion", "value": True}, "value: has to be"),
    "a handling time without one": ({"message": "m", "kind": "handling_time"}, "seconds: has to be given"),
    "a score in seconds": ({"message": "m", "kind": "csat", "seconds": 5}, "seconds: has to be given"),
    "a time below none": ({"message": "m", "kind": "handling_time", "seconds": -1}, "seconds: has to be a number"),
    "a time that is none": ({"message": "m", "kind": "handling_time", "seconds": True}, "seconds: has to be a number"),
    "a time and a value": ({"message": "m", "kind": "handling_time", "seconds": 1, "value": 1}, "seconds: says all"),
    "nobody": ({"kind": "conversion"}, "message: has to be"),
    "a message and a user": ({"message": "m", "to": USER, "number": NUMBER, "kind": "conversion"}, "message: has to"),
    "a message that is no id": ({"message": "a b", "kind": "conversion"}, "message: has to be"),
    "a user that is none": ({"to": "Ann", "number": NUMBER, "kind": "conversion"}, "to: has to be"),
    "a number of somebody else": ({"to": USER, "number": "1", "kind": "conversion"}, "number: no such number"),
}


async def test_a_wrong_report_is_refused_by_itself_and_loses_no_other(bare: Caller) -> None:
    told = await report(bare, *(given for given, _ in WRONG.values()), {"message": "m", "kind": "conversion"})

    for (name, (_, why)), one in zip(WRONG.items(), told, strict=False):
        assert one["outcome"] == "refused", name
        assert one["why"].startswith(why), name
    assert told[-1] == {"outcome": "unknown_message"}


@pytest.mark.parametrize(
    "body",
    [{}, {"outcomes": []}, {"outcomes": {}}, {"outcomes": [{}], "more": 1}, {"outcomes": [{}] * 1_001}],
    ids=["nothing", "an empty list", "no list", "another key", "too many"],
)
async def test_what_is_no_list_of_reports_is_refused(bare: Caller, body: dict[str, Any]) -> None:
    assert (await bare("POST", OUTCOMES, CHECKOUT, json=body)).status == 400


async def test_a_report_compares_the_variants_of_a_campaign(bare: Caller) -> None:
    halves = [
        {"name": name, "share": 0.5, "control": name == "a", "template": make_order()["template"]}
        for name in ("a", "b")
    ]
    order = make_order(numbers=[NUMBER], template=None, variants=halves, category="marketing")
    made = await bare("POST", "/gateway/v1/campaigns", CHECKOUT, json=order)
    assert made.status == 201, made.body

    told = (await bare("GET", f"/gateway/v1/campaigns/{made.body['id']}/report", CHECKOUT)).body

    assert told["id"] == made.body["id"]
    assert [(variant["name"], variant["control"]) for variant in told["variants"]] == [("a", True), ("b", False)]
    assert told["variants"][0]["rates"]["read"] == {"of": 0, "events": 0.0, "share": None, "to_control": None}
    assert [(step["name"], step["verdict"]) for step in told["steps"]] == [(made.body["steps"][0]["name"], None)]
