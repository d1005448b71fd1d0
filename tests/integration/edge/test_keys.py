"""Who may come in: wrong keys lock their address out, and who may stop may not open."""

from __future__ import annotations

import json

import pytest

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    ONCALL,
    OPERATOR,
    READER,
    STRANGER,
    Caller,
    Recorder,
    template,
)
from tidegate.settings.app_keys import hash_key
from tidegate.store.key_records import key_id

V1 = "/gateway/v1"
PAUSE = {"scope": {"number": NUMBER}, "reason": "complaints", "for": "30m"}


async def test_a_guesser_is_told_the_same_on_both_faces_and_a_neighbour_goes_on(bare: Caller, graph: Recorder):
    assert (await bare("GET", f"{V1}/standing", READER)).status == 200
    for i in range(5):
        assert (await bare.send(template(), f"tg_guess_{i}")).status == 401
        assert (await bare("GET", f"{V1}/standing", f"tg_guess_{i + 5}")).status == 401

    locked = [await bare("GET", f"{V1}/standing", key) for key in ("tg_guess_11", "tg_guess_12")]
    send = await bare.send(template(), "tg_guess_13")

    assert [(got.status, got.body["code"]) for got in locked] == [(429, "locked_out")] * 2
    assert [got.body["detail"] for got in locked] == [locked[0].body["detail"]] * 2
    assert all(0 < int(got["Retry-After"] or 0) <= 30 for got in locked)
    assert (send.status, send.error["code"], send["Tidegate-Reason"]) == (429, 4, "locked_out")
    assert graph.requests == []
    # Whether it was heard of before the lock-out or not.
    assert [(await bare("GET", f"{V1}/standing", key)).status for key in (READER, CHECKOUT)] == [200, 200]
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


class TestKeysAtRunTime:
    async def test_a_key_goes_from_its_making_to_its_end_on_a_node_that_was_not_asked(self, make_node, graph, session):
        here, there = [Caller.of(await make_node(graph.url), session) for _ in range(2)]

        made = await here("POST", f"{V1}/keys", OPERATOR, json={"app": "sender"})
        key = made.body["key"]
        sent = await there.send(template(), key)
        listed = {one["id"]: one for one in (await there("GET", f"{V1}/keys", CHECKOUT)).body["keys"]}
        ended = await here("DELETE", f"{V1}/keys/{made.body['id']}?reason=leaked", CHECKOUT)
        refused = [await call.send(template(), key) for call in (there, here)]

        assert (made.status, made["Cache-Control"], sent.status) == (201, "no-store", 200)
        told = listed[made.body["id"]]
        assert (told["app"], told["state"], told["origin"]) == ("sender", "live", "control_plane")
        assert told["created_by"] == "operator"
        assert key not in json.dumps(listed)
        assert (ended.status, ended.body["state"], ended.body["revoked_by"]) == (200, "revoked", "checkout")
        assert [got.status for got in refused] == [401, 401]
        assert len(graph.requests) == 1

    async def test_a_key_of_the_file_is_revoked_on_every_face_of_every_node(self, make_node, graph, session):
        here, there = [Caller.of(await make_node(graph.url), session) for _ in range(2)]
        for call in (here, there):
            assert (await call("GET", f"{V1}/standing", READER)).status == 200

        await here("DELETE", f"{V1}/keys/{key_id(hash_key(READER))}", OPERATOR)
        await here("DELETE", f"{V1}/keys/{key_id(hash_key(CHECKOUT))}", OPERATOR)

        for call in (there, here):
            assert (await call("GET", f"{V1}/standing", READER)).status == 401
            assert (await call("GET", f"/v25.0/{NUMBER}", CHECKOUT)).status == 401
            assert (await call.send(template(), CHECKOUT)).status == 401
        again = Caller.of(await make_node(graph.url), session)
        assert (await again.send(template(), CHECKOUT)).status == 401
        assert graph.requests == []

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param({"app": "nobodys"}, 404, id="an app that is not there"),
            pytest.param({"app": "stranger"}, 404, id="an app with numbers of others"),
            pytest.param({"app": "operator"}, 404, id="an app with more numbers"),
            pytest.param({"app": ["sender"]}, 404, id="no name"),
            pytest.param({}, 400, id="nothing"),
            pytest.param({"app": "sender", "key_sha256": "0" * 64}, 400, id="a hash of the caller's own"),
        ],
    )
    async def test_nobody_makes_keys_for_what_is_not_theirs(self, bare: Caller, body, status: int):
        assert (await bare("POST", f"{V1}/keys", CHECKOUT, json=body)).status == status

    async def test_keys_of_others_are_neither_listed_nor_revoked(self, bare: Caller):
        listed = (await bare("GET", f"{V1}/keys", CHECKOUT)).body["keys"]
        wanted = key_id(hash_key(STRANGER))
        got = await bare("DELETE", f"{V1}/keys/{wanted}", CHECKOUT)

        assert {one["app"] for one in listed} == {"checkout", "reader", "sender", "oncall"}
        assert (got.status, got.body["detail"]) == (404, "no such key")
        assert (await bare("GET", f"{V1}/standing", STRANGER)).status == 200

    async def test_a_third_live_key_is_refused_and_keys_are_no_part_of_the_history_of_quality(self, bare: Caller):
        assert (await bare("POST", f"{V1}/keys", json={"app": "checkout"})).status == 201
        third = await bare("POST", f"{V1}/keys", json={"app": "checkout"})

        assert (third.status, third.body["code"]) == (409, "conflict")
        assert {change["kind"] for change in (await bare("GET", f"{V1}/quality")).body["changes"]} == {"rules"}
