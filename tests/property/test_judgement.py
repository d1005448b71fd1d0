"""Laws of the judgement: it says Send exactly when the ledger took the place, and more strictness never says yes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.factories import DAY_MS, NOW_MS, make_ask, make_inbound, make_ledger, make_standing, user
from tests.property.bench import Bench, examples
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy import decide as judgement
from tidegate.policy.decide import judge, terms_of
from tidegate.policy.facts import Case, Facts
from tidegate.policy.guardrails import COUNTED, CountedGuardrail
from tidegate.policy.rules import Mode, Rules
from tidegate.policy.standing import NumberStanding, Standing
from tidegate.policy.verdict import Queue, Reject, Send, Wait

COUNTED_NAMES = ["service_window", "messaging_limit", "category_reserve", "pair_rate", "throughput"]
NUMBERS = ("101", "102")

MODES = st.dictionaries(
    st.sampled_from(COUNTED_NAMES), st.sampled_from([{"mode": mode.value} for mode in Mode]), max_size=4
)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.3])


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    reserve = {category.value: draw(SHARES) for category in (Category.AUTHENTICATION, Category.UTILITY)}
    tables = draw(MODES) | {
        "headroom": draw(SHARES),
        "reserve": reserve,
        "window_margin": draw(st.sampled_from(["0s", "10s", "1h"])),
        "late_delivery_hold": draw(st.booleans()),
    }
    return Rules.model_validate(tables)


CASES = st.builds(
    dict,
    portfolio=st.just("p"),
    waba=st.just("w"),
    number=st.sampled_from(NUMBERS),
    category=st.sampled_from([*Category, None]),
    template=st.none(),
    hold=st.booleans(),
    expires_at_ms=st.just(NOW_MS * 2),
    pacing_wait_ms=st.sampled_from([0, 2_000, 10_000]),
    to_group=st.sampled_from([False, False, False, True]),
).map(lambda given: Case(**given))
LIMITS = st.sampled_from([UNLIMITED, 1, 2, 3, 5, 10])


def standing_of(limit: int, throughput: int = 80, prepaid: int = 0) -> Standing:
    numbers = {number: NumberStanding(number, throughput=throughput) for number in NUMBERS}
    return make_standing(limit=limit, numbers=numbers, prepaid=prepaid)


STANDINGS = st.builds(standing_of, LIMITS, st.sampled_from([0, 1, 80, 1_000]), st.sampled_from([0, 0, 1, 3, 20]))
FACTS = st.builds(
    dict,
    now_ms=st.just(NOW_MS),
    epoch=st.just(0),
    taken=st.booleans(),
    window_ends_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1, NOW_MS + 10_000, NOW_MS + 10_001, NOW_MS + DAY_MS]),
    counted=st.booleans(),
    used=st.integers(0, 12),
    pair_at_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1, NOW_MS + 5_000, NOW_MS + 60_000]),
    throughput_at_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1, NOW_MS + 5_000]),
    place_at_ms=st.sampled_from([None, NOW_MS + 5_000, NOW_MS + DAY_MS]),
).map(lambda given: Facts(**given))


@dataclass(frozen=True)
class Asked:
    """One send, after a time, under rules and a limit of its own; before it a user may have written."""

    after_ms: int
    recipient: int
    case: Case
    rules: Rules
    standing: Standing
    wrote_ago_ms: int | None


ASKED = st.builds(
    Asked,
    after_ms=st.sampled_from([0, 0, 0, 1, 12, 13, 1_000, 6_000, DAY_MS - 1, DAY_MS]),
    recipient=st.integers(0, 3),
    case=CASES,
    rules=all_rules(),
    standing=STANDINGS,
    wrote_ago_ms=st.sampled_from([None, None, None, 0, DAY_MS - 600_000, DAY_MS]),
)


def test_send_is_said_exactly_when_the_ledger_took_it(bench: Bench) -> None:
    @given(story=st.lists(ASKED, min_size=5, max_size=25))
    @settings(max_examples=bench.examples(60), suppress_health_check=list(HealthCheck))
    def law(story: list[Asked]) -> None:
        now_ms, ledger = NOW_MS, make_ledger(bench.client)
        bench.run(bench.begin(now_ms))
        for i, one in enumerate(story):
            now_ms += one.after_ms
            bench.run(bench.set_clock(now_ms))
            if one.wrote_ago_ms is not None:
                inbound = make_inbound(user(one.recipient), now_ms - one.wrote_ago_ms, one.case.number)
                bench.run(ledger.open_window(inbound))
            terms = terms_of(one.case, one.standing, one.rules)
            ask = make_ask(f"m{i}", user(one.recipient), number=one.case.number, terms=terms)

            foreseen = bench.run(ledger.admit(replace(ask, dry_run=True)))
            facts = bench.run(ledger.admit(ask))

            judged = judge(one.case, terms, facts, one.rules)
            assert isinstance(judged, Send) == facts.taken
            assert foreseen.taken == facts.taken
            assert type(judge(one.case, terms, foreseen, one.rules)) is type(judged)

    law()


@given(case=CASES, standing=STANDINGS, facts=FACTS, rules=all_rules(), order=st.permutations(COUNTED))
@settings(max_examples=examples(200))
def test_the_order_of_the_guardrails_does_not_change_the_kind_of_verdict(
    case: Case, standing: Standing, facts: Facts, rules: Rules, order: list[CountedGuardrail]
) -> None:
    terms = terms_of(case, standing, rules)
    judged = judge(case, terms, facts, rules)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judgement, "COUNTED", tuple(order))
        assert type(judge(case, terms, facts, rules)) is type(judged)


STRICTER_MODE = {Mode.OFF: Mode.SHADOW, Mode.SHADOW: Mode.ENFORCE, Mode.ENFORCE: Mode.ENFORCE}


def _tightenings(rules: Rules) -> list[Rules]:
    """Rules that ask for a little more, in one thing each."""
    written = rules.written()
    tightened = []
    for name in COUNTED_NAMES:
        tightened.append(written | {name: {"mode": STRICTER_MODE[rules.mode(name)].value}})
    tightened.append(written | {"headroom": rules.headroom + 0.1})
    for category in (Category.AUTHENTICATION, Category.UTILITY):
        reserve = written["reserve"] | {category.value: rules.reserve.of(category) + 0.1}
        tightened.append(written | {"reserve": reserve})
    tightened.append(written | {"window_margin": rules.window_margin_ms // 1000 + 60})
    return [Rules.model_validate(tables) for tables in tightened if _valid(tables)]


def _valid(tables: dict[str, object]) -> bool:
    reserve = tables["reserve"]
    assert isinstance(reserve, dict)
    return float(str(tables["headroom"])) + sum(reserve.values()) < 1


@given(case=CASES, standing=STANDINGS, facts=FACTS, rules=all_rules())
@settings(max_examples=examples(200))
def test_stricter_rules_never_turn_a_no_into_a_yes(case: Case, standing: Standing, facts: Facts, rules: Rules) -> None:
    assume(not isinstance(judge(case, terms_of(case, standing, rules), facts, rules), Send))

    for stricter in _tightenings(rules):
        judged = judge(case, terms_of(case, standing, stricter), facts, stricter)
        assert isinstance(judged, Wait | Queue | Reject)


@given(case=CASES, standing=STANDINGS, facts=FACTS, rules=all_rules(), more=st.integers(1, 5))
@settings(max_examples=examples(200))
def test_a_fuller_book_never_opens_the_gate(
    case: Case, standing: Standing, facts: Facts, rules: Rules, more: int
) -> None:
    terms = terms_of(case, standing, rules)
    assume(not isinstance(judge(case, terms, facts, rules), Send))

    for worse in (
        replace(facts, used=facts.used + more),
        replace(facts, counted=False),
        replace(facts, window_ends_ms=0),
        replace(facts, pair_at_ms=facts.pair_at_ms + more),
        replace(facts, throughput_at_ms=facts.throughput_at_ms + more),
    ):
        assert not isinstance(judge(case, terms, worse, rules), Send)


@given(case=CASES, facts=FACTS, rules=all_rules(), limit=st.integers(1, 12), prepaid=st.integers(0, 5))
@settings(max_examples=examples(200))
def test_a_place_that_is_leased_never_opens_the_gate(
    case: Case, facts: Facts, rules: Rules, limit: int, prepaid: int
) -> None:
    none, some = standing_of(limit), standing_of(limit, prepaid=prepaid)
    assume(not isinstance(judge(case, terms_of(case, none, rules), facts, rules), Send))

    assert not isinstance(judge(case, terms_of(case, some, rules), facts, rules), Send)


@given(case=CASES, facts=FACTS, rules=all_rules(), limit=st.integers(1, 12), less=st.integers(1, 5))
@settings(max_examples=examples(200))
def test_a_lower_limit_never_opens_the_gate(case: Case, facts: Facts, rules: Rules, limit: int, less: int) -> None:
    low, high = standing_of(max(1, limit - less)), standing_of(limit)
    assume(not isinstance(judge(case, terms_of(case, high, rules), facts, rules), Send))

    assert not isinstance(judge(case, terms_of(case, low, rules), facts, rules), Send)
