"""A Valkey Cluster under a node: portfolios on every shard, slots that move, a primary that dies, all under load."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from loadtest.own_cluster import slot_of
from tests.chaos.verdict import Findings
from tests.cluster.stage import OFFER, SHARDS, Stage, open_stage, soon
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as made:
        yield made


def kept(findings: Findings) -> Findings:
    """What is found where every promise is kept: nothing but how many there were."""
    return Findings(promised=findings.promised)


async def test_everything_works_for_the_portfolios_of_every_shard(stage: Stage) -> None:
    async def is_delivered() -> bool:
        told = [await stage.call("GET", f"/gateway/v1/messages/{one.message_id}") for one in direct]
        return all(body["state"] in ("delivered", "read") for _, _, body in told)

    async def are_finished() -> bool:
        return all([(await stage.call("GET", path))[2]["state"] == "finished" for path in campaigns.values()])

    direct = [await stage.send(portfolio) for portfolio in stage.portfolios]
    queued = [await stage.send(portfolio, Tidegate_Not_Before=soon()) for portfolio in stage.portfolios]
    campaigns = {portfolio: await _campaign(stage, portfolio) for portfolio in stage.portfolios[:SHARDS]}
    assert Counter(one.verdict for one in direct + queued) == {"send": 12, "queue": 12}

    await until(is_delivered)
    await until(are_finished)
    findings = await stage.findings()

    assert findings == kept(findings)
    for portfolio, path in campaigns.items():
        _, _, campaign = await stage.call("GET", path)
        assert sum(campaign["progress"].values()) == 3 == _reached(campaign["progress"])

        async def are_counted(portfolio: str = portfolio) -> bool:
            _, _, figures = await stage.call("GET", f"/gateway/v1/kpis?portfolio={portfolio}")
            return bool(figures["total"]["sent"] == figures["total"]["delivered"] == 5)

        await until(are_counted)
    assert await stage.told_of() == set(stage.portfolios)


@pytest.mark.parametrize("at_once", [True, False], ids=["by the server, at once", "key by key, asking where each is"])
async def test_a_slot_that_moves_under_load_loses_and_repeats_nothing(stage: Stage, at_once: bool) -> None:
    old, new = (0, 1) if at_once else (1, 0)
    moved, *_ = stage.of_shard(old)
    since = len(stage.sent)
    async with stage.callers():
        await stage.goes_on(stage.portfolios)
        move = stage.cluster.hand_over if at_once else stage.cluster.carry_over
        await move(slot_of(moved), to=new)
        await stage.goes_on(stage.portfolios)
    findings = await stage.findings()

    assert {sent.portfolio for sent in stage.refused(since)} <= {moved}
    assert {sent.status for sent in stage.refused(since)} <= {503}
    assert findings == kept(findings)


async def test_a_primary_that_dies_stops_nobody_but_its_own_and_they_go_on_with_its_replica(stage: Stage) -> None:
    lost = stage.of_shard(SHARDS - 1)
    others = [portfolio for portfolio in stage.portfolios if portfolio not in lost]
    since = len(stage.sent)
    async with stage.callers():
        await stage.goes_on(stage.portfolios)
        stage.cluster.primaries[-1].kill()
        await stage.goes_on(others, times=5)
        status, _, _ = await stage.call("GET", "/readyz")
        await stage.goes_on(lost)
    findings = await stage.findings()

    assert status == 200
    assert {sent.portfolio for sent in stage.refused(since)} == set(lost)
    assert {(sent.status, sent.reason) for sent in stage.refused(since)} == {(503, "store_unavailable")}
    assert findings == kept(findings)


async def _campaign(stage: Stage, portfolio: str) -> str:
    order: dict[str, Any] = {
        "name": "to three",
        "numbers": [stage.number(portfolio).id],
        "template": {"name": OFFER, "language": {"code": "en_US"}},
        "audience": [{"to": stage.nobody_yet()} for _ in range(3)],
    }
    status, _, told = await stage.call("POST", "/gateway/v1/campaigns", order)
    assert status == 201
    path = f"/gateway/v1/campaigns/{told['id']}"
    status, _, _ = await stage.call("POST", f"{path}/start")
    assert status == 200
    return path


def _reached(progress: dict[str, int]) -> int:
    return progress["delivered"] + progress["read"]
