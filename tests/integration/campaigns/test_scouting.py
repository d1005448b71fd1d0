"""Rounds through a group, in search of who is awake, as nodes take turns at them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from tests.factories import make_case, make_rules, make_standing
from tests.integration.campaigns import floor as floors
from tests.integration.campaigns.floor import Floor
from tidegate.campaigns.scouting import Scouting
from tidegate.store.campaigns import CampaignRecord

ROWS, MIDDLE = 100, 50
HOUR_MS = 3_600_000
#: In the middle of the night of New York, and of the day of India; before any deadline.
NIGHT_MS: Final = round(datetime.now(UTC).replace(hour=8, minute=0).timestamp() * 1_000)
MORNING_MS: Final = NIGHT_MS + 6 * HOUR_MS
INDIA, NEW_YORK = "9198765", "1212555"


@pytest.fixture
async def record(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> CampaignRecord:
    """Of whose recipients the first half is in New York, the second in India."""
    monkeypatch.setattr(floors, "phone", lambda row: f"{NEW_YORK if row <= MIDDLE else INDIA}{row:05}"[:12])
    return await floor.campaign(ROWS)


async def looked(scouting: Scouting, record: CampaignRecord, at: int, now_ms: int, first: int = 0) -> tuple[int, int]:
    """A look from `at` on: how many are awake, and where to go on."""
    standing = make_standing(rules=make_rules(quiet_hours={"from": "21:00", "to": "08:00"}))
    awake = 0
    async for rows, next_at in scouting.awake(record, 0, at, first, make_case(), standing, now_ms):
        awake, at = awake + len(rows), next_at
    return awake, at


async def left_at(scouting: Scouting, record: CampaignRecord, at: int) -> None:
    """A look from the beginning that ends at row `at`."""
    standing = make_standing(rules=make_rules(quiet_hours={"from": "21:00", "to": "08:00"}))
    async for _, next_at in scouting.awake(record, 0, 0, 0, make_case(), standing, NIGHT_MS):
        if next_at >= at:
            return


async def test_after_a_round_nobody_is_looked_for_until_the_first_of_those_who_slept_wakes(floor, record):
    scouting = Scouting(floor.node.services.audiences)

    assert await looked(scouting, record, 0, NIGHT_MS) == (MIDDLE, 0)
    assert await looked(scouting, record, 0, NIGHT_MS + HOUR_MS) == (0, 0)
    assert await looked(scouting, record, 0, MORNING_MS) == (ROWS, 0)


async def test_who_takes_over_in_the_middle_of_a_round_begins_another_when_it_is_over(floor, record):
    scouting = Scouting(floor.node.services.audiences)

    assert await looked(scouting, record, MIDDLE, NIGHT_MS) == (MIDDLE, 0)

    # Nobody of the rest slept; those before it were not seen, and wake in the morning.
    assert await looked(scouting, record, 0, NIGHT_MS) == (MIDDLE, 0)
    assert await looked(scouting, record, 0, NIGHT_MS + HOUR_MS) == (0, 0)
    assert await looked(scouting, record, 0, MORNING_MS) == (ROWS, 0)


async def test_who_gets_a_campaign_back_has_not_seen_what_another_node_went_through_meanwhile(floor, record):
    scouting = Scouting(floor.node.services.audiences)
    await left_at(scouting, record, 25)

    assert await looked(scouting, record, 75, NIGHT_MS) == (25, 0)

    assert await looked(scouting, record, 0, NIGHT_MS) == (MIDDLE, 0)


async def test_a_round_that_goes_on_where_this_node_left_it_is_one_round(floor, record):
    scouting = Scouting(floor.node.services.audiences)
    await left_at(scouting, record, 25)

    assert await looked(scouting, record, 25, NIGHT_MS) == (MIDDLE, 0)

    assert await looked(scouting, record, 0, NIGHT_MS + HOUR_MS) == (0, 0)


async def test_a_round_begins_where_rows_go_out_of_turn(floor, record):
    scouting = Scouting(floor.node.services.audiences)

    assert await looked(scouting, record, 0, NIGHT_MS, first=MIDDLE) == (MIDDLE, 0)

    # All that are left were awake, and are taken: until the deadline there is nobody to look for.
    assert await looked(scouting, record, 0, MORNING_MS, first=MIDDLE) == (0, 0)
