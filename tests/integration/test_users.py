"""Users in the store: one record each, changed by whoever was not overtaken, under all of their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis.exceptions import ConnectionError

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, make_ask, make_inbound, make_ledger, make_terms, user
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.policy.identity import Identity
from tidegate.policy.users import EMPTY, Link, Name, User, write_user
from tidegate.store.aliases import RENEWED_MS, Aliases
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.users import Users

ANN, BOB, CEM, DORA = user(1), user(2), user(3), user(4)
MARKETING, UTILITY = Category.MARKETING, Category.UTILITY
KEYS = PortfolioKeys(PORTFOLIO)


def now_ms() -> int:
    return NOW_MS


@pytest.fixture
async def users(store_client: StoreClient) -> Users:
    await store_client.set(KEYS.clock, f"@{NOW_MS}")
    return Users(store_client, [PORTFOLIO, "other"], now_ms, one_slot=False)


@pytest.fixture
def aliases(users: Users, store_client: StoreClient) -> Aliases:
    return Aliases(users, Identity(b"k" * 32), make_ledger(store_client), {PORTFOLIO: [NUMBER]})


def refusing(at_ms: int = NOW_MS, category: Category = MARKETING) -> Callable[[User], User]:
    return lambda known: known.with_consent(category, False, "a test", at_ms)


async def refused(users: Users, name: bytes) -> set[str]:
    _, known = await users.resolve(PORTFOLIO, name)
    return set(known.refused)


async def test_of_a_user_whom_nobody_knows_nothing_is_kept(users: Users, store_client: StoreClient) -> None:
    assert await users.read(PORTFOLIO, ANN) == EMPTY
    assert await users.update(PORTFOLIO, ANN, lambda known: known) == EMPTY

    assert await store_client.exists(KEYS.user(ANN)) == 0


async def test_what_was_written_is_read_by_everybody(users: Users, store_client: StoreClient) -> None:
    written = await users.update(PORTFOLIO, ANN, refusing())

    read = await Users(store_client, [PORTFOLIO], now_ms, one_slot=True).read(PORTFOLIO, ANN)

    assert (read, read.opted_out(MARKETING), read.version > 0) == (written, True, True)
    assert await users.read("other", ANN) == await users.read(PORTFOLIO, BOB) == EMPTY


async def test_of_many_who_change_one_user_at_once_nobody_s_change_is_lost(store_client: StoreClient) -> None:
    nodes = [Users(store_client, [PORTFOLIO], now_ms, one_slot=False) for _ in range(3)]
    times = range(NOW_MS, NOW_MS + 12)

    await asyncio.gather(
        *(nodes[at_ms % 3].update(PORTFOLIO, ANN, partial(User.with_marketing_send, at_ms=at_ms)) for at_ms in times)
    )

    assert (await nodes[0].read(PORTFOLIO, ANN)).marketing_sent_at_ms == tuple(times)


async def test_a_call_that_ran_twice_has_done_it_once(users: Users, store_client: StoreClient) -> None:
    class RunsTwice:
        """A store whose answers get lost: every script is run again."""

        async def execute_command(self, *args: Any) -> Any:
            await store_client.execute_command(*args)
            return await store_client.execute_command(*args)

    twice = Users(RunsTwice(), [PORTFOLIO], now_ms, one_slot=False)  # type: ignore[arg-type]  # only what it calls

    await twice.update(PORTFOLIO, ANN, lambda known: known.with_marketing_send(NOW_MS))
    await twice.update(PORTFOLIO, ANN, lambda known: known.with_marketing_send(NOW_MS + 1))

    assert (await users.read(PORTFOLIO, ANN)).marketing_sent_at_ms == (NOW_MS, NOW_MS + 1)


async def test_a_version_is_never_used_twice(users: Users, store_client: StoreClient) -> None:
    first = await users.update(PORTFOLIO, ANN, refusing())
    await users.erase(PORTFOLIO, ANN, (), forget=True)
    await store_client.set(KEYS.clock, f"@{NOW_MS + 5}")

    second = await users.update(PORTFOLIO, ANN, refusing())

    assert second.version > first.version


async def test_a_record_that_tells_nothing_any_more_is_gone(users: Users, store_client: StoreClient) -> None:
    await users.update(PORTFOLIO, ANN, lambda known: known.in_zone("Europe/Rome"))
    await users.update(PORTFOLIO, ANN, lambda known: known.in_zone(None))

    assert await store_client.exists(KEYS.user(ANN)) == 0


@pytest.mark.parametrize(
    ("change", "forgotten_in_ms"),
    [
        pytest.param(refusing(), None, id="a consent is kept for good"),
        pytest.param(lambda known: known.in_zone("Europe/Rome"), None, id="so is a zone"),
        pytest.param(lambda known: known.with_marketing_send(NOW_MS), 7 * DAY_MS, id="a send for a week"),
        pytest.param(lambda known: known.linked(BOB, NOW_MS), 400 * DAY_MS, id="an alias until it is long unseen"),
    ],
)
async def test_a_record_goes_when_it_tells_nothing_that_still_counts(
    users: Users, store_client: StoreClient, change: Callable[[User], User], forgotten_in_ms: int | None
) -> None:
    await users.update(PORTFOLIO, ANN, change)

    left_ms = await store_client.pttl(KEYS.user(ANN))

    assert left_ms == -1 if forgotten_in_ms is None else abs(left_ms - forgotten_in_ms) < 60_000


async def test_what_expired_is_kept_for_good_once_there_is_a_consent(users: Users, store_client: StoreClient) -> None:
    await users.update(PORTFOLIO, ANN, lambda known: known.with_marketing_send(NOW_MS))
    await users.update(PORTFOLIO, ANN, refusing())

    assert await store_client.pttl(KEYS.user(ANN)) == -1


async def test_readers_of_one_moment_share_a_trip(users: Users, store_client: StoreClient) -> None:
    for index in range(40):
        await users.update(PORTFOLIO, user(index), refusing(NOW_MS + index))

    read = await asyncio.gather(*(users.read(PORTFOLIO, user(index)) for index in range(40)))

    assert [known.consents["marketing"].at_ms for known in read] == [NOW_MS + index for index in range(40)]


# What admit decides on


async def test_no_send_is_admitted_on_what_was_known_before(users: Users, store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    known = await users.update(PORTFOLIO, ANN, lambda known: known.with_marketing_send(NOW_MS))
    ask = make_ask("m1", ANN, terms=make_terms(user_version=known.version))

    await users.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)
    facts = await ledger.admit(ask)

    assert (facts.taken, facts.other_user) == (False, True)
    assert facts.user_record == write_user(await users.read(PORTFOLIO, ANN))


async def test_a_change_sees_the_send_that_was_admitted_before_it(users: Users, store_client: StoreClient) -> None:
    after = EMPTY.with_marketing_send(NOW_MS)
    ask = make_ask("m1", ANN, user_record=write_user(after), user_expires_at_ms=NOW_MS + DAY_MS)

    assert (await make_ledger(store_client).admit(ask)).taken
    known = await users.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)

    assert (known.marketing_sent_at_ms, known.opted_out(MARKETING)) == ((NOW_MS,), True)


# One user's names


async def test_a_proven_name_leads_to_where_all_that_counts_is_known(users: Users, aliases: Aliases) -> None:
    await users.update(PORTFOLIO, BOB, lambda known: known.with_marketing_send(NOW_MS))
    await users.refuse(PORTFOLIO, BOB, MARKETING, "a test", NOW_MS)

    await aliases.link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)

    assert (await users.read(PORTFOLIO, BOB)).same_as == ANN
    name, known = await users.resolve(PORTFOLIO, BOB)
    assert (name, known.marketing_sent_at_ms, set(known.refused)) == (ANN, (NOW_MS,), {"marketing"})
    assert (await users.refuse(PORTFOLIO, BOB, UTILITY, "a test", NOW_MS)).refused.keys() == {"marketing", "utility"}
    assert await refused(users, ANN) == {"marketing", "utility"}


async def test_two_names_are_counted_once_from_the_proof_on(
    users: Users, aliases: Aliases, store_client: StoreClient
) -> None:
    ledger = make_ledger(store_client)
    await ledger.admit(make_ask("m1", ANN))
    await ledger.admit(make_ask("m2", BOB))

    await aliases.link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)

    assert (await ledger.books(PORTFOLIO)).used == 1


async def test_a_proof_that_comes_again_moves_what_was_not_moved(users: Users, store_client: StoreClient) -> None:
    class LosesTheMove:
        """A store that is lost before what is counted is moved."""

        async def execute_command(self, *args: Any) -> Any:
            if args[1] == script("move_user").sha:
                raise ConnectionError("gone")
            return await store_client.execute_command(*args)

    ledger, numbers = make_ledger(store_client), {PORTFOLIO: [NUMBER]}
    losing = Aliases(users, Identity(b"k" * 32), make_ledger(LosesTheMove()), numbers)  # type: ignore[arg-type]  # as above
    await ledger.admit(make_ask("m1", ANN))
    await ledger.admit(make_ask("m2", BOB))

    with pytest.raises(StoreUnavailable):
        await losing.link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)
    assert (await ledger.books(PORTFOLIO)).used == 2
    await Aliases(users, Identity(b"k" * 32), ledger, numbers).link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)

    assert (await ledger.books(PORTFOLIO)).used == 1


async def test_names_that_are_only_suspected_share_refusals_and_nothing_else(users: Users, aliases: Aliases) -> None:
    await users.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)
    await users.update(PORTFOLIO, BOB, lambda known: known.with_consent(UTILITY, True, "a test", NOW_MS))
    await users.update(PORTFOLIO, BOB, lambda known: known.with_marketing_send(NOW_MS))

    await aliases.link(PORTFOLIO, BOB, ANN, proven=False, at_ms=NOW_MS)
    await users.refuse(PORTFOLIO, BOB, Category.AUTHENTICATION, "a test", NOW_MS)

    ann, bob = await users.read(PORTFOLIO, ANN), await users.read(PORTFOLIO, BOB)
    assert ann.refused.keys() == bob.refused.keys() == {"marketing", "authentication"}
    assert (ann.opted_in(UTILITY), ann.marketing_sent_at_ms, ann.same_as, bob.same_as) == (False, (), None, None)


async def test_a_refusal_reaches_names_of_names(users: Users, aliases: Aliases) -> None:
    await aliases.link(PORTFOLIO, BOB, ANN, proven=False, at_ms=NOW_MS)
    await aliases.link(PORTFOLIO, CEM, BOB, proven=False, at_ms=NOW_MS)
    await aliases.link(PORTFOLIO, DORA, CEM, proven=True, at_ms=NOW_MS)

    await users.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)

    assert [await refused(users, name) for name in (ANN, BOB, CEM, DORA)] == [{"marketing"}] * 4


async def test_a_later_yes_under_one_name_is_no_yes_under_another_that_is_suspected(
    users: Users, aliases: Aliases
) -> None:
    await aliases.link(PORTFOLIO, BOB, ANN, proven=False, at_ms=NOW_MS)
    await users.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)

    await users.update(PORTFOLIO, ANN, lambda known: known.with_consent(MARKETING, True, "a test", NOW_MS + 1))

    assert (await refused(users, ANN), await refused(users, BOB)) == (set(), {"marketing"})


async def test_what_failed_half_way_is_still_to_be_done(
    store_client: StoreClient, users: Users, aliases: Aliases
) -> None:
    # The record itself is written last: a webhook that comes again finds it without the refusal, and does all of it.
    class BreaksAfterOneWrite:
        """A store that is lost after it has carried out one write."""

        written = False

        async def execute_command(self, *args: Any) -> Any:
            if args[1] == script("update_user").sha:
                if self.written:
                    raise ConnectionError("gone")
                self.written = True
            return await store_client.execute_command(*args)

    await aliases.link(PORTFOLIO, BOB, ANN, proven=False, at_ms=NOW_MS)
    breaking = Users(BreaksAfterOneWrite(), [PORTFOLIO], now_ms, one_slot=False)  # type: ignore[arg-type]  # as above

    with pytest.raises(StoreUnavailable):
        await breaking.refuse(PORTFOLIO, ANN, MARKETING, "a test", NOW_MS)

    assert (await refused(users, BOB), await refused(users, ANN)) == ({"marketing"}, set())


async def test_a_user_id_that_moves_to_another_number_takes_refusals_along_and_no_counts(
    users: Users, aliases: Aliases
) -> None:
    await aliases.link(PORTFOLIO, CEM, ANN, proven=True, at_ms=NOW_MS)
    await users.update(PORTFOLIO, CEM, lambda known: known.with_marketing_send(NOW_MS))
    await users.refuse(PORTFOLIO, CEM, MARKETING, "a test", NOW_MS)

    await aliases.link(PORTFOLIO, CEM, BOB, proven=True, at_ms=NOW_MS + 1)

    name, known = await users.resolve(PORTFOLIO, CEM)
    assert (name, set(known.refused), known.marketing_sent_at_ms) == (BOB, {"marketing"}, ())
    assert (await users.read(PORTFOLIO, ANN)).marketing_sent_at_ms == (NOW_MS,)


async def test_two_names_that_are_each_said_to_be_the_other_end_as_one_user(users: Users, aliases: Aliases) -> None:
    await aliases.link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)
    await aliases.link(PORTFOLIO, ANN, BOB, proven=True, at_ms=NOW_MS)

    assert [(await users.resolve(PORTFOLIO, name))[0] for name in (ANN, BOB)] == [ANN, ANN]


async def test_names_that_point_in_a_circle_do_not_hang(users: Users) -> None:
    await users.point(PORTFOLIO, ANN, EMPTY, BOB, NOW_MS)
    await users.point(PORTFOLIO, BOB, EMPTY, ANN, NOW_MS)

    assert (await users.resolve(PORTFOLIO, ANN))[0] in (ANN, BOB)


async def test_a_name_is_not_taken_over_when_something_new_is_known_there(users: Users) -> None:
    known = await users.read(PORTFOLIO, BOB)
    await users.refuse(PORTFOLIO, BOB, MARKETING, "a test", NOW_MS)

    assert not await users.point(PORTFOLIO, BOB, known, ANN, NOW_MS)
    assert await refused(users, BOB) == {"marketing"}


@pytest.mark.parametrize("proven", [True, False], ids=["a proven name", "a suspected one"])
async def test_a_link_that_is_seen_again_is_renewed_only_after_a_while(
    users: Users, aliases: Aliases, proven: bool
) -> None:
    await aliases.link(PORTFOLIO, BOB, ANN, proven=proven, at_ms=NOW_MS)
    first = await users.read(PORTFOLIO, BOB)

    await aliases.link(PORTFOLIO, BOB, ANN, proven=proven, at_ms=NOW_MS + RENEWED_MS - 1)
    assert await users.read(PORTFOLIO, BOB) == first

    await aliases.link(PORTFOLIO, BOB, ANN, proven=proven, at_ms=NOW_MS + RENEWED_MS)
    assert (await users.read(PORTFOLIO, BOB)).seen_at_ms == NOW_MS + RENEWED_MS


async def test_what_meta_shows_is_learnt_once_and_no_time_is_newer_than_now(users: Users, aliases: Aliases) -> None:
    phone, user_id = Name(RecipientKind.PHONE, "16505551234"), Name(RecipientKind.BSUID, "US.134912")
    link = Link(user_id, phone, True, NOW_MS + DAY_MS)

    await aliases.learn(PORTFOLIO, [link, link], NOW_MS)
    known = await users.read(PORTFOLIO, aliases.recipient(user_id))
    assert (known.same_as, known.seen_at_ms) == (aliases.recipient(phone), NOW_MS)

    await users.erase(PORTFOLIO, aliases.recipient(user_id), (), forget=True)
    await aliases.learn(PORTFOLIO, [replace(link, at_ms=NOW_MS)], NOW_MS)
    assert await users.read(PORTFOLIO, aliases.recipient(user_id)) == EMPTY


# Erasure


async def test_an_erased_user_leaves_no_more_than_the_bare_refusal(users: Users, store_client: StoreClient) -> None:
    ledger = make_ledger(store_client)
    await ledger.open_window(make_inbound(ANN, NOW_MS))
    await users.refuse(PORTFOLIO, ANN, MARKETING, "wrote STOP", NOW_MS)
    await users.update(PORTFOLIO, ANN, lambda known: known.in_zone("Europe/Rome").with_marketing_send(NOW_MS))
    for what in (NUMBER, f"marketing:{NUMBER}", f"asked:{NUMBER}"):
        await store_client.set(KEYS.reached(what, ANN), "m1")

    erased = await users.erase(PORTFOLIO, ANN, [NUMBER], forget=False)

    left = await users.read(PORTFOLIO, ANN)
    assert replace(left, version=0) == replace(erased.left, version=0) == refusing()(EMPTY).bare_refusals()
    assert (left.consents["marketing"].source, await store_client.pttl(KEYS.user(ANN))) == ("", -1)
    assert [key async for key in store_client.scan_iter(b"*" + ANN + b"*")] == [KEYS.user(ANN)]


async def test_on_request_the_refusal_is_forgotten_too(users: Users, store_client: StoreClient) -> None:
    await users.refuse(PORTFOLIO, ANN, MARKETING, "wrote STOP", NOW_MS)

    await users.erase(PORTFOLIO, ANN, [NUMBER], forget=True)

    assert [key async for key in store_client.scan_iter(b"*" + ANN + b"*")] == []


async def test_whoever_is_erased_by_another_name_is_erased(users: Users, aliases: Aliases) -> None:
    await aliases.link(PORTFOLIO, BOB, ANN, proven=True, at_ms=NOW_MS)
    await aliases.link(PORTFOLIO, CEM, ANN, proven=False, at_ms=NOW_MS)
    await users.update(PORTFOLIO, ANN, lambda known: known.in_zone("Europe/Rome"))

    await users.erase(PORTFOLIO, BOB, (), forget=True)

    assert [replace(await users.read(PORTFOLIO, name), version=0) for name in (ANN, BOB)] == [EMPTY, EMPTY]
    assert (await users.read(PORTFOLIO, CEM)).aliases == frozenset()
