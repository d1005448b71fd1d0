"""Messages that were promised: whatever goes wrong around them, they wait, and go when it is over."""

from __future__ import annotations

from contextlib import suppress

import pytest
from redis.exceptions import WatchError

from tests.consequences.entries import HOUR_MS, MINUTE_MS, of_template
from tests.consequences.world import OPERATOR, PORTFOLIO, World
from tests.waiting import until
from tidegate.cloudapi.error_codes import CODES
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

V1 = "/gateway/v1"
THROTTLES = sorted(code for code, meaning in CODES.items() if meaning.is_throttle)


async def states_as_time_passes(world: World, client: StoreClient, span_ms: int, *ids: str | None) -> list[str]:
    """The states of these messages. While one of them is on its way no time passes: a send may take so long only."""
    async with client.pipeline() as store:
        await store.watch(*(PortfolioKeys(PORTFOLIO).message(id_ or "") for id_ in ids))
        states = [(await world.call("GET", f"{V1}/messages/{id_}", OPERATOR)).body["state"] for id_ in ids]
        if "sending" not in states:
            store.multi()
            for portfolio in world.node.services.standings.portfolios:
                store.incrby(PortfolioKeys(portfolio).clock, span_ms)
            with suppress(WatchError):
                await store.execute()
    # The node is to know of it, and to look for what is due.
    await world.pass_ms(0)
    return states


@pytest.mark.parametrize("code", THROTTLES)
async def test_a_throttle_burns_no_attempt_of_a_queued_message(world: World, client: StoreClient, code: int) -> None:
    world.graph.refusals = [code] * 8
    got = await world.post("the template")
    assert (got.status, got["Tidegate-Verdict"]) == (200, "queue")

    async def is_accepted() -> bool:
        [state] = await states_as_time_passes(world, client, MINUTE_MS // 6, got["Tidegate-Id"])
        assert state in ("queued", "sending", "accepted")
        return bool(state == "accepted")

    await until(is_accepted)
    assert world.graph.refusals == []
    assert len(world.graph.sent) == 9


@pytest.mark.parametrize("code", [3, 10, 190, 368, 613, 131042, 131048, 132015, 133010, 134101])
async def test_a_queued_message_that_is_right_outlasts_what_is_wrong_around_it(
    world: World, client: StoreClient, code: int
) -> None:
    world.graph.refusals = [130429, code]
    got = await world.post("the template")
    assert got["Tidegate-Verdict"] == "queue"

    async def is_accepted() -> bool:
        [state] = await states_as_time_passes(world, client, 10 * MINUTE_MS, got["Tidegate-Id"])
        assert state in ("queued", "sending", "accepted")
        return bool(state == "accepted")

    await until(is_accepted)
    assert len(world.graph.sent) == 3


@pytest.mark.parametrize("ends", ["time", "a read", "a hand", "a webhook"])
async def test_what_was_queued_goes_when_it_opens(world: World, client: StoreClient, ends: str) -> None:
    await world.refused(132015)
    queued = []
    for _ in range(2):
        got = await world.post("the template")
        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (200, "queue", "template_paused")
        queued.append(got["Tidegate-Id"])
    before = len(world.graph.sent)
    await world.pass_ms(10 * MINUTE_MS)

    async def were_asked_again() -> bool:
        # Who is being asked as it opens is put back by what was true before, and waits for ten minutes more.
        due_ms = [int(await client.hget(PortfolioKeys(PORTFOLIO).message(id_), "due") or 0) for id_ in queued]
        return min(due_ms) > world.node.services.clock.now_ms()

    await until(were_asked_again)

    if ends == "time":
        await world.pass_ms(3 * HOUR_MS)
    elif ends == "a read":
        await world.reads()
    elif ends == "a hand":
        order = {"id": (await world.breakers())["template_paused"]["id"], "reason": "it is repaired"}
        assert (await world.call("POST", f"{V1}/breakers:close", OPERATOR, json=order)).status == 200
    else:
        await of_template("message_template_status_update", event="APPROVED")(world)

    # In two of these ways it opens for one of them at a time.
    span_ms = MINUTE_MS if ends in ("time", "a webhook") else 0

    async def first_is_sent() -> bool:
        return len(world.graph.sent) > before

    await until(first_is_sent)
    await world.settle()

    async def both_are_accepted() -> bool:
        return await states_as_time_passes(world, client, span_ms, *queued) == ["accepted", "accepted"]

    await until(both_are_accepted)
    assert len(world.graph.sent) == before + 2
