"""What is remembered of a kind of send is what would be decided of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW_MS, NUMBER, make_case, make_rules, make_standing
from tests.unit.policy.breaker.specimens import make_throttle, open_since
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import Category, Quality
from tidegate.gateway.deciding import Deciding
from tidegate.policy.breaker import Board
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.standing import Pause, Standing
from tidegate.policy.users import EMPTY, User, Word
from tidegate.policy.verdict import Queue, Reject
from tidegate.policy.warm_up import Ramp
from tidegate.policy.warming import Warming, number_id

DAY_MS = 86_400_000
BUDGET = {
    "amount": "100",
    "period": "day",
    "rate_card": [{"currency": "USD", "markets": {"far": market("4917"), "near": market("1") | {"utility": "0.09"}}}],
}
#: Begun so that its second day begins in the middle of a second.
WARMING = Warming(NOW_MS - DAY_MS + 500, 0, Ramp(50), Quality.YELLOW)
RULES = (
    make_rules(),
    make_rules(quiet_hours={"from": "21:00", "to": "08:00", "categories": ["marketing", "utility"]}),
    make_rules(warm_up={"start": 50, "scopes": ["number"]}),
    make_rules(budget=BUDGET),
    make_rules(template_health={"mode": "shadow"}, service_window={"mode": "off"}),
)
PAUSE = Pause("p1", "number", NUMBER, "wrong price", NOW_MS, None, "ops")
STANDINGS = [
    # Where nothing has begun to warm up yet, a send begins it when it goes: no two of them at the same time.
    *(make_standing(rules=rules) for rules in RULES if rules.warm_up is None),
    make_standing(epoch=1, pauses=(PAUSE,)),
    make_standing(epoch=2, held_until_ms=NOW_MS + 500),
    make_standing(epoch=3, limit=250),
    make_standing(epoch=4, rules=RULES[2], warmings={number_id(NUMBER): WARMING}),
    make_standing(epoch=5, breakers=Board([open_since(NOW_MS - 300, make_throttle(value=NUMBER))])),
]
#: A send, and what may be otherwise about the next one: so that most have much in common.
FIRST = {"category": Category.UTILITY, "zones": ("Europe/Berlin",), "digits": "4917612345678"}
OTHERWISE = st.sampled_from(
    [
        {},
        *({"category": category} for category in (*Category, None)),
        {"number": "102"},
        {"template": ("news", "en")},
        {"waba": "2"},
        {"zones": ("Asia/Tokyo",)},
        {"zones": ()},
        {"campaign": "spring"},
        {"app": "checkout"},
        {"digits": "16505551234"},
        {"digits": "3312345678"},
        {"to_group": True},
        {"queued": True},
        {"not_before_ms": NOW_MS + 700},
        {"expires_at_ms": NOW_MS + 900},
    ]
)
CASES = st.lists(OTHERWISE, max_size=2).map(
    lambda changes: make_case(**FIRST | dict(kv for c in changes for kv in c.items()))
)
WITHIN_MS = st.sampled_from([0, 1, 300, 499, 500, 501, 699, 700, 899, 999])
#: Now, and where nights and days begin or end in one of the zones.
BEGINNINGS = st.sampled_from([0, 1_000, -1_000, *(hour * 3_600_000 - NOW_MS % 3_600_000 for hour in range(25))])


@settings(max_examples=500)
@given(
    standings=st.lists(st.sampled_from(STANDINGS), min_size=1, max_size=2),
    begins_ms=BEGINNINGS,
    sends=st.lists(st.tuples(CASES, WITHIN_MS), min_size=2, max_size=20),
)
def test_it_decides_as_the_policy_does_whatever_it_remembers(
    standings: list[Standing], begins_ms: int, sends: list[tuple[Case, int]]
) -> None:
    deciding = Deciding()

    for turn, (case, within_ms) in enumerate(sends):
        standing, now_ms = standings[turn % len(standings)], NOW_MS + begins_ms + within_ms
        assert deciding.decide(case, standing, now_ms, EMPTY) == decide(case, standing, standing.rules, now_ms, EMPTY)


def test_the_second_of_a_kind_costs_no_decision() -> None:
    deciding, standing = Deciding(), make_standing()

    first = deciding.decide(make_case(recipient=b"a" * 16), standing, NOW_MS, EMPTY)

    assert deciding.decide(make_case(recipient=b"b" * 16), standing, NOW_MS, EMPTY) is first


def as_it_is(standing: Standing) -> Standing:
    return standing


def paused(standing: Standing) -> Standing:
    return replace(standing, epoch=1, pauses=(PAUSE,))


@pytest.mark.parametrize(
    ("changed", "user", "verdict"),
    [
        pytest.param(paused, EMPTY, Queue, id="the standing is another one"),
        pytest.param(
            as_it_is,
            replace(EMPTY, version=1, consents={"marketing": Word(False, NOW_MS, "webhook")}),
            Reject,
            id="something is known of the recipient",
        ),
        pytest.param(as_it_is, EMPTY, Terms, id="nothing changed"),
    ],
)
def test_a_yes_is_not_taken_for_another_question(
    changed: Callable[[Standing], Standing], user: User, verdict: type
) -> None:
    deciding, standing = Deciding(), make_standing()
    deciding.decide(make_case(), standing, NOW_MS, EMPTY)

    assert isinstance(deciding.decide(make_case(), changed(standing), NOW_MS, user), verdict)
