"""Admission by a node's own means: what it knows, what it has, and what it leaves to the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    make_ask,
    make_case,
    make_facts,
    make_objection,
    make_rules,
    make_service_case,
    make_share,
    make_standing,
    make_terms,
    user,
)
from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway.offline import Offline
from tidegate.journal import Intent, Journal, JournalUnwritable
from tidegate.policy.decide import judge, terms_of
from tidegate.policy.facts import Facts, Tally, Terms, Turn
from tidegate.policy.offline import AWAY_MS, LONGEST_MS, WINDOW_MARGIN_MS
from tidegate.policy.users import Word
from tidegate.policy.verdict import Send

ANN, BOB = user(0), user(1)
CODE, UTILITY = make_case(category=Category.AUTHENTICATION), make_case(category=Category.UTILITY)
REPLY = make_service_case()
OPEN_MS = NOW_MS - DAY_MS + WINDOW_MARGIN_MS + 1
"""When somebody wrote whose window is open for just long enough."""


class FullDisk(Journal):
    """A journal that can't be written."""

    async def intend(self, intents: Iterable[Intent], now_ms: int) -> None:
        await super().intend(intents, now_ms)
        raise JournalUnwritable("no space")


class Desk:
    """One node without a store; it is `NOW_MS` and `passed_ms` more."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.passed_ms = 0
        self.is_barred = False
        self.sends = 0
        self.journal = journal or Journal()
        clock = StoreClock(lambda: self.passed_ms / 1000)
        clock.observe(NOW_MS)
        self.offline = Offline(self.journal, clock, lambda: self.is_barred)
        self.offline.provide(PORTFOLIO, 2, NOW_MS + AWAY_MS, 1)

    async def admit(self, recipient: bytes = ANN, case: Any = CODE, **changes: Any) -> Facts | None:
        self.sends += 1
        own = {name: changes.pop(name) for name in ("number", "portfolio", "deadline_ms") if name in changes}
        ask = make_ask(f"m{self.sends}", recipient, terms=make_terms(**changes), **own)
        return await self.offline.admit(ask, case)

    async def goes(self, recipient: bytes = ANN, case: Any = CODE, **changes: Any) -> bool:
        facts = await self.admit(recipient, case, **changes)
        return facts is not None and facts.taken

    def hears_of(self, recipient: bytes, at_ms: int) -> None:
        """The user's message came to this node."""
        self.journal.window(PORTFOLIO, NUMBER, recipient, at_ms)

    def sees(self, recipient: bytes, **facts: Any) -> None:
        """The store answered."""
        self.offline.heard_of[PORTFOLIO].of_window((NUMBER, recipient), make_facts(**facts))

    @property
    def places(self) -> int:
        return self.offline.places(PORTFOLIO)


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestPlaces:
    async def test_each_new_recipient_costs_one_and_the_same_one_none(self, desk: Desk) -> None:
        assert [await desk.goes(who) for who in (ANN, ANN, BOB, user(2), ANN)] == [True, True, True, False, True]
        assert desk.places == 0

    async def test_are_filled_until_their_time_and_no_longer(self, desk: Desk) -> None:
        desk.passed_ms = AWAY_MS - 1
        assert await desk.goes(ANN)
        desk.passed_ms = AWAY_MS
        assert (await desk.goes(BOB), desk.places) == (False, 1)

    async def test_of_one_portfolio_are_nothing_to_another(self, desk: Desk) -> None:
        assert not await desk.goes(portfolio="other")
        assert desk.places == 2

    async def test_that_were_taken_are_filled_once_they_are_given_back(self, desk: Desk) -> None:
        purse = desk.offline.take(PORTFOLIO)
        assert not await desk.goes()
        desk.offline.give_back(PORTFOLIO, purse)
        assert await desk.goes()

    async def test_are_gone_when_the_store_may_not_know_of_them(self, desk: Desk) -> None:
        desk.offline.empty()
        assert (await desk.goes(), desk.places) == (False, 0)

    async def test_are_not_spent_on_what_can_not_be_written_down(self) -> None:
        desk = Desk(FullDisk())
        assert await desk.admit() is None
        assert desk.places == 2

    async def test_are_not_spent_while_the_store_is_looked_at(self, desk: Desk) -> None:
        desk.is_barred = True
        assert await desk.admit() is None
        assert desk.places == 2


class TestJournal:
    async def test_has_what_went_before_it_goes(self, desk: Desk) -> None:
        assert not desk.offline.owes(PORTFOLIO)
        await desk.admit(ANN, hold_ms=DAY_MS)

        [intent] = desk.journal.of(PORTFOLIO).offline
        assert (intent.message_id, intent.recipient, intent.place) == ("m1", ANN, "1")
        assert (intent.at_ms, intent.ends_ms) == (NOW_MS, NOW_MS + DAY_MS)
        assert desk.offline.telling(PORTFOLIO), "the books have to be told"
        assert not desk.offline.owes(PORTFOLIO), "whoever asks tells them"
        desk.offline.owe(PORTFOLIO)
        assert desk.offline.owes(PORTFOLIO)

    @pytest.mark.parametrize(
        ("case", "counts", "place"), [(CODE, True, "0"), (REPLY, False, "")], ids=["no place", "nothing that counts"]
    )
    async def test_knows_that_a_send_in_a_window_takes(self, desk: Desk, case: Any, counts: bool, place: str) -> None:
        desk.hears_of(ANN, OPEN_MS)
        assert await desk.goes(ANN, case, counts=counts, needs_window=not counts)
        assert [intent.place for intent in desk.journal.of(PORTFOLIO).offline] == [place]
        assert desk.places == 2


OBJECTION = make_objection()
NEW_ONLY = Tally("warm:n:1", 1, 10, True, NOW_MS, OBJECTION)
MONEY = Tally("spend:m", 5, 10, False, NOW_MS, OBJECTION)


class TestWhatOnlyTheStoreKnows:
    @pytest.mark.parametrize(
        ("changes", "goes"),
        [
            pytest.param({}, True, id="there is nothing"),
            pytest.param({"deadline_ms": NOW_MS}, False, id="its deadline has come"),
            pytest.param({"deadline_ms": NOW_MS + 1}, True, id="its deadline comes"),
            pytest.param({"valid_until_ms": NOW_MS}, False, id="what it was decided by holds no longer"),
            pytest.param({"valid_until_ms": NOW_MS + 1}, True, id="what it was decided by still holds"),
            pytest.param({"held_until_ms": NOW_MS + 1}, False, id="the books may miss who is counted"),
            pytest.param({"turns": (Turn("probe", 1, 0, OBJECTION),)}, False, id="whether it is its turn"),
            pytest.param({"tallies": (MONEY,)}, False, id="what is left of the money"),
            pytest.param({"tallies": (NEW_ONLY,)}, False, id="how many new ones have been written to"),
            pytest.param({"tallies": (make_share("app", 9),)}, False, id="what is left of the app's share"),
            pytest.param({"tallies": (make_share("app", -1),)}, True, id="a share of no limit"),
            pytest.param({"tallies": (MONEY._replace(limit=-1),)}, True, id="money without a limit"),
            pytest.param({"tallies": (MONEY._replace(cost=0),)}, True, id="money, of which it costs none"),
            pytest.param({"tallies": (MONEY._replace(enforced=False),)}, True, id="money that is only counted"),
            pytest.param({"tallies": (MONEY._replace(covers=True),)}, True, id="what says no to nobody"),
        ],
    )
    async def test_stands_in_the_way_of_a_login_code(self, desk: Desk, changes: dict[str, Any], goes: bool) -> None:
        assert await desk.goes(**changes) is goes
        assert desk.places == 2 - goes

    @pytest.mark.parametrize(
        "tally", [NEW_ONLY, MONEY._replace(free_in_window=True)], ids=["of the new", "free in a window"]
    )
    async def test_is_nothing_to_a_send_that_it_does_not_concern(self, desk: Desk, tally: Tally) -> None:
        desk.hears_of(ANN, OPEN_MS)
        assert await desk.goes(ANN, tallies=(tally,), held_until_ms=NOW_MS + 1)

    @pytest.mark.parametrize(("granted", "goes"), [(False, False), (True, True)], ids=["refused", "granted"])
    async def test_a_word_of_the_user_is_heeded(self, desk: Desk, granted: bool, goes: bool) -> None:
        desk.journal.words(PORTFOLIO, ANN, {"authentication": Word(granted, NOW_MS, "a test")})
        assert await desk.goes(ANN) is goes


class TestWindows:
    @pytest.mark.parametrize(
        ("at_ms", "seen", "goes"),
        [
            pytest.param(OPEN_MS, None, True, id="the user's message came here"),
            pytest.param(OPEN_MS - 1, None, False, id="the user's message came too long ago"),
            pytest.param(None, (NOW_MS, OPEN_MS + DAY_MS), True, id="the store saw it open"),
            pytest.param(None, (NOW_MS, OPEN_MS + DAY_MS - 1), False, id="the store saw it open for too short"),
            pytest.param(OPEN_MS, (OPEN_MS + 60_000, 0), False, id="the store saw it closed long after"),
            pytest.param(OPEN_MS, (OPEN_MS + 59_999, 0), True, id="the store saw it closed, and may not have known"),
            pytest.param(None, None, False, id="nobody knows"),
        ],
    )
    async def test_are_open_where(
        self, desk: Desk, at_ms: int | None, seen: tuple[int, int] | None, goes: bool
    ) -> None:
        if at_ms is not None:
            desk.hears_of(ANN, at_ms)
        if seen is not None:
            desk.sees(ANN, now_ms=seen[0], window_ends_ms=seen[1])

        assert await desk.goes(ANN, REPLY, counts=False, needs_window=True) is goes

    @pytest.mark.parametrize("fault", ["stale", "gone", "expired", "other_user", "outdated", "unclaimed", "repeated"])
    async def test_are_not_closed_by_an_answer_that_did_not_look(self, desk: Desk, fault: str) -> None:
        desk.sees(ANN, window_ends_ms=NOW_MS + DAY_MS)
        desk.sees(ANN, taken=fault == "repeated", **{fault: True})
        assert await desk.goes(ANN, REPLY, counts=False, needs_window=True)


async def test_half_an_hour_begins_with_the_last_word_of_the_store_for_each_portfolio_by_itself(desk: Desk) -> None:
    desk.hears_of(ANN, NOW_MS)
    desk.offline.heard(PORTFOLIO)
    desk.passed_ms = LONGEST_MS
    assert await desk.goes(ANN, UTILITY)
    desk.passed_ms = LONGEST_MS + 1
    desk.offline.heard("other")
    assert not await desk.goes(ANN, UTILITY)
    assert await desk.goes(ANN, CODE)
    desk.offline.heard(PORTFOLIO)
    assert await desk.goes(ANN, UTILITY)


class TestTurns:
    async def test_of_a_number_are_shared_by_the_nodes(self, desk: Desk) -> None:
        desk.offline.provide(PORTFOLIO, 9, NOW_MS + AWAY_MS, 3)
        pace = {"throughput_emission_us": 10_000}
        assert await desk.goes(ANN, **pace)
        waits = await desk.admit(BOB, **pace)
        assert waits is not None
        assert (waits.taken, waits.throughput_at_ms) == (False, NOW_MS + 30)
        assert desk.places == 8, "what waits for its turn has taken nothing"
        desk.passed_ms = 30
        assert await desk.goes(BOB, **pace)

    async def test_of_a_number_are_still_shared_when_the_places_are_gone(self, desk: Desk) -> None:
        desk.offline.provide(PORTFOLIO, 9, NOW_MS + AWAY_MS, 3)
        desk.offline.empty()
        desk.hears_of(ANN, NOW_MS)
        desk.hears_of(BOB, NOW_MS)
        assert await desk.goes(ANN, throughput_emission_us=10_000)
        waits = await desk.admit(BOB, throughput_emission_us=10_000)
        assert waits is not None
        assert waits.throughput_at_ms == NOW_MS + 30

    async def test_of_a_pair_come_one_after_the_other(self, desk: Desk) -> None:
        pace = {"pair_emission_ms": 6_000, "pair_tolerance_ms": 6_000}
        assert [await desk.goes(ANN, **pace) for _ in range(3)] == [True, True, False]
        assert await desk.goes(BOB, **pace)
        desk.passed_ms = 6_000
        assert await desk.goes(ANN, **pace)

    @pytest.mark.parametrize(
        "pace",
        [
            {"pair_emission_ms": 6_000, "waits_for_pair": False},
            {"throughput_emission_us": 1_000_000, "waits_for_throughput": False},
        ],
        ids=["of the pair", "of the number"],
    )
    async def test_that_nobody_waits_for_are_only_counted(self, desk: Desk, pace: dict[str, Any]) -> None:
        assert [await desk.goes(ANN, **pace) for _ in range(5)] == [True] * 5
        assert len(desk.journal.of(PORTFOLIO).offline) == 5


@pytest.mark.parametrize("mode", ["enforce", "shadow", "off"])
@pytest.mark.parametrize("guardrail", ["throughput", "pair_rate", "messaging_limit", "service_window"])
@pytest.mark.parametrize("case", [CODE, UTILITY, REPLY], ids=["code", "utility", "reply"])
@pytest.mark.parametrize("window_ms", [None, OPEN_MS, NOW_MS], ids=["no window", "nearly closed", "open"])
async def test_send_is_said_exactly_when_it_was_taken(
    desk: Desk, mode: str, guardrail: str, case: Any, window_ms: int | None
) -> None:
    rules = make_rules(**{guardrail: {"mode": mode}}, window_margin="1h")
    terms: Terms = terms_of(case, make_standing(prepaid=2, limit=10), rules)
    if window_ms is not None:
        desk.hears_of(ANN, window_ms)
    for n in range(50):
        facts = await desk.offline.admit(make_ask(f"m{n}", ANN, terms=terms), case)
        if facts is not None:
            assert isinstance(judge(case, terms, facts, rules), Send) is facts.taken
