"""Every consequence and every error code, end to end: told as Meta tells it, seen in what the node lets go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.consequences.codes import STOPPING
from tests.consequences.entries import (
    DAY_MS,
    MINUTE_MS,
    AfterFailure,
    AfterRead,
    AfterTime,
    AfterTold,
    AfterWord,
    ByHand,
    Ending,
    Entry,
)
from tests.consequences.good_words import GOOD_WORDS
from tests.consequences.rows import TOLD
from tests.consequences.world import OPERATOR, Seen, World
from tests.waiting import until
from tidegate.policy.breaker import SKEW_MS
from tidegate.policy.verdict import Reason

ENTRIES = (*STOPPING, *TOLD)
_LATER_MS = SKEW_MS + 2_000
_REOPENED = [pytest.param(entry, ending, id=f"{entry.id}; {ending}") for entry in ENTRIES for ending in entry.endings]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
async def test_it_stops_what_it_concerns_and_nothing_else_and_no_webhook_undoes_it(world: World, entry: Entry) -> None:
    alerted = await world.alerts(entry.rule)
    began_ms = await world.now_ms()
    await entry.tell(world)
    told_ms = await world.now_ms()

    stopped = await world.stopped()

    assert set(stopped) == entry.stops
    assert {said.reason for said in stopped.values()} == ({entry.reason} if entry.reason else set())
    for said in stopped.values():
        assert _ends_as_told(said.until_ms, entry.until_ms, began_ms, told_ms), said
    if entry.stops:
        await _is_refused(world, entry)
    assert (await world.alerts(entry.rule) > alerted) is entry.alerts
    await _no_webhook_closes(world, entry)


async def _no_webhook_closes(world: World, entry: Entry) -> None:
    """Every good word that Meta has, all at once: breakers may be half open then, and no more."""
    if entry.until_ms is not None and entry.until_ms <= _LATER_MS:
        return
    in_force = set(await world.breakers())
    # Longer than what clocks may differ by, within which no word closes anything.
    await world.pass_ms(_LATER_MS)
    async with world.in_one_body():
        for tell in GOOD_WORDS:
            await tell(world)
    assert set(await world.breakers()) == in_force


def _ends_as_told(until_ms: int | None, span_ms: int | None, began_ms: int, told_ms: int) -> bool:
    """Within a second: Meta's times and ours are told in whole ones."""
    if until_ms is None or span_ms is None:
        return until_ms is span_ms
    return began_ms - 1_000 <= until_ms - span_ms <= told_ms + 1_000


async def _is_refused(world: World, entry: Entry) -> None:
    """A real send is refused with the reason and its code, and nothing of it gets to Meta."""
    assert entry.reason is not None
    before = len(world.graph.sent)

    got = await world.send(entry.witness)

    assert got.status in (400, 429)
    assert (got.error["code"], got["Tidegate-Reason"]) == (entry.reason.code, entry.reason.value)
    assert len(world.graph.sent) == before


@pytest.mark.parametrize(("entry", "ending"), _REOPENED)
async def test_it_opens_again(world: World, entry: Entry, ending: Ending) -> None:
    await entry.tell(world)
    said = await world.dry_run(entry.witness)
    assert (said.goes, said.reason) == (False, entry.reason)

    await _ENDS[type(ending)](world, entry, ending)


async def _after_time(world: World, entry: Entry, ending: AfterTime) -> None:
    await _until_just_before(world, entry, ending.span_ms)
    assert not (await world.dry_run(entry.witness)).goes

    await world.pass_ms(_margin_ms(ending.span_ms) + 1_000)

    if ending.trickle_ms is not None:
        for probe in range(ending.probes):
            await _one_goes(world, entry, ending.trickle_ms, last=probe + 1 == ending.probes)
    await _all_go(world)


def _margin_ms(span_ms: int) -> int:
    return min(2_000, span_ms // 2)


async def _until_just_before(world: World, entry: Entry, span_ms: int) -> None:
    told = (await world.dry_run(entry.witness)).until_ms
    assert told is not None
    await world.pass_ms(told - 1_000 - await world.now_ms() - _margin_ms(span_ms))


async def _one_goes(world: World, entry: Entry, trickle_ms: int, *, last: bool) -> None:
    """A send tries whether it is over; while it may not be, the next one has to wait for its turn."""
    assert (await world.send(entry.witness)).status == 200
    if last:
        return
    said = await world.dry_run(entry.witness)
    assert (said.goes, said.reason) == (False, entry.reason)
    assert said.until_ms is not None
    assert said.until_ms <= await world.now_ms() + trickle_ms + 1_000
    await world.pass_ms(trickle_ms)


async def _after_failure(world: World, entry: Entry, ending: AfterFailure) -> None:
    await _until_just_before(world, entry, ending.span_ms)
    await world.pass_ms(_margin_ms(ending.span_ms) + 1_000)
    began_ms = await world.now_ms()

    await ending.tell(world)

    said = await world.dry_run(entry.witness)
    assert (said.goes, said.reason) == (False, entry.reason)
    assert _ends_as_told(said.until_ms, ending.again_ms, began_ms, await world.now_ms())


async def _after_read(world: World, entry: Entry, ending: AfterRead) -> None:
    await world.pass_ms(MINUTE_MS)

    await world.reads(ending.says)

    async def goes() -> bool:
        return (await world.dry_run(entry.witness)).goes

    await until(goes)
    await _all_go(world)


async def _after_word(world: World, entry: Entry, ending: AfterWord) -> None:
    await world.pass_ms(MINUTE_MS)

    await ending.tell(world)

    if ending.tries:
        shared = entry.reason is not Reason.RECIPIENT_SUPPRESSED
        assert not shared or (await world.breakers())[entry.rule]["state"] == "half_open"
        assert (await world.dry_run(entry.witness)).goes
    else:
        assert (await world.dry_run(entry.witness)).reason == entry.reason
        await world.pass_ms(DAY_MS)
        assert (await world.breakers())[entry.rule]["state"] == "open"


async def _by_hand(world: World, entry: Entry, ending: ByHand) -> None:
    breaker_id = (await world.breakers())[entry.rule]["id"]
    order = {"id": breaker_id, "reason": "it is repaired"}

    got = await world.call("POST", "/gateway/v1/breakers:close", OPERATOR, json=order)

    assert (got.status, got.body["state"]) == (200, "closed")
    await _all_go(world)


async def _after_told(world: World, entry: Entry, ending: AfterTold) -> None:
    await world.pass_ms(MINUTE_MS)
    await ending.tell(world)
    await _all_go(world)


async def _all_go(world: World) -> None:
    """Nothing is stopped; windows may have closed meanwhile."""
    left: dict[str, Seen] = await world.stopped()
    assert {name for name, said in left.items() if said.reason != Reason.SERVICE_WINDOW_CLOSED} == set()


_ENDS: dict[type, Callable[[World, Entry, Any], Awaitable[None]]] = {
    AfterTime: _after_time,
    AfterFailure: _after_failure,
    AfterRead: _after_read,
    AfterWord: _after_word,
    ByHand: _by_hand,
    AfterTold: _after_told,
}
