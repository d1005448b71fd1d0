"""The audit's chains in the store: added to by several nodes at once, followed, trimmed, and never lost silently."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.factories import DAY_MS, PORTFOLIO, make_standing
from tidegate.audit_watch import AuditWatch
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.audit import GENESIS, Act, Actor, Deed, Verification
from tidegate.policy.standing import Change
from tidegate.store.audit import GATEWAY, Audit, Entry, Head
from tidegate.store.keys import PortfolioKeys
from tidegate.store.leases import Leases
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings
from tidegate.store.steerable_clock import SteerableClock

KEYS = PortfolioKeys(PORTFOLIO)


def deed(reason: str) -> Deed:
    return Deed(Act.PAUSE_START, Actor("ops"), {"portfolio": PORTFOLIO}, reason)


async def make_audit(client: StoreClient, keep_ms: int = 400 * DAY_MS, kind: type[Audit] = Audit) -> Audit:
    clock = StoreClock()
    clock.observe(await SteerableClock(client, [PORTFOLIO]).now_ms())
    return kind(client, [PORTFOLIO], clock.now_ms, keep_ms)


def told(entries: list[Entry]) -> list[dict[str, Any]]:
    return [{**entry.words, "prev": entry.prev, "hash": entry.hash} for entry in entries]


def is_whole(entries: list[Entry]) -> bool:
    return Verification().walk(told(entries))


async def test_what_is_written_stands_in_the_chain_in_order(store_client: StoreClient) -> None:
    audit = await make_audit(store_client)
    for reason in ("one", "two", "three"):
        await audit.write(PORTFOLIO, deed(reason))
    found = await audit.page(PORTFOLIO, after=0, most=10)
    assert [(entry.seq, entry.words["reason"]) for entry in found] == [(1, "one"), (2, "two"), (3, "three")]
    assert found[0].prev == GENESIS
    assert is_whole(found)
    assert [entry.seq for entry in await audit.page(PORTFOLIO, after=1, most=1)] == [2]
    assert [entry.seq for entry in await audit.page_back(PORTFOLIO, before=None, most=2)] == [3, 2]
    assert [entry.seq for entry in await audit.page_back(PORTFOLIO, before=2, most=5)] == [1]
    assert await audit.page_back(PORTFOLIO, before=1, most=5) == []
    assert await audit.page(GATEWAY, after=0, most=5) == []


async def test_nodes_that_write_at_once_make_one_chain(store_client: StoreClient) -> None:
    nodes = [await make_audit(store_client) for _ in range(3)]
    await asyncio.gather(*(node.write(PORTFOLIO, deed(f"{i}")) for i in range(20) for node in nodes))
    found = await nodes[0].page(PORTFOLIO, after=0, most=100)
    assert sorted(entry.words["reason"] for entry in found) == sorted(3 * [f"{i}" for i in range(20)])
    assert is_whole(found)


class EachCallTwice(Audit):
    """A way to the store on which every answer is lost once."""

    async def _call(self, place: str, args: list[str | bytes | int]) -> Any:
        await super()._call(place, args)
        return await super()._call(place, args)


async def test_a_call_that_is_repeated_adds_nothing(client: StoreClient) -> None:
    audit = await make_audit(client, kind=EachCallTwice)
    await audit.write(PORTFOLIO, deed("one"))
    await audit.write(PORTFOLIO, deed("two"))
    found = await audit.page(PORTFOLIO, after=0, most=10)
    assert [entry.words["reason"] for entry in found] == ["one", "two"]
    assert is_whole(found)


class AwayOnce(Audit):
    """A store that does not take the first call."""

    was_away = False

    async def _call(self, place: str, args: list[str | bytes | int]) -> Any:
        if not self.was_away:
            self.was_away = True
            raise StoreUnavailable("a test")
        return await super()._call(place, args)


async def test_what_can_not_be_written_is_told_to_its_own_caller_and_tried_by_the_others(client: StoreClient) -> None:
    audit = await make_audit(client, kind=AwayOnce)
    ended = await asyncio.gather(*(audit.write(PORTFOLIO, deed(f"{i}")) for i in range(4)), return_exceptions=True)
    assert [type(one) for one in ended] == [StoreUnavailable, type(None), type(None), type(None)]
    found = await audit.page(PORTFOLIO, after=0, most=10)
    assert [entry.words["reason"] for entry in found] == ["1", "2", "3"]
    assert is_whole(found)


class CutAfterwards(Audit):
    """A store that takes the first call, while its caller is cancelled before the answer is there."""

    was_cut = False

    async def _call(self, place: str, args: list[str | bytes | int]) -> Any:
        answer = await super()._call(place, args)
        if len(args) > 4 and not self.was_cut:
            self.was_cut = True
            raise asyncio.CancelledError
        return answer


async def test_after_a_caller_that_was_cancelled_the_end_of_the_chain_is_asked_for(client: StoreClient) -> None:
    audit = await make_audit(client, kind=CutAfterwards)
    with pytest.raises(asyncio.CancelledError):
        await audit.write(PORTFOLIO, deed("cut"))
    assert audit._chains[PORTFOLIO].head == Head(), "what is known of it may be old: it says that nothing is known"
    await audit.write(PORTFOLIO, deed("next"))
    found = await audit.page(PORTFOLIO, after=0, most=10)
    assert [entry.words["reason"] for entry in found] == ["cut", "next"]
    assert is_whole(found)


async def test_a_number_in_a_reason_is_masked(client: StoreClient) -> None:
    audit = await make_audit(client)
    await audit.write(PORTFOLIO, deed("+49 170 1234567 complained"))
    [entry] = await audit.page(PORTFOLIO, after=0, most=10)
    assert entry.words["reason"] == "+49***67 complained"


async def test_what_is_older_than_it_is_kept_goes_and_the_rest_is_whole(store_client: StoreClient) -> None:
    audit = await make_audit(store_client, keep_ms=DAY_MS)
    for reason in ("one", "two"):
        await audit.write(PORTFOLIO, deed(reason))
    old = await audit.head(PORTFOLIO)
    await store_client.set(KEYS.clock, 2 * DAY_MS)
    late = await make_audit(store_client, keep_ms=DAY_MS)
    await late.write(PORTFOLIO, deed("three"))
    found = await late.page(PORTFOLIO, after=0, most=10)
    assert [entry.seq for entry in found] == [3]
    assert found[0].prev == old.hash
    assert is_whole(found)


async def test_the_last_entry_stays_however_old(client: StoreClient) -> None:
    audit = await make_audit(client, keep_ms=1)
    await audit.write(PORTFOLIO, deed("one"))
    await client.set(KEYS.clock, 2 * DAY_MS)
    assert (await audit.head(PORTFOLIO)).seq == 1
    await audit.write(PORTFOLIO, deed("two"))
    assert (await audit.head(PORTFOLIO)).seq == 2


async def test_an_entry_is_never_before_the_one_that_it_follows(client: StoreClient) -> None:
    times = iter([5_000, 4_000, 6_000])
    audit = Audit(client, [PORTFOLIO], lambda: next(times), DAY_MS)
    for reason in ("one", "two", "three"):
        await audit.write(PORTFOLIO, deed(reason))
    # Kept by the store's time they would be gone: the last one stays, and tells what it was given.
    [entry] = await audit.page_back(PORTFOLIO, before=None, most=1)
    assert entry.words["at"] == "1970-01-01T00:00:06.000Z"


def limit(value: int, at_ms: int) -> Change:
    return Change("limit", "", {"limit": value}, "webhook", at_ms, "business_capability_update")


def quality(at_ms: int) -> Change:
    return Change("number", "1", {"quality": "RED"}, "graph", at_ms, "a poll")


async def test_changes_of_limits_are_taken_over_from_the_history_once_by_however_many_nodes(
    client: StoreClient,
) -> None:
    standings = Standings(client, [make_standing()])
    one, other = await make_audit(client), await make_audit(client)
    await standings.change(PORTFOLIO, [limit(10_000, 1_000), quality(1_000)])
    await asyncio.gather(one.follow(PORTFOLIO), other.follow(PORTFOLIO))
    await standings.change(PORTFOLIO, [limit(250, 2_000)])
    assert await other.follow(PORTFOLIO) == 1
    assert await one.follow(PORTFOLIO) == 0
    found = await one.page(PORTFOLIO, after=0, most=10)
    assert [(e.words["act"], e.words["by"]["app"], e.words["detail"]["to"], e.words["reason"]) for e in found] == [
        ("limit.change", "webhook", 10_000, "business_capability_update"),
        ("limit.change", "webhook", 250, "business_capability_update"),
    ]
    assert is_whole(found)


async def test_the_watch_follows_the_standing_and_logs_an_anchor_a_day(client: StoreClient) -> None:
    standings, clock = Standings(client, [make_standing()]), StoreClock()
    clock.observe(await SteerableClock(client, [PORTFOLIO]).now_ms())
    audit = await make_audit(client)
    watch = AuditWatch(audit, standings, clock, Leases(client, "a"))
    await standings.change(PORTFOLIO, [limit(10_000, 1_000)])
    with capture_logs() as logged:
        await watch._look(PORTFOLIO, 1)
        await watch._look(PORTFOLIO, 1)
        clock.observe(clock.now_ms() + DAY_MS)
        await watch._look(PORTFOLIO, 1)
    head = await audit.head(PORTFOLIO)
    anchors = [line for line in logged if line["event"] == "audit_anchor"]
    assert [(line["portfolio"], line["seq"], line["hash"]) for line in anchors] == 2 * [(PORTFOLIO, 1, head.hash)]


async def a_watch(client: StoreClient, audit: Audit) -> tuple[AuditWatch, StoreClock]:
    standings, clock = Standings(client, [make_standing()]), StoreClock()
    clock.observe(await SteerableClock(client, [PORTFOLIO]).now_ms())
    return AuditWatch(audit, standings, clock, Leases(client, "a")), clock


@pytest.mark.parametrize("cut", ["the end is gone", "the end says something else"])
async def test_a_watch_sees_that_a_chain_lost_what_it_had_seen(client: StoreClient, cut: str) -> None:
    audit = await make_audit(client)
    for reason in ("one", "two"):
        await audit.write(PORTFOLIO, deed(reason))
    watch, _ = await a_watch(client, audit)
    await watch._look(PORTFOLIO, 1)
    assert watch.broken == set()
    await client.xdel(KEYS.audit, "2-0")
    if cut == "the end says something else":
        await client.delete(KEYS.audit)
        again = await make_audit(client)
        for reason in ("one", "another two", "three"):
            await again.write(PORTFOLIO, deed(reason))
    with capture_logs() as logged:
        for _ in range(2):
            await watch._look(PORTFOLIO, 1)
    assert watch.broken == {PORTFOLIO}
    assert [(line["portfolio"], line["seq"]) for line in logged if line["event"] == "audit_broken"] == [(PORTFOLIO, 2)]


async def test_entries_that_were_kept_for_their_time_are_not_missed(client: StoreClient) -> None:
    audit = await make_audit(client, keep_ms=DAY_MS)
    await audit.write(PORTFOLIO, deed("one"))
    watch, clock = await a_watch(client, audit)
    await watch._look(PORTFOLIO, 1)
    steered = SteerableClock(client, [PORTFOLIO])
    await steered.advance(2 * DAY_MS)
    clock.observe(await steered.now_ms())
    later = await make_audit(client, keep_ms=DAY_MS)
    await later.write(PORTFOLIO, deed("two"))
    assert [entry.words["reason"] for entry in await later.page(PORTFOLIO, after=0, most=9)] == ["two"]
    await watch._look(PORTFOLIO, 2)
    assert watch.broken == set()
