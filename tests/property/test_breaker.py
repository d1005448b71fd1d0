"""Laws of breakers: webhooks that are late, repeated or out of order never make one more permissive."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA, user
from tests.property.bench import examples
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import SKEW_MS, Breaker, Event, Grip, Kind, State, share_at, state_at, step
from tidegate.policy.consequences.rulebook import Consequences
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.consequences.vocabulary import NAMES
from tidegate.policy.reach import Action, Covers, Scope, Subject
from tidegate.policy.verdict import Reason

STRICTNESS = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
SPAN_MS = 10_000
LATER = [0, 1, 2_000, 4_999, 5_000, 9_999, 10_000, 60_000, 10**9]

GRIPS = [
    Grip(
        rule="a_rule",
        scope=Scope.NUMBER,
        value=NUMBER,
        covers=Covers.BUSINESS_INITIATED,
        action=action,
        reason=Reason.NUMBER_STANDING,
        **terms,
    )
    for action, terms in (
        (Action.HOLD, {"for_ms": 4_000, "trickle_ms": 1_000, "probes": 2, "factor": 2, "longest_ms": 60_000}),
        (Action.HOLD, {"for_ms": 4_000}),
        (Action.STOP, {"trickle_ms": 1_000}),
        (Action.STOP, {}),
        (Action.THROTTLE, {"share": 0.5, "for_ms": 4_000}),
        (Action.THROTTLE, {"share": 0.5, "recover_ms": 8_000}),
    )
]

# Meta's times are whole seconds, so that many things happen at once.
AT = st.integers(0, SPAN_MS // 1_000).map(lambda second: NOW_MS + second * 1_000)


@st.composite
def webhooks(draw: st.DrawFn) -> list[Event]:
    """What one rule's webhooks tell, in the order of its happening."""
    grip = draw(st.sampled_from(GRIPS))
    told: list[Event] = []
    for at_ms in sorted(draw(st.lists(AT, min_size=1, max_size=6))):
        if draw(st.booleans()) and told:
            told.append(Event(Kind.WEBHOOK_RELAX, at_ms, "over"))
        else:
            ends = (
                st.none() if grip.recover_ms else st.sampled_from([at_ms + (grip.for_ms or 3_000), None, at_ms + 9_000])
            )
            told.append(Event(Kind.TRIP, at_ms, "bad news", grip, draw(ends)))
    return told


def apply(events: Sequence[tuple[int, Event]]) -> Breaker | None:
    breaker = None
    for now_ms, event in events:
        breaker = step(breaker, event, now_ms)
    return breaker


def assert_at_least_as_strict(strict: Breaker | None, loose: Breaker | None, from_ms: int) -> None:
    for later_ms in LATER:
        at_ms = from_ms + later_ms
        assert STRICTNESS[state_at(strict, at_ms)] >= STRICTNESS[state_at(loose, at_ms)], later_ms
        if strict is not None and loose is not None and state_at(loose, at_ms) is State.OPEN:
            assert share_at(strict, at_ms) <= share_at(loose, at_ms) + 1e-9


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Event], list[tuple[int, Event]]]:
    """Webhooks and reads as they arrive: webhooks late, repeated and swapped, reads when they are made.

    And the webhooks that count: each once, in order, without bad news that a read has proven to be over.
    """
    told = draw(webhooks())
    reads = [Event(Kind.PROOF, at_ms, "read") for at_ms in draw(st.lists(AT, max_size=2))]
    proven_ms = max((read.at_ms - SKEW_MS for read in reads), default=0)
    counting = [event for event in told if event.kind is Kind.WEBHOOK_RELAX or event.at_ms > proven_ms]
    copies = [*told, *draw(st.lists(st.sampled_from(told), max_size=6))]
    late = [(event.at_ms + draw(st.integers(0, 2 * SPAN_MS)), event) for event in copies]
    arrivals = draw(st.permutations([*late, *((read.at_ms, read) for read in reads)]))
    return counting, sorted(arrivals, key=lambda arrival: arrival[0])


@given(deliveries())
@settings(max_examples=examples(500))
def test_late_repeated_and_swapped_webhooks_are_never_more_permissive(
    told: tuple[list[Event], list[tuple[int, Event]]],
) -> None:
    counting, arrivals = told
    in_order = apply([(event.at_ms, event) for event in counting])

    assert_at_least_as_strict(apply(arrivals), in_order, max(now_ms for now_ms, _ in arrivals))


@given(webhooks())
@settings(max_examples=examples(100))
def test_without_good_words_the_order_makes_no_difference_but_to_cuts(told: list[Event]) -> None:
    bad = [event for event in told if event.kind is Kind.TRIP]
    if bad[0].grip is not None and bad[0].grip.recover_ms:
        return
    now_ms = NOW_MS + SPAN_MS
    forwards, backwards = apply([(now_ms, e) for e in bad]), apply([(now_ms, e) for e in reversed(bad)])
    assert forwards is not None
    assert backwards is not None
    assert (forwards.state, forwards.until_ms, forwards.level) == (backwards.state, backwards.until_ms, backwards.level)


@given(webhooks())
@settings(max_examples=examples(200))
def test_a_good_word_by_webhook_alone_never_closes(told: list[Event]) -> None:
    at_ms = NOW_MS + SPAN_MS
    heard = apply([(event.at_ms, event) for event in told])
    unheard = apply([(event.at_ms, event) for event in told if event.kind is Kind.TRIP])
    for later_ms in LATER:
        if state_at(heard, at_ms + later_ms) is State.CLOSED:
            assert state_at(unheard, at_ms + later_ms) is State.CLOSED


SUBJECT = Subject(PORTFOLIO, WABA, NUMBER, ("offer", "en"), Category.MARKETING, user(1))
CONSEQUENCES = Consequences()


def breakers_after(signals: Sequence[Signal], now_ms: int) -> dict[str, Breaker]:
    breakers: dict[str, Breaker] = {}
    for signal in signals:
        counts = {counter.key: 1_000 for counter in CONSEQUENCES.counters(signal)}
        for effect in CONSEQUENCES.of(signal, counts):
            event = effect.event()
            after = None if event is None else step(breakers.get(effect.breaker_id), event, now_ms)
            if after is not None:
                breakers[effect.breaker_id] = after
    return breakers


@given(st.lists(st.tuples(st.sampled_from(sorted(NAMES)), AT), min_size=1, max_size=8))
@settings(max_examples=examples(60))
def test_the_default_rules_obey_the_law(named: list[tuple[str, int]]) -> None:
    now_ms = NOW_MS + SPAN_MS
    signals = [Signal(name, SUBJECT, at_ms, Source.WEBHOOK) for name, at_ms in named]
    in_order = breakers_after(sorted(signals, key=lambda signal: signal.at_ms), now_ms)
    swapped = breakers_after([*reversed(signals), *signals], now_ms)

    assert set(in_order) <= set(swapped)
    for breaker_id, loose in in_order.items():
        assert_at_least_as_strict(swapped[breaker_id], loose, now_ms)
