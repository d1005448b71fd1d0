"""A full limit holds only those sends that need a new place: all others go at once, whatever waits before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice

import pytest

from loadtest.deployment import LOGIN_CODE, MARKETING, NUMBER, Deployment
from loadtest.feed import RECIPIENT, Feed, everybody
from loadtest.stage import Stage, open_stage
from tidegate.simulator.book import Accepted

LIMIT = 250
RESERVED = 13  # for login codes: 5 % of the limit, in whole places
WAITING = 500


@pytest.fixture
async def full(store_url: str) -> AsyncIterator[Stage]:
    """A stage whose limit is full for campaigns, with 500 recipients in line."""
    rules = {"headroom": 0.0, "reserve": {"authentication": 0.05, "utility": 0.0}}
    async with open_stage(store_url, Deployment(limit=LIMIT, throughput=1_000, nodes=2, rules=rules)) as stage:
        await Feed(stage, islice(everybody(), LIMIT - RESERVED + WAITING), depth=WAITING).top_up()
        await stage.quiet()
        assert (len(stage.simulator.world.book.accepted), stage.look().queued) == (LIMIT - RESERVED, WAITING)
        yield stage


def counted() -> str:
    """A user who was written to already."""
    return RECIPIENT.format(3)


def last_in_line() -> str:
    """The user whom the last of all waiting messages is for."""
    return RECIPIENT.format(LIMIT - RESERVED + WAITING - 1)


def sends_to(stage: Stage, user: str) -> list[Accepted]:
    return [send for send in stage.simulator.world.book.accepted if send.user == user]


async def test_another_message_to_a_counted_user_goes_at_once(full: Stage) -> None:
    told = await full.caller.send_template(counted(), MARKETING)
    assert (told.status, told.verdict) == (200, "send")
    assert len(sends_to(full, counted())) == 2
    assert full.look().queued == WAITING


async def test_when_a_user_writes_what_waits_for_him_goes_within_a_second_and_he_can_be_answered(full: Stage) -> None:
    wrote_at_ms = full.time()
    full.simulator.world.inbound(NUMBER.id, last_in_line(), wrote_at_ms)
    await full.advance(1_500, grain_ms=100)

    (send,) = sends_to(full, last_in_line())
    assert send.at_ms - wrote_at_ms <= 1_000
    assert send.inside_window
    told = await full.caller.send_text(last_in_line(), "Thank you")
    assert told.verdict == "send"
    assert full.look().queued == WAITING - 1


async def test_when_a_login_code_counts_a_user_what_waits_for_him_needs_no_place_and_goes(full: Stage) -> None:
    told = await full.caller.send_template(last_in_line(), LOGIN_CODE)
    assert told.verdict == "send"
    await full.advance(1_000, grain_ms=100)

    code, offer = sends_to(full, last_in_line())
    assert (code.template, offer.template) == (LOGIN_CODE, MARKETING)
    assert offer.at_ms - code.at_ms <= 1_000
    assert full.look().queued == WAITING - 1


@pytest.fixture(autouse=True)
def nothing_broken(full: Stage) -> Iterator[None]:
    """Whatever a test does, the platform's book has nothing against it."""
    yield
    assert full.simulator.world.book.violations == []
