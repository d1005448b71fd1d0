"""The survey on both stores: places, unknown outcomes, and for how long the first in line has waited."""

from __future__ import annotations

import pytest

from tests.factories import NUMBER, PORTFOLIO
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, DAN, LANE, Book
from tidegate.cloudapi.vocabulary import Category
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.scripts import StoreClient
from tidegate.store.send_queue import Lane
from tidegate.store.surveys import LaneCount, Survey, Surveys

CODES = Lane(NUMBER, Category.AUTHENTICATION)
SECOND = 1_000


@pytest.fixture
async def book(store_client: StoreClient) -> Book:
    book = Book(store_client)
    await book.at(0)
    return book


async def survey(book: Book) -> Survey:
    return await Surveys(book.client, [PORTFOLIO]).look(PORTFOLIO, [LANE, CODES])


async def test_a_new_book_holds_nothing(book: Book) -> None:
    assert await survey(book) == Survey(BEGIN_MS, 0, 0, (LaneCount(LANE, 0, 0), LaneCount(CODES, 0, 0)))


async def test_places_are_counted_until_they_end(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "accepted")
    await book.admit("m2", BOB)
    await book.settle("m2", "failed", release=True)
    assert (await survey(book)).used == 1
    await book.at(60 * 86_400_000)
    assert (await survey(book)).used == await book.used() == 0


async def test_an_outcome_is_unknown_once_it_is_known_to_be_until_it_is_unresolved(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await survey(book)).unknown == 0, "on its way"
    await book.settle("m1", "unknown")
    assert (await survey(book)).unknown == 1
    await book.at(UNRESOLVED_MS - 120 * SECOND)
    assert (await survey(book)).unknown == 1
    await book.status("m1", "delivered", 10 * SECOND)
    assert (await survey(book)).unknown == 0


async def test_a_lane_waits_since_its_first_in_line_was_queued(book: Book) -> None:
    await book.enqueue("m1", ANN, lane=CODES)
    await book.at(5 * SECOND)
    await book.enqueue("m2", BOB, lane=CODES)
    await book.enqueue("m3", CAT, needs_place=True)
    found = await survey(book)
    assert found.lanes == (LaneCount(LANE, 1, BEGIN_MS + 5 * SECOND), LaneCount(CODES, 2, BEGIN_MS))


async def test_what_is_scheduled_waits_from_its_time_on(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=60 * SECOND, reason="scheduled")
    assert (await survey(book)).lanes[0] == LaneCount(LANE, 1, 0)
    await book.at(70 * SECOND)
    assert (await survey(book)).lanes[0] == LaneCount(LANE, 1, BEGIN_MS + 60 * SECOND)
    await book.enqueue("m2", DAN, needs_place=True)
    assert (await survey(book)).lanes[0] == LaneCount(LANE, 2, BEGIN_MS + 60 * SECOND), "the longer of both"


async def test_a_survey_may_be_made_twice(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.enqueue("m2", BOB)
    await book.at(60 * 86_400_000)
    assert await survey(book) == await survey(book)
