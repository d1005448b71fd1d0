"""What only slows down: which sends keep a share of the pace, and how it comes back."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.consequences.conftest import Begin
from tests.consequences.entries import DAY_MS, SECOND_MS, Tell, account, answered, of_template, read, says
from tests.consequences.world import NUMBER, World
from tests.waiting import until


@dataclass(frozen=True, slots=True)
class Slowing:
    """Something that halves a pace: of what, and of what not; for how long at most."""

    id: str
    tell: Tell
    slows: str
    spares: tuple[str, ...]
    span_ms: int
    rule: str
    row: str = ""
    codes: tuple[int, ...] = ()


_WARNED = account("ACCOUNT_VIOLATION", violation_info={"violation_type": "SCAM"})
SLOWING = (
    Slowing(
        "130429 halves the pace of the number",
        answered(130429, "a reply"),
        "a reply to another user",
        ("the second number", "another account"),
        30 * SECOND_MS,
        "throughput",
        "C2",
        (130429,),
    ),
    Slowing(
        "a number that is read as YELLOW halves its marketing",
        read(NUMBER, rule="number_yellow", quality_rating="YELLOW"),
        "other marketing",
        ("utility", "a reply", "the second number"),
        7 * DAY_MS,
        "number_yellow",
        "C5",
    ),
    Slowing(
        "a violation halves the account's marketing",
        _WARNED,
        "the second number",
        ("utility", "a reply", "another account"),
        DAY_MS,
        "violation",
        "C10",
    ),
    Slowing(
        "a template that is told to be YELLOW goes at half the pace",
        of_template("message_template_quality_update", previous_quality_score="GREEN", new_quality_score="YELLOW"),
        "the template",
        ("other marketing", "a reply"),
        7 * DAY_MS,
        "template_yellow",
    ),
)


async def _goes_after_its_pace(world: World, name: str) -> bool:
    """At one message a second: whether a send may follow another a little more than a second later."""
    await world.pass_ms(3 * SECOND_MS)
    assert (await world.send(name)).status == 200
    await world.pass_ms(1_050)
    said = await world.dry_run(name)
    assert said.goes or said.reason == "throughput"
    return said.goes


@pytest.mark.parametrize("slowing", SLOWING, ids=lambda slowing: slowing.id)
async def test_it_slows_what_it_concerns_and_nothing_else(begin: Begin, slowing: Slowing) -> None:
    world = await begin(throughput=1)

    await slowing.tell(world)

    assert 0.5 <= (await world.breakers())[slowing.rule]["share"] < 0.6
    assert not await _goes_after_its_pace(world, slowing.slows)
    for name in slowing.spares:
        assert await _goes_after_its_pace(world, name)


@pytest.mark.parametrize("slowing", SLOWING, ids=lambda slowing: slowing.id)
async def test_half_the_pace_still_goes_and_all_of_it_after_its_time(begin: Begin, slowing: Slowing) -> None:
    world = await begin(throughput=1)
    await slowing.tell(world)
    assert not await _goes_after_its_pace(world, slowing.slows)

    await world.pass_ms(SECOND_MS)
    assert (await world.dry_run(slowing.slows)).goes

    await world.pass_ms(slowing.span_ms)
    assert slowing.rule not in await world.breakers()
    if "reply" not in slowing.slows:
        assert await _goes_after_its_pace(world, slowing.slows)


async def test_green_gives_the_pace_back_once_it_is_read(begin: Begin) -> None:
    world = await begin(throughput=1)
    await read(NUMBER, rule="number_yellow", quality_rating="YELLOW")(world)
    await world.pass_ms(60 * SECOND_MS)

    await world.reads(says(NUMBER, quality_rating="GREEN"))

    await world.until_breaker("number_yellow", None)
    assert await _goes_after_its_pace(world, "other marketing")


async def test_each_130429_of_another_second_halves_what_is_left(begin: Begin) -> None:
    world = await begin()
    shares = []
    for _ in range(3):
        await world.refused(130429)
        shares.append((await world.breakers())["throughput"]["share"])
        await world.pass_ms(SECOND_MS)

    assert shares[0] > 1.8 * shares[1] > 3.2 * shares[2]

    async def is_over() -> bool:
        await world.pass_ms(SECOND_MS)
        return "throughput" not in await world.breakers()

    await until(is_over)
