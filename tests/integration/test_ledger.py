"""The counting book and the queue on both stores, story by story; then what only batches and several books show."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from redis.exceptions import RedisError

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO, make_ask, make_ledger, make_outcome, make_terms, user
from tests.mutants.book import Book
from tests.mutants.scenarios import SCENARIOS, Scenario
from tests.waiting import until
from tidegate.errors import StoreUnavailable
from tidegate.policy.capacity import place_at, release_curve
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import Ledger
from tidegate.store.scripts import StoreClient, script


@pytest.mark.parametrize("story", [pytest.param(story, id=story.__name__.replace("_", " ")) for story in SCENARIOS])
async def test_story(store_client: StoreClient, story: Scenario) -> None:
    book = Book(store_client)
    await book.at(0)

    await story(book)


async def test_asks_of_one_moment_are_answered_in_their_order(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    asks = [make_ask(f"m{n}", user(n), terms=make_terms(places=3)) for n in range(6)]

    facts = await asyncio.gather(*map(ledger.admit, asks))

    assert [one.taken for one in facts] == [True] * 3 + [False] * 3
    assert [one.used for one in facts] == [0, 1, 2, 3, 3, 3]
    assert len({one.now_ms for one in facts}) == 1


async def test_a_place_moves_to_a_name_that_is_kept_in_the_same_string(store_client: StoreClient) -> None:
    ledger, alias, name, neighbour = make_ledger(store_client), user(3), user(0), user(6)
    await ledger.admit(make_ask("m0", alias, terms=make_terms(places=2)))

    moved = await ledger.move_user(PORTFOLIO, alias, name, [])

    again = await ledger.admit(make_ask("m1", name, terms=make_terms(places=1)))
    beside = await ledger.admit(make_ask("m2", neighbour, terms=make_terms(places=2)))
    assert (moved, again.taken, again.counted) == (False, True, True)
    assert (beside.taken, beside.counted, beside.used) == (True, False, 1)
    assert (await ledger.books(PORTFOLIO)).used == 2


async def test_one_call_does_not_mix_the_books_of_two_portfolios(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client, "red", "blue")
    asks = [
        make_ask(f"m{n}", user(0), portfolio=portfolio, terms=make_terms(places=1))
        for n, portfolio in enumerate(["blue", "red", "blue", "red"])
    ]

    facts = await asyncio.gather(*map(ledger.admit, asks))
    freed = await asyncio.gather(
        ledger.settle(make_outcome("m0", "failed", portfolio="blue", release=True)),
        ledger.settle(make_outcome("m1", "failed", portfolio="blue", release=True)),
        ledger.settle(make_outcome("m2", "failed", portfolio="blue", release=True)),
    )

    assert [(one.taken, one.counted) for one in facts] == [(True, False), (True, False), (True, True), (True, True)]
    assert freed == [False, False, True]
    assert ((await ledger.books("red")).used, (await ledger.books("blue")).used) == (1, 0)


async def test_each_call_tells_how_its_own_sends_ended(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client, "red", "blue")
    portfolios = ["red", "red", "blue", "blue", "red"]
    for n, portfolio in enumerate(portfolios):
        await ledger.admit(make_ask(f"m{n}", user(n), portfolio=portfolio))

    freed = [
        await ledger.settle(make_outcome(f"m{n}", state, portfolio=portfolio, release=state == "failed"))
        for n, (state, portfolio) in enumerate(
            zip(("accepted", "failed", "failed", "accepted", "accepted"), portfolios, strict=True)
        )
    ]

    assert freed == [False, True, True, False, False]
    assert ((await ledger.books("red")).used, (await ledger.books("blue")).used) == (2, 1)


async def test_where_a_call_may_touch_one_slot_only_each_portfolio_gets_its_own(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client, "red", "blue", one_slot=True)
    asks = [make_ask(f"m{n}", user(n), portfolio=portfolio) for n, portfolio in enumerate(["red", "blue", "red"])]

    facts = await asyncio.gather(*map(ledger.admit, asks))

    assert [one.taken for one in facts] == [True] * 3
    assert ((await ledger.books("red")).used, (await ledger.books("blue")).used) == (2, 1)


async def test_a_book_of_many_is_swept_in_steps_and_never_refuses_what_is_free(store_client: StoreClient) -> None:
    ledger, clock = make_ledger(store_client), PortfolioKeys(PORTFOLIO).clock
    await store_client.set(clock, f"@{NOW_MS}")
    many = 60
    terms = make_terms(places=many)
    recipients = [n.to_bytes(2, "big") * 8 for n in range(many)]
    await asyncio.gather(*(ledger.admit(make_ask(f"a{n}", r, terms=terms)) for n, r in enumerate(recipients)))

    await store_client.set(clock, f"@{NOW_MS + DAY_MS}")
    others = [(1_000 + n).to_bytes(2, "big") * 8 for n in range(many + 1)]
    facts = await asyncio.gather(*(ledger.admit(make_ask(f"b{n}", r, terms=terms)) for n, r in enumerate(others)))

    assert [one.taken for one in facts] == [True] * many + [False]
    assert (await ledger.books(PORTFOLIO)).used == many


async def test_one_send_may_free_thousands_of_places_that_messages_held(store_client: StoreClient) -> None:
    ledger, keys = make_ledger(store_client), PortfolioKeys(PORTFOLIO)
    await store_client.set(keys.clock, f"@{NOW_MS}")
    asks = [make_ask(f"a{n}", n.to_bytes(2, "big") * 8) for n in range(8_500)]
    await asyncio.gather(*map(ledger.admit, asks))
    await store_client.set(keys.clock, f"@{NOW_MS + DAY_MS}")

    facts = await ledger.admit(make_ask("b", b"\xff" * 16, terms=make_terms(places=1)))

    assert (facts.taken, facts.used) == (True, 0)
    assert (await ledger.books(PORTFOLIO)).used == 1
    assert await store_client.hlen(keys.named("holds").decode()) == 1


async def test_the_books_of_many_that_have_ended_are_swept_in_steps_between_which_others_get_their_turn(
    store_client: StoreClient,
) -> None:
    ledger, keys = make_ledger(store_client), PortfolioKeys(PORTFOLIO)
    await store_client.set(keys.clock, f"@{NOW_MS}")
    asks = [make_ask(f"a{n}", (5 * n).to_bytes(2, "big") * 8, terms=make_terms(places=700)) for n in range(700)]
    await asyncio.gather(*map(ledger.admit, asks))
    await store_client.set(keys.clock, f"@{NOW_MS + DAY_MS}")

    _, _, used, ended, *_ = await script("capacity")(store_client, keys.all, ["", 0])

    assert (used, ended) == (200, 1)
    assert (await ledger.books(PORTFOLIO)).used == 0


async def test_the_books_are_the_same_without_the_curve_of_what_comes_free(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    await store_client.set(PortfolioKeys(PORTFOLIO).clock, f"@{NOW_MS}")
    await ledger.admit(make_ask("m1", user(0)))

    whole, brief = await ledger.books(PORTFOLIO), await ledger.books(PORTFOLIO, curve=False)

    assert sum(whole.releases.values()) == 1
    assert brief == replace(whole, releases={})


async def curve_of(client: StoreClient, curve: dict[int, int]) -> Ledger:
    """A ledger whose places are expected so many seconds from now."""
    keys, now = PortfolioKeys(PORTFOLIO), NOW_MS // 1000
    await client.set(keys.clock, f"@{NOW_MS}")
    fields = {str(now + second): str(places) for second, places in curve.items()}
    if fields:
        await client.hset(f"tidegate:{{{PORTFOLIO}}}:releases", mapping=fields)
    return make_ledger(client)


DENSE = dict.fromkeys(range(-100, 5_000), 1)
HOURS_OFF = dict.fromkeys(range(3_000, 8_000), 1)
LATE = dict.fromkeys([*range(-2_000, 0), 86_400], 2)


@pytest.mark.parametrize(
    ("curve", "places", "expected"),
    [
        pytest.param({5: 1, 70: 2}, 1, {5: 1, 70: 2}, id="a short curve comes whole"),
        pytest.param({-5: 3, 5: 1}, 1, {-5: 3, 5: 1}, id="what is overdue stays in a short one"),
        pytest.param({}, 7, {}, id="nothing is expected"),
        pytest.param(DENSE, 0, {}, id="no place is asked for"),
        pytest.param(HOURS_OFF, 1, {3_000: 1}, id="of a long one that begins late the next release alone"),
        pytest.param(LATE, 1, {86_400: 2}, id="all that is overdue is left out of a long one"),
    ],
)
async def test_of_the_curve_as_much_is_read_as_frees_the_places_that_are_missing(
    store_client: StoreClient, curve: dict[int, int], places: int, expected: dict[int, int]
) -> None:
    ledger = await curve_of(store_client, curve)

    books = await ledger.books_freeing(PORTFOLIO, places)

    assert books.releases == {NOW_MS // 1000 + second: count for second, count in expected.items()}


@pytest.mark.parametrize("places", [1, 2, 600, 601, 602, 2_500, 4_999, 5_000])
async def test_a_part_of_the_curve_tells_no_place_earlier_than_the_whole_and_at_most_a_minute_later(
    store_client: StoreClient, places: int
) -> None:
    ledger = await curve_of(store_client, DENSE)

    part = await ledger.books_freeing(PORTFOLIO, places)

    whole = await ledger.books(PORTFOLIO)
    early, late = (place_at(release_curve(books.releases, NOW_MS), places, 1) for books in (whole, part))
    if early is None or late is None:
        assert early is late is None
    else:
        assert early <= late < early + (60_000 if places > 600 else 1)
    assert len(part.releases) == (places if places <= 600 else 600 + 1 + 74)


async def test_without_a_steered_clock_the_time_is_the_stores(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    seconds, _ = await store_client.time()

    facts = await ledger.admit(make_ask("m1", user(0)))

    assert 0 <= facts.now_ms - seconds * 1000 < 60_000


async def test_a_clock_that_was_moved_is_ahead_by_as_much(store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    before = (await ledger.books(PORTFOLIO)).now_ms
    await store_client.incrby(PortfolioKeys(PORTFOLIO).clock, DAY_MS)

    after = (await ledger.books(PORTFOLIO)).now_ms

    assert DAY_MS <= after - before < DAY_MS + 60_000


@pytest.mark.impatient
async def test_one_pause_of_the_store_fails_no_send(client: StoreClient) -> None:
    ledger = make_ledger(client)
    # Longer than the client waits, shorter than it waits twice.
    await client.execute_command("CLIENT PAUSE", 320, "ALL")
    facts = await ledger.admit(make_ask("m1", user(1)))
    assert facts.taken
    assert (await ledger.books(PORTFOLIO)).used == 1


@pytest.mark.impatient
async def test_a_store_that_stays_silent_is_unavailable(client: StoreClient) -> None:
    await client.execute_command("CLIENT PAUSE", 1_500, "ALL")
    with pytest.raises(StoreUnavailable):
        await make_ledger(client).admit(make_ask("m1", user(1)))

    async def is_back() -> bool:
        with contextlib.suppress(RedisError):
            return bool(await client.ping())
        return False

    await until(is_back)
