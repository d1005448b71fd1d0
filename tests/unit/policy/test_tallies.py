"""Which allowances a send asks for, and which of them have no room for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    TEMPLATE,
    WABA,
    make_case,
    make_facts,
    make_objection,
    make_rules,
    make_service_case,
    make_standing,
    make_template,
    make_terms,
)
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.events import Pricing
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality
from tidegate.policy.facts import NO_LIMIT, Case, Tally
from tidegate.policy.grant import Grant
from tidegate.policy.pricing import SERVICE_CHARGED_SINCE_MS
from tidegate.policy.standing import NumberStanding, Standing
from tidegate.policy.tallies import billed_micros, lacking, tallies_of
from tidegate.policy.verdict import Reason
from tidegate.policy.warm_up import DAY_MS, Ramp
from tidegate.policy.warming import KEPT_MS, Warming

NUMBER_ID, TEMPLATE_ID = f"number:{NUMBER}", f"template:{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"
LATER_MS = SERVICE_CHARGED_SINCE_MS + 41 * DAY_MS  # 11 November 2026
MONTH_MS = SERVICE_CHARGED_SINCE_MS + 31 * DAY_MS
MARKETS = {"india": market("91") | {"service": "0.0035"}, "brazil": market("55") | {"marketing": "0.06"}}
CARD = {"currency": "USD", "markets": MARKETS}
INDIAN = "919876543210"
HALF = Grant("checkout", limit_share=0.5)


def standing_of(**tables: Any) -> Standing:
    known = {
        name: tables.pop(name) for name in ("numbers", "templates", "warmings", "wallets", "limit") if name in tables
    }
    return make_standing(rules=make_rules(**tables), **known)


def budget(**changes: Any) -> dict[str, Any]:
    return {"amount": "10", "rate_card": [CARD]} | changes


def names(case: Case, standing: Standing, now_ms: int = NOW_MS) -> list[str]:
    return [tally.name for tally in tallies_of(case, standing, now_ms)]


# Shares of the limit


@pytest.mark.parametrize(
    ("case", "limit", "asked"),
    [
        pytest.param(make_case(grant=HALF), 2_000, [("share:checkout", 950)], id="half of 2,000 less 100 of headroom"),
        pytest.param(make_case(grant=HALF), UNLIMITED, [("share:checkout", NO_LIMIT)], id="no limit: it is counted"),
        pytest.param(make_case(), 2_000, [], id="an app that may send all"),
        pytest.param(make_case(grant=Grant("checkout", throughput_share=0.5)), 2_000, [], id="another grant"),
        pytest.param(make_service_case(grant=HALF), 2_000, [], id="a free-form message takes no place"),
        pytest.param(make_case(grant=HALF, to_group=True), 2_000, [], id="nor does one to a group"),
    ],
)
def test_which_share_a_send_asks_for(case: Case, limit: int, asked: list[tuple[str, int]]) -> None:
    tallies = tallies_of(case, standing_of(limit=limit), NOW_MS)

    assert [(tally.name, tally.limit) for tally in tallies] == asked
    assert all(tally.cost == 1 and tally.only_new and tally.of_places and tally.enforced for tally in tallies)


# Warm-up


def test_nothing_is_asked_for_unless_it_is_configured() -> None:
    assert names(make_case(), standing_of()) == []
    assert names(make_case(), standing_of(warm_up={"mode": "off"}, budget=budget(mode="off"))) == []


def test_what_nobody_has_sent_with_is_at_its_first_day() -> None:
    tallies = tallies_of(make_case(), standing_of(warm_up={}), NOW_MS)

    assert [(tally.name, tally.cost, tally.limit, tally.only_new) for tally in tallies] == [
        (f"warm:{NUMBER_ID}:0", 1, 50, True),
        (f"warm:{TEMPLATE_ID}:0", 1, 50, True),
    ]
    assert {tally.expires_at_ms for tally in tallies} == {NOW_MS + DAY_MS + KEPT_MS}
    assert all(tally.enforced and tally.objection for tally in tallies)


@pytest.mark.parametrize(
    ("case", "asked"),
    [
        pytest.param(make_case(), True, id="marketing"),
        pytest.param(make_case(category=Category.UTILITY), False, id="a category that is not warmed up"),
        pytest.param(make_service_case(), False, id="a free-form message"),
        pytest.param(make_case(to_group=True), False, id="a message to a group, which counts nobody"),
    ],
)
def test_whom_a_warm_up_asks(case: Case, asked: bool) -> None:
    assert bool(names(case, standing_of(warm_up={}))) is asked


def test_what_was_rated_before_its_first_send_is_not_young() -> None:
    rated = {
        "numbers": {NUMBER: NumberStanding(NUMBER, quality=Quality.GREEN)},
        "templates": {(WABA, *TEMPLATE): make_template(quality=Quality.YELLOW)},
    }
    assert names(make_case(), standing_of(warm_up={}, **rated)) == []
    begun = {NUMBER_ID: Warming(NOW_MS, 0, Ramp(50))}
    assert names(make_case(), standing_of(warm_up={}, warmings=begun, **rated)) == [f"warm:{NUMBER_ID}:0"]


def test_only_the_scopes_that_are_named_warm_up() -> None:
    assert names(make_case(), standing_of(warm_up={"scopes": ["template"]})) == [f"warm:{TEMPLATE_ID}:0"]


@pytest.mark.parametrize(
    ("day", "now_ms", "limit", "name", "allowed"),
    [
        pytest.param(3, NOW_MS + 3 * DAY_MS, 2_000, f"warm:{NUMBER_ID}:3", 400, id="a day that was rolled over"),
        pytest.param(3, NOW_MS + 4 * DAY_MS, 2_000, f"warm:{NUMBER_ID}:4", 400, id="one that nobody rolled over yet"),
        pytest.param(3, NOW_MS + 3 * DAY_MS, 250, f"warm:{NUMBER_ID}:3", 250, id="never above the messaging limit"),
        pytest.param(3, NOW_MS + 2 * DAY_MS, 2_000, f"warm:{NUMBER_ID}:3", 400, id="a clock that is behind"),
        pytest.param(3, NOW_MS + 3 * DAY_MS, UNLIMITED, f"warm:{NUMBER_ID}:3", 400, id="without a limit"),
    ],
)
def test_a_warm_up_on_its_way(day: int, now_ms: int, limit: int, name: str, allowed: int) -> None:
    known = {"warmings": {NUMBER_ID: Warming(NOW_MS, day, Ramp(400))}, "limit": limit}

    [tally] = tallies_of(make_case(), standing_of(warm_up={"scopes": ["number"]}, **known), now_ms)

    assert (tally.name, tally.limit) == (name, allowed)
    assert tally.objection is not None
    assert (tally.objection.reason, (tally.objection.until_ms or 0) - NOW_MS) == (
        Reason.WARM_UP,
        ((now_ms - NOW_MS) // DAY_MS + 1) * DAY_MS,
    )


def test_a_number_that_has_grown_up_without_a_limit_is_only_counted() -> None:
    known = {"warmings": {NUMBER_ID: Warming(NOW_MS, 12, Ramp(100_000))}, "limit": UNLIMITED}

    [tally] = tallies_of(make_case(), standing_of(warm_up={"scopes": ["number"]}, **known), NOW_MS)

    assert tally.limit == NO_LIMIT


# Money


@pytest.mark.parametrize(
    ("case", "now_ms", "cost", "free_in_window"),
    [
        pytest.param(make_case(digits=INDIAN), LATER_MS, 20_000, False, id="marketing"),
        pytest.param(make_case(digits=INDIAN, category=Category.UTILITY), LATER_MS, 3_000, False, id="utility"),
        pytest.param(make_case(digits=INDIAN, category=Category.UTILITY), NOW_MS + 730 * DAY_MS, 3_000, True,
                     id="utility while it was free in a window"),
        pytest.param(make_service_case(digits=INDIAN), LATER_MS, 3_500, False, id="a free-form message"),
        pytest.param(make_service_case(digits=INDIAN), NOW_MS + 730 * DAY_MS, 0, True, id="while it was free"),
        pytest.param(make_case(digits="4915112345678"), LATER_MS, 60_000, False, id="no market of the card's"),
        pytest.param(make_case(), LATER_MS, 60_000, False, id="a recipient whose number is hidden"),
        pytest.param(make_case(digits=INDIAN), NOW_MS, 0, True, id="before messages had a price"),
    ],
)  # fmt: skip
def test_what_is_reserved(case: Case, now_ms: int, cost: int, free_in_window: bool) -> None:
    [tally] = tallies_of(case, standing_of(budget=budget()), now_ms)

    assert (tally.cost, tally.free_in_window) == (cost, free_in_window)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({}, f"spend:USD:waba:{WABA}:month:{MONTH_MS}", id="a month of an account"),
        pytest.param({"per": "portfolio"}, f"spend:USD:portfolio:{PORTFOLIO}:month:{MONTH_MS}", id="of a portfolio"),
        pytest.param({"period": "day"}, f"spend:USD:waba:{WABA}:day:{LATER_MS}", id="a day"),
        pytest.param({"period": "day", "zone": "Asia/Kolkata"}, f"spend:USD:waba:{WABA}:day:{LATER_MS - 19_800_000}",
                     id="a day elsewhere"),
        pytest.param({"amount": None, "wallet": True}, f"spend:USD:wallet:{WABA}", id="a wallet"),
    ],
)  # fmt: skip
def test_of_what_it_is_spent(changes: dict[str, Any], name: str) -> None:
    assert names(make_case(), standing_of(budget=budget(**changes)), LATER_MS) == [name]


def test_a_wallet_holds_what_was_paid_in() -> None:
    rules = budget(wallet=True)

    empty, full = (
        tallies_of(make_case(digits=INDIAN), standing_of(budget=rules, wallets=wallets), LATER_MS)
        for wallets in ({}, {WABA: 5_000_000})
    )

    assert [tally.limit for tally in empty] == [10_000_000, 0]
    assert [tally.limit for tally in full] == [10_000_000, 5_000_000]
    assert [tally.expires_at_ms > 0 for tally in full] == [True, False]


def test_what_is_not_stopped_is_counted() -> None:
    standing = standing_of(budget=budget(categories=["marketing"], wallet=True))

    assert {tally.limit for tally in tallies_of(make_service_case(digits=INDIAN), standing, LATER_MS)} == {NO_LIMIT}
    assert NO_LIMIT not in {tally.limit for tally in tallies_of(make_case(digits=INDIAN), standing, LATER_MS)}


def test_included_conversations_cover_replies_only() -> None:
    standing = standing_of(budget=budget(included_conversations=1_000))

    free, paid = tallies_of(make_service_case(digits=INDIAN), standing, LATER_MS)
    assert (free.name, free.covers, free.cost, free.limit) == (f"included:{NUMBER}:{MONTH_MS}", True, 1, 1_000)
    assert (paid.covers, paid.cost) == (False, 3_500)
    assert len(names(make_case(), standing, LATER_MS)) == 1
    assert len(names(make_service_case(), standing, NOW_MS + 730 * DAY_MS)) == 1


def test_in_shadow_nothing_is_enforced() -> None:
    standing = standing_of(warm_up={"mode": "shadow"}, budget=budget(mode="shadow", wallet=True))

    tallies = tallies_of(make_case(), standing, LATER_MS)

    assert len(tallies) == 4
    assert not any(tally.enforced for tally in tallies)
    assert all(tally.limit != NO_LIMIT for tally in tallies)


@pytest.mark.parametrize(
    ("pricing", "micros"),
    [
        pytest.param(None, -1, id="a status without a price"),
        pytest.param(Pricing(None, "PMP", "regular", "marketing"), 20_000, id="what Meta charges"),
        pytest.param(Pricing(None, "PMP", "regular", "utility"), 3_000, id="in another category than it was sent in"),
        pytest.param(Pricing(None, "PMP", "free_customer_service", "service"), 0, id="what is free"),
        pytest.param(Pricing(None, "PMP", "regular", "something_new"), -1, id="a category that nobody knows"),
        pytest.param(Pricing(None, "PMP", "something_new", "marketing"), -1, id="a type that nobody knows"),
    ],
)
def test_what_a_status_bills(pricing: Pricing | None, micros: int) -> None:
    rule = make_rules(budget=budget()).budget

    assert billed_micros(rule, INDIAN, pricing, LATER_MS) == micros
    assert billed_micros(None, INDIAN, pricing, LATER_MS) == -1
    assert billed_micros(make_rules(budget=budget(mode="off")).budget, INDIAN, pricing, LATER_MS) == -1


# What has no room


OBJECTION = make_objection()


def tally(cost: int = 1, limit: int = 5, **changes: Any) -> Tally:
    values: dict[str, Any] = {
        "name": "warm:number:1:0",
        "only_new": False,
        "expires_at_ms": 0,
        "objection": OBJECTION,
    } | changes
    return Tally(cost=cost, limit=limit, **values)


@pytest.mark.parametrize(
    ("tallies", "stood", "facts", "lacks"),
    [
        pytest.param([tally()], [4], {}, [0][:0], id="the last one"),
        pytest.param([tally()], [5], {}, [0], id="one too many"),
        pytest.param([tally(2)], [4], {}, [0], id="one that costs more than is left"),
        pytest.param([tally(0)], [9], {}, [], id="one that is free"),
        pytest.param([tally(limit=NO_LIMIT)], [9], {}, [], id="no limit"),
        pytest.param([tally(enforced=False)], [5], {}, [0], id="what nobody enforces is told"),
        pytest.param([tally(only_new=True)], [5], {}, [0], id="a new recipient"),
        pytest.param([tally(only_new=True)], [5], {"counted": True}, [], id="a recipient who counts already"),
        pytest.param([tally(only_new=True)], [5], {"window_ends_ms": NOW_MS + 1}, [], id="a recipient in a window"),
        pytest.param([tally(free_in_window=True)], [5], {}, [0], id="outside a window"),
        pytest.param([tally(free_in_window=True)], [5], {"window_ends_ms": NOW_MS + 1}, [], id="free in a window"),
        pytest.param([tally(covers=True), tally()], [4, 5], {}, [], id="what is included covers it"),
        pytest.param([tally(covers=True), tally()], [5, 5], {}, [1], id="nothing is included any more"),
        pytest.param([tally(), tally(covers=True)], [5, 0], {}, [0], id="it covers what comes after it"),
        pytest.param([tally(), tally(), tally()], [5, 4, 5], {}, [0, 2], id="two of three"),
    ],
)
def test_what_has_no_room(tallies: list[Tally], stood: list[int], facts: dict[str, Any], lacks: list[int]) -> None:
    terms = make_terms(tallies=tuple(tallies))

    found = list(lacking(terms, make_facts(tallied=tuple(stood), **facts)))

    assert found == [tallies[n] for n in lacks]
