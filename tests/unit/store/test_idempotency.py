"""The first request with a key claims it; all others are told what it came to."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.factories import make_seal
from tidegate.store.idempotency import KEPT_MS, Done, Entry, Idempotency, Mine, Other, Running
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

PORTFOLIO = "lucky-shrub"
FIRST = Entry(PORTFOLIO, "checkout:d1", "f1", "m1")
SECOND = replace(FIRST, message_id="m2")
START_MS = 1_000_000


async def stand_at(client: StoreClient, at_ms: int) -> None:
    await client.set(PortfolioKeys(PORTFOLIO).clock, f"@{at_ms}")


@pytest.fixture
async def keys(store_client: StoreClient) -> Idempotency:
    await stand_at(store_client, START_MS)
    return Idempotency(store_client, [PORTFOLIO], make_seal(), one_slot=False)


async def test_one_claims_and_the_other_is_told_since_when(keys: Idempotency, store_client: StoreClient):
    assert await keys.claim(FIRST) == Mine()
    await stand_at(store_client, START_MS + 1_500)

    assert await keys.claim(SECOND) == Running("m1", 1_500)


async def test_a_claim_whose_answer_was_lost_is_still_its_own(keys: Idempotency):
    await keys.claim(FIRST)

    assert await keys.claim(FIRST) == Mine()


async def test_what_was_kept_is_given_to_all(keys: Idempotency):
    await keys.claim(FIRST)
    await keys.keep(FIRST, b"answer")

    assert await keys.claim(SECOND) == Done(b"answer", "m1")
    assert await keys.claim(FIRST) == Done(b"answer", "m1")


async def test_another_request_is_told_apart_before_and_after_the_answer(keys: Idempotency):
    other = replace(SECOND, fingerprint="f2")
    await keys.claim(FIRST)
    assert await keys.claim(other) == Other()
    await keys.keep(FIRST, b"answer")

    assert await keys.claim(other) == Other()


async def test_a_claim_that_was_given_back_is_free(keys: Idempotency):
    await keys.claim(FIRST)
    await keys.free(FIRST)

    assert await keys.claim(SECOND) == Mine()


async def test_only_the_holder_keeps_or_frees(keys: Idempotency):
    await keys.claim(FIRST)
    await keys.free(SECOND)
    await keys.keep(SECOND, b"wrong")
    assert await keys.claim(SECOND) == Running("m1", 0)
    await keys.keep(FIRST, b"answer")
    await keys.free(FIRST)

    assert await keys.claim(SECOND) == Done(b"answer", "m1")


async def test_a_claim_is_taken_over_by_name_only(keys: Idempotency):
    await keys.claim(FIRST)

    assert await keys.claim(SECOND, instead_of="m0") == Running("m1", 0)
    assert await keys.claim(SECOND, instead_of="m1") == Mine()
    assert await keys.claim(replace(FIRST, message_id="m3"), instead_of="m1") == Running("m2", 0)


@pytest.mark.parametrize(("passed_ms", "outcome"), [(KEPT_MS - 1, Done(b"answer", "m1")), (KEPT_MS, Mine())])
async def test_it_is_remembered_for_a_day_of_the_stores_time(keys, store_client, passed_ms, outcome):
    await keys.claim(FIRST)
    await keys.keep(FIRST, b"answer")
    await stand_at(store_client, START_MS + passed_ms)

    assert await keys.claim(SECOND) == outcome


async def test_under_another_payload_key_it_is_not_done_again(keys: Idempotency, store_client: StoreClient):
    await keys.claim(FIRST)
    await keys.keep(FIRST, b"answer")

    assert await Idempotency(store_client, [PORTFOLIO], make_seal(b"x" * 32), one_slot=False).claim(SECOND) == Other()


async def test_apps_and_keys_do_not_touch(keys: Idempotency):
    await keys.claim(FIRST)

    assert await keys.claim(replace(SECOND, name="other:d1")) == Mine()
    assert await keys.claim(replace(SECOND, name="checkout:d2")) == Mine()


async def test_what_is_asked_in_one_moment_is_asked_in_one_call_and_answered_each_by_itself(keys: Idempotency):
    await keys.claim(FIRST)
    await keys.keep(FIRST, b"an answer")
    others = [replace(FIRST, name=f"checkout:other {n}", message_id=f"m-{n}") for n in range(3)]

    done, *claimed, running = await asyncio.gather(
        *(keys.claim(entry) for entry in (SECOND, *others, replace(others[0], message_id="m-later")))
    )

    assert done == Done(b"an answer", FIRST.message_id)
    assert claimed == [Mine(), Mine(), Mine()]
    assert isinstance(running, Running)
    assert running.message_id == others[0].message_id
