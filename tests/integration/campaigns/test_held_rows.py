"""A campaign of whose recipients one may not be written to."""

from __future__ import annotations

import pytest

from tests.integration.campaigns import floor as floors
from tests.integration.campaigns.floor import PORTFOLIO, Floor, phone
from tests.waiting import until
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.phase import Event
from tidegate.policy.campaign.run import Run
from tidegate.policy.instant import write_time

DAY_MS = 86_400_000
#: A number of Russia's mobiles: where it is day from the first to the last of its zones is not known, and never before
#: and after nine hours in all of them.
NOBODY_KNOWS_WHERE = "79161234567"


async def test_who_may_never_be_written_to_keeps_no_later_step_from_being_sent(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors, "phone", lambda row: NOBODY_KNOWS_WHERE if row == 2 else phone(row))
    services = floor.node.services
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    # Eight in the evening, UTC: noon in California.
    await services.steerable.advance((20 * 3_600_000 - now_ms) % DAY_MS)
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    await floor.campaign(
        20,
        steps=[{"share": 0.5}, {"share": 1}],
        quiet_hours={"from": "17:00", "to": "08:00"},
        schedule={"deadline": write_time(now_ms + 10 * DAY_MS)},
    )
    await floor.move(Event.START)
    await floor.come_to({Fate.DELIVERED: 9, Fate.QUEUED: 1, Fate.PENDING: 10})
    assert Run.from_json((await floor.record()).progress).step == 0

    await services.steerable.advance(DAY_MS)

    await floor.come_to({Fate.DELIVERED: 19, Fate.QUEUED: 1})
    run = Run.from_json((await floor.record()).progress)
    assert (run.phase.value, run.step) == ("running", 1)

    async def is_over() -> bool:
        return (await floor.record()).state == "finished"

    await services.steerable.advance(10 * DAY_MS)
    await until(is_over)
    assert sum(floor.sent_to().values()) == 19
