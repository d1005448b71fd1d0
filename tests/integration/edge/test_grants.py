"""What an app was granted, over HTTP: what it may not send is refused, and its pace is counted in the store."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    PORTFOLIO,
    SENDER,
    Caller,
    Recorder,
    template,
    text,
)
from tests.waiting import until

#: The third app of the file is "sender".
GRANTED = "TIDEGATE_APP__2__"


@pytest.mark.parametrize(
    ("grant", "body", "category", "reason"),
    [
        pytest.param({"CATEGORIES": "utility"}, template(), "marketing", "not_granted", id="another category"),
        pytest.param({"CATEGORIES": "utility"}, template(), "utility", None, id="its category"),
        pytest.param({"CATEGORIES": "utility"}, text(), None, "not_granted", id="free-form without service"),
        pytest.param({"TEMPLATES": "order_*"}, template(), "marketing", None, id="a template of its pattern"),
        pytest.param({"TEMPLATES": "otp_*"}, template(), "marketing", "not_granted", id="a template of none"),
    ],
)
async def test_what_was_not_granted_is_refused_and_never_queued(
    make_node, graph: Recorder, session, grant, body, category, reason
):
    environ = {f"{GRANTED}{name}": value for name, value in grant.items()}
    call = Caller.of(await make_node(graph.url, environ=environ), session)
    hint = {"Tidegate_Category": category} if category else {}

    got = await call.send(body, SENDER, **hint)
    others = await call.send(template("+16505550009"), CHECKOUT, Tidegate_Category="marketing")

    assert got["Tidegate-Reason"] == reason
    assert others.status == 200
    if reason:
        assert (got.status, got.error["code"], got["Tidegate-Verdict"]) == (400, 10, "reject")
    assert len(graph.requests) == (1 if reason else 2)


async def test_a_share_of_the_throughput_is_the_apps_own_pace(make_node, graph: Recorder, session):
    # One message in 125 s: whatever the machine does meanwhile, the second one is too soon.
    environ = {f"{GRANTED}THROUGHPUT_SHARE": "0.0001", "TIDEGATE_RULES__PACING_WAIT": "0s"}
    call = Caller.of(await make_node(graph.url, environ=environ), session)

    sent = [await call.send(template(f"+1650555100{i}"), SENDER, Tidegate_Hold="reject") for i in range(2)]
    others = await call.send(template("+16505551005"), OPERATOR, NUMBER, Tidegate_Hold="reject")

    assert [got["Tidegate-Reason"] for got in sent] == [None, "throughput"]
    assert "the app sender has 0% of the number's 80 messages a second" in sent[1].error["error_data"]["details"]
    assert others.status == 200


async def test_a_share_of_the_throughput_is_one_for_all_nodes(make_node, graph: Recorder, session):
    # One message in 125 s, whichever node it goes by.
    environ = {f"{GRANTED}THROUGHPUT_SHARE": "0.0001", "TIDEGATE_RULES__PACING_WAIT": "0s"}
    calls = [Caller.of(await make_node(graph.url, environ=environ), session) for _ in range(2)]

    sends = [calls[i % 2].send(template(f"+1650555110{i}"), SENDER, Tidegate_Hold="reject") for i in range(8)]
    got = await asyncio.gather(*sends)

    assert Counter(one["Tidegate-Reason"] for one in got) == {None: 1, "throughput": 7}
    assert len(graph.requests) == 1


async def test_a_share_of_the_limit_is_one_for_all_nodes_and_for_a_moving_day(make_node, graph: Recorder, session):
    # 20 places less one of headroom: a quarter of 19 is 4. The first app of the file is "checkout".
    environ = {
        "TIDEGATE_PORTFOLIO__0__MESSAGING_LIMIT": "20",
        "TIDEGATE_APP__0__LIMIT_SHARE": "0.25",
        "TIDEGATE_RULES__LATE_DELIVERY_HOLD": "false",
    }
    calls = [Caller.of(await make_node(graph.url, environ=environ), session) for _ in range(2)]
    one, other = calls

    async def share(key: str = CHECKOUT) -> dict[str, object] | None:
        body = (await other("GET", f"/gateway/v1/portfolios/{PORTFOLIO}/capacity", key)).body
        return dict(body["limit_share"]) if body["limit_share"] else None

    # Another app's place, which comes free an hour before those of the share.
    assert (await one.send(template("+16505551299"), SENDER)).status == 200
    await one("POST", "/gateway/v1/testing/clock", json={"advance_s": 3_600})
    users = [f"+165055512{i:02}" for i in range(12)]
    sends = [calls[i % 2].send(template(to), CHECKOUT, Tidegate_Hold="reject") for i, to in enumerate(users)]
    got = dict(zip(users, await asyncio.gather(*sends), strict=True))

    assert Counter(answer["Tidegate-Reason"] for answer in got.values()) == {None: 4, "limit_share": 8}
    reached = [to for to, answer in got.items() if answer.status == 200]
    missed = [to for to, answer in got.items() if answer.status != 200]
    refused = got[missed[0]]
    assert (refused.status, refused.error["code"]) == (400, 131048)
    assert "the 4 places that the app checkout may have" in refused.error["error_data"]["details"]
    assert refused["Tidegate-Until"] is not None
    assert refused["RateLimit"].startswith('"messaging-limit";r=0')
    found = await share()
    assert found is not None
    assert {key: found[key] for key in ("app", "places", "used", "available")} == {
        "app": "checkout",
        "places": 4,
        "used": 4,
        "available": 0,
    }
    assert found["next_release_at"] == refused["Tidegate-Until"]
    assert await share(OPERATOR) is None
    decided = (await one("POST", f"/gateway/v1/decide?number={NUMBER}", CHECKOUT, json=template(missed[0]))).body
    assert [answer["guardrail"] for answer in decided["guardrails"] if answer["objects"]] == ["limit_share"]

    others = await other.send(template(missed[0]), SENDER, Tidegate_Hold="reject")
    again = [await one.send(template(to), CHECKOUT, Tidegate_Hold="reject") for to in (missed[0], reached[0])]
    assert [answer.status for answer in (others, *again)] == [200] * 3, "who is counted costs nobody anything"

    queued = await one.send(template(missed[1]), CHECKOUT, Tidegate_Hold="queue")
    assert (queued["Tidegate-Verdict"], queued["Tidegate-Reason"]) == ("queue", "limit_share")
    lanes = (await one("GET", "/gateway/v1/queue", CHECKOUT)).body["lanes"]
    [next_attempt] = [lane["next_attempt_at"] for lane in lanes if lane["waiting"]]
    assert next_attempt < str(queued["Tidegate-Until"]), "a failed send may give its place back any time"
    before = len(graph.requests)
    await one("POST", "/gateway/v1/testing/clock", json={"advance_s": 86_401})

    async def is_sent() -> bool:
        return len(graph.requests) == before + 1

    await until(is_sent)
    found = await share()
    assert found is not None
    assert (found["used"], found["available"]) == (1, 3)
