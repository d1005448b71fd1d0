"""Who may come in: wrong keys lock their address out, and who may stop may not open."""

from __future__ import annotations

import pytest

from tests.integration.edge.callers import CHECKOUT, NUMBER, ONCALL, OPERATOR, READER, Caller, Recorder, template

V1 = "/gateway/v1"
PAUSE = {"scope": {"number": NUMBER}, "reason": "complaints", "for": "30m"}


async def test_a_guesser_is_told_the_same_on_both_faces_and_a_neighbour_goes_on(bare: Caller, graph: Recorder):
    assert (await bare("GET", f"{V1}/standing", READER)).status == 200
    for i in range(5):
        assert (await bare.send(template(), f"tg_guess_{i}")).status == 401
        assert (await bare("GET", f"{V1}/standing", f"tg_guess_{i + 5}")).status == 401

    locked = [await bare("GET", f"{V1}/standing", key) for key in ("tg_guess_11", CHECKOUT)]
    send = await bare.send(template(), CHECKOUT)

    assert [(got.status, got.body["code"]) for got in locked] == [(429, "locked_out")] * 2
    assert [got.body["detail"] for got in locked] == [locked[0].body["detail"]] * 2
    assert all(0 < int(got["Retry-After"] or 0) <= 30 for got in locked)
    assert (send.status, send.error["code"], send["Tidegate-Reason"]) == (429, 4, "locked_out")
    assert graph.requests == []
    assert (await bare("GET", f"{V1}/standing", READER)).status == 200
    told = (await bare("GET", "/metrics", None)).raw.decode()
    assert 'tidegate_refused_keys_total{why="unknown"} 10.0' in told
    assert 'tidegate_refused_keys_total{why="locked_out"} 3.0' in told


async def test_whoever_is_on_call_may_stop_and_not_open(bare: Caller, graph: Recorder):
    made = await bare("POST", f"{V1}/pauses", ONCALL, json=PAUSE)
    stopped = await bare.send(template(), Tidegate_Hold="reject")
    opened = await bare("DELETE", f"{V1}/pauses/{made.body['id']}?reason=over", ONCALL)

    assert (made.status, opened.status) == (201, 403)
    assert stopped["Tidegate-Reason"] == "paused_by_operator"
    assert graph.requests == []


@pytest.mark.parametrize(
    ("by", "query", "status"),
    [
        pytest.param(CHECKOUT, "", 200, id="who stopped it need not say why"),
        pytest.param(OPERATOR, "", 400, id="another app has to"),
        pytest.param(OPERATOR, "?reason=%20", 400, id="blanks are no reason"),
        pytest.param(OPERATOR, "?reason=it%20is%20over", 200, id="with a reason another app may"),
    ],
)
async def test_opening_what_another_app_has_stopped_takes_a_reason(bare: Caller, by: str, query: str, status: int):
    made = await bare("POST", f"{V1}/pauses", CHECKOUT, json=PAUSE)

    ended = await bare("DELETE", f"{V1}/pauses/{made.body['id']}{query}", by)

    assert ended.status == status
    left = (await bare("GET", f"{V1}/pauses", READER)).body["pauses"]
    assert len(left) == (0 if status == 200 else 1)
    if query and status == 200:
        changes = (await bare("GET", f"{V1}/quality", READER)).body["changes"]
        assert changes[0]["cause"] == "resumed by operator: it is over"
