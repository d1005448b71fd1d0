"""What became of a campaign's rows: a byte each that only grows, and counts that follow it."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.part import Part
from tidegate.policy.lifecycle import State
from tidegate.store.fates import Fates, RowFate
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

KEYS = PortfolioKeys(PORTFOLIO)
CAMPAIGN = "cmp-1"


async def opened(client: StoreClient, rows: int = 4) -> Fates:
    await client.set(KEYS.clock, f"@{NOW_MS}")
    fates = Fates(client, [PORTFOLIO])
    await fates.open(PORTFOLIO, CAMPAIGN, rows, NOW_MS + DAY_MS)
    return fates


async def told(fates: Fates) -> tuple[list[Fate], Counter[tuple[int, Fate]]]:
    kept = await fates.read(PORTFOLIO, CAMPAIGN, 1, 1_000)
    return [Fate(byte) for byte in kept], await fates.counts(PORTFOLIO, CAMPAIGN)


async def test_all_rows_are_pending_at_first_and_for_as_long_as_they_are_kept(store_client: StoreClient) -> None:
    fates = await opened(store_client)

    assert await told(fates) == ([Fate.PENDING] * 4, Counter())
    for kind in ("fates", "counts"):
        lasting_ms = await store_client.pttl(KEYS.campaign(kind, CAMPAIGN))
        assert DAY_MS - 60_000 < lasting_ms <= DAY_MS


async def test_a_row_s_fate_is_kept_in_its_byte_and_counted_in_its_group(store_client: StoreClient) -> None:
    fates = await opened(store_client)

    changed = await fates.write(
        PORTFOLIO, CAMPAIGN, [RowFate(1, 0, Fate.QUEUED), RowFate(4, 2, Fate.READ), RowFate(2, 0, Fate.QUEUED)]
    )

    assert changed == 3
    assert await told(fates) == (
        [Fate.QUEUED, Fate.QUEUED, Fate.PENDING, Fate.READ],
        Counter({(0, Fate.QUEUED): 2, (2, Fate.READ): 1}),
    )
    assert await fates.read(PORTFOLIO, CAMPAIGN, 3, 2) == bytes([Fate.PENDING, Fate.READ])


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        pytest.param(Fate.QUEUED, Fate.DELIVERED, Fate.DELIVERED, id="a later word counts"),
        pytest.param(Fate.READ, Fate.DELIVERED, Fate.READ, id="an earlier one that comes late does not"),
        pytest.param(Fate.DELIVERED, Fate.FAILED, Fate.DELIVERED, id="delivered beats failed"),
        pytest.param(Fate.FAILED, Fate.DELIVERED, Fate.DELIVERED, id="in whatever order they come"),
        pytest.param(Fate.CANCELLED, Fate.READ, Fate.CANCELLED, id="nothing revives what was cancelled"),
        pytest.param(Fate.QUEUED, Fate.SENDING, Fate.SENDING, id="what is queued is sent"),
        pytest.param(Fate.SENDING, Fate.QUEUED, Fate.QUEUED, id="what could not be sent is queued again"),
        pytest.param(Fate.UNKNOWN, Fate.QUEUED, Fate.UNKNOWN, id="what may have been sent is not"),
        pytest.param(Fate.QUEUED, Fate.PENDING, Fate.QUEUED, id="nothing was never fed that was"),
    ],
)
async def test_which_word_stays(store_client: StoreClient, before: Fate, word: Fate, after: Fate) -> None:
    fates = await opened(store_client)

    await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(3, 1, before)])
    await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(3, 1, word), RowFate(3, 1, word)])

    assert await told(fates) == (
        [Fate.PENDING, Fate.PENDING, after, Fate.PENDING],
        Counter({(1, after): 1}),
    )


async def test_making_room_twice_forgets_nothing(store_client: StoreClient) -> None:
    fates = await opened(store_client)
    await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(1, 0, Fate.SENT)])

    await fates.open(PORTFOLIO, CAMPAIGN, 4, NOW_MS + 2 * DAY_MS)

    assert (await told(fates))[1] == Counter({(0, Fate.SENT): 1})


async def test_a_campaign_that_is_forgotten_is_not_brought_back_by_a_late_word(store_client: StoreClient) -> None:
    fates = await opened(store_client)

    assert await fates.write(PORTFOLIO, "cmp-2", [RowFate(1, 0, Fate.READ)]) == 0
    assert await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(5, 0, Fate.READ)]) == 0
    assert await store_client.exists(KEYS.campaign("fates", "cmp-2"), KEYS.campaign("counts", "cmp-2")) == 0


async def test_states_of_messages_are_read_at_once(store_client: StoreClient) -> None:
    fates = await opened(store_client)
    part = Part(CAMPAIGN, 3, 1, "all", "b")
    about = orjson.dumps({"campaign": CAMPAIGN} | part.noted())
    await store_client.hset(KEYS.message("m1"), mapping={"state": "delivered", "about": about})
    queued = {"state": "queued", "about": about, "reason": "quiet_hours"}
    await store_client.hset(KEYS.message("m3"), mapping=queued)
    await store_client.hset(KEYS.message("m4"), "state", "failed")

    told = await fates.states(PORTFOLIO, ["m1", "m2", "m3", "m4"])

    assert told == [(part, State.DELIVERED, ""), None, (part, State.QUEUED, "quiet_hours"), (None, State.FAILED, "")]
