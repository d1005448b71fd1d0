"""What an app was granted, over HTTP: what it may not send is refused, and its pace is counted in the store."""

from __future__ import annotations

import pytest

from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, SENDER, Caller, Recorder, template, text

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
