"""Places that nodes lease in advance: one book of them, which never gives away more than there are."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, PORTFOLIO, make_ask, make_ledger, make_terms, user
from tidegate.policy.facts import NO_LIMIT
from tidegate.policy.offline import AWAY_MS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.prepaid import COUNTED_MS, REST_MS, Lease, Prepaid
from tidegate.store.scripts import StoreClient

KEYS = PortfolioKeys(PORTFOLIO)
MANY = 1_000


class Leases:
    """The leases of two nodes on one store, whose clock stands where it is put."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self.one, self.two = Prepaid(client, "one"), Prepaid(client, "two")
        self._ledger = make_ledger(client)

    async def at(self, ms: int) -> None:
        await self._client.set(KEYS.clock, f"@{NOW_MS + ms}")

    async def fill(self, places: int) -> None:
        """Write to so many users, by the store."""
        for n in range(places):
            terms = make_terms(epoch=await self.one.epoch(PORTFOLIO))
            assert (await self._ledger.admit(make_ask(f"m{n}", user(n), terms=terms))).taken

    async def hold(self, until_ms: int) -> None:
        await self._client.hset(KEYS.ledger, "held_until", str(NOW_MS + until_ms))

    async def counted(self) -> int:
        return int(await self._client.hget(KEYS.ledger, "prepaid") or 0)

    async def epoch(self) -> int:
        return await self.one.epoch(PORTFOLIO)


@pytest.fixture
async def leases(store_client: StoreClient) -> Leases:
    made = Leases(store_client)
    await made.at(0)
    return made


async def asked(prepaid: Prepaid, places: int, most: int = MANY, limit: int = MANY) -> int:
    return (await prepaid.lease(PORTFOLIO, places, most, limit)).places


async def test_a_lease_says_how_much_it_is_and_for_how_long(leases: Leases) -> None:
    assert await leases.one.lease(PORTFOLIO, 3, MANY, MANY) == Lease(NOW_MS, 3, 3, NOW_MS + AWAY_MS)
    assert await leases.two.lease(PORTFOLIO, 2, MANY, MANY) == Lease(NOW_MS, 2, 5, NOW_MS + AWAY_MS)
    assert await leases.counted() == 5


async def test_a_lease_that_is_renewed_changes_no_standing_and_lasts_longer(leases: Leases) -> None:
    await asked(leases.one, 3)
    before = await leases.epoch()
    await leases.at(1_000)

    assert (await leases.one.lease(PORTFOLIO, 3, MANY, MANY)).until_ms == NOW_MS + 1_000 + AWAY_MS
    assert (await leases.counted(), await leases.epoch()) == (3, before)


async def test_a_lease_of_more_or_less_takes_the_place_of_the_last_and_is_a_new_standing(leases: Leases) -> None:
    await asked(leases.two, 1)
    for places in (3, 5, 2, 0):
        before = await leases.epoch()
        assert await asked(leases.one, places) == places
        assert (await leases.counted(), await leases.epoch()) == (places + 1, before + 1)


@pytest.mark.parametrize(
    ("wanted", "most", "limit", "used", "given"),
    [
        pytest.param(5, MANY, MANY, 0, 5, id="as much as it would like"),
        pytest.param(5, 6, MANY, 0, 4, id="as much as all together may have, less what others have"),
        pytest.param(5, 1, MANY, 0, 0, id="nothing where others have more than all may have by now"),
        pytest.param(5, MANY, 6, 0, 4, id="as much as the limit has, less what others have"),
        pytest.param(5, MANY, 6, 3, 1, id="and less what is filled"),
        pytest.param(5, MANY, 6, 4, 0, id="nothing where all is filled or leased"),
        pytest.param(5, MANY, 2, 4, 0, id="nothing where a lowered limit has less than that"),
        pytest.param(5, MANY, NO_LIMIT, 9, 5, id="as much as it would like where there is no limit"),
        pytest.param(0, MANY, MANY, 0, 0, id="nothing where it would like nothing"),
    ],
)
async def test_a_node_is_given(leases: Leases, wanted: int, most: int, limit: int, used: int, given: int) -> None:
    await asked(leases.two, 2)
    await leases.fill(used)

    assert await asked(leases.one, wanted, most, limit) == given
    assert await leases.counted() == 2 + given


async def test_what_the_node_had_itself_is_not_in_its_way(leases: Leases) -> None:
    await asked(leases.one, 5, limit=5)

    assert await asked(leases.one, 5, most=5, limit=5) == 5


async def test_a_lease_counts_until_the_last_who_was_written_to_by_it_counts_no_more(leases: Leases) -> None:
    await asked(leases.one, 5)

    await leases.at(AWAY_MS + COUNTED_MS - 1)
    assert await asked(leases.two, 5, most=5) == 0
    await leases.at(AWAY_MS + COUNTED_MS)
    assert await asked(leases.two, 5, most=5) == 5
    assert await leases.counted() == 5


class TestCalledBack:
    async def test_no_lease_ends_by_it(self, leases: Leases) -> None:
        await asked(leases.one, 2)
        await asked(leases.two, 3)
        before = await leases.epoch()

        await leases.one.recall(PORTFOLIO)

        assert await leases.counted() == 5
        assert await leases.epoch() == before + 1, "all nodes hear of it"

    async def test_asked_again_within_a_second_it_is_the_same_asking(self, leases: Leases) -> None:
        await leases.one.recall(PORTFOLIO)
        before = await leases.epoch()
        await leases.at(999)
        await leases.two.recall(PORTFOLIO)
        assert await leases.epoch() == before
        await leases.at(1_000)
        await leases.two.recall(PORTFOLIO)
        assert await leases.epoch() == before + 1

    async def test_none_is_given_for_a_while(self, leases: Leases) -> None:
        await asked(leases.two, 3)
        await leases.one.recall(PORTFOLIO)

        assert await asked(leases.one, 2) == 0
        await leases.at(REST_MS - 1)
        assert (await asked(leases.two, 3), await leases.counted()) == (0, 0)
        await leases.at(REST_MS)
        assert await asked(leases.one, 2) == 2


async def test_books_that_may_miss_places_have_none_to_give(leases: Leases) -> None:
    await asked(leases.two, 3)
    await leases.hold(1)

    assert await asked(leases.one, 2) == 0
    assert await leases.counted() == 3, "what others have stays theirs"
    await leases.at(1)
    assert await asked(leases.one, 2) == 2


async def test_what_a_node_had_that_has_ended_is_given_back_for_it(leases: Leases) -> None:
    await asked(leases.one, 2)
    await asked(leases.two, 3)

    await leases.one.release(PORTFOLIO, "two")

    assert await leases.counted() == 2
    assert await asked(leases.one, 5, most=5) == 5
