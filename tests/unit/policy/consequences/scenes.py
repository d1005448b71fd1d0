"""A small world for consequences: one account with all kinds of sends, and what of them goes after a signal."""

from __future__ import annotations

from collections.abc import Iterable

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, TEMPLATE, WABA, make_case, make_service_case, user
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Breaker, State, covers, objection, reclassifies, share_at, state_at, step
from tidegate.policy.consequences.effect import Effect
from tidegate.policy.consequences.rulebook import Consequences
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.facts import Case
from tidegate.policy.reach import Subject

USER = user(1)
SUBJECT = Subject(PORTFOLIO, WABA, NUMBER, TEMPLATE, Category.MARKETING, USER)
BY_DEFAULT = Consequences()

#: Sends to `USER`, but for the last ones, which are as far from it as the name says.
SENDS: dict[str, tuple[Case, bytes]] = {
    "reply": (make_service_case(), USER),
    "authentication": (make_case(category=Category.AUTHENTICATION, template=("code", "en")), USER),
    "utility": (make_case(category=Category.UTILITY, template=("order", "en")), USER),
    "direct_send": (make_case(category=Category.UTILITY, template=None), USER),
    "marketing": (make_case(template=("news", "en")), USER),
    "same_template": (make_case(template=TEMPLATE), USER),
    "other_user": (make_case(template=("news", "en")), user(2)),
    "other_number": (make_case(number="1", template=("news", "en")), user(2)),
    "other_waba": (make_case(waba="2", number="3", template=("news", "en")), user(2)),
}


def signal(name: str, at_ms: int = NOW_MS, source: Source = Source.WEBHOOK, until_ms: int | None = None) -> Signal:
    return Signal(name, SUBJECT, at_ms, source, until_ms)


def counted(consequences: Consequences, told: Signal) -> dict[str, int]:
    """Counts at which every threshold is reached."""
    return {counter.key: 1_000 for counter in consequences.counters(told)}


def effects_of(told: Signal, consequences: Consequences = BY_DEFAULT) -> tuple[Effect, ...]:
    """All effects of a signal that has come often enough."""
    return consequences.of(told, counted(consequences, told))


def breakers_after(
    signals: Iterable[Signal], now_ms: int, before: dict[str, Breaker] | None = None
) -> dict[str, Breaker]:
    """The breakers after signals that arrive at `now_ms`."""
    breakers = dict(before or {})
    for told in signals:
        for effect in effects_of(told):
            event = effect.event()
            moved = None if event is None else step(breakers.get(effect.breaker_id), event, now_ms)
            if moved is not None:
                breakers[effect.breaker_id] = moved
    return breakers


def stopped(breakers: dict[str, Breaker], now_ms: int = NOW_MS) -> set[str]:
    """The sends that may not go."""
    return {
        name
        for name, (case, recipient) in SENDS.items()
        if any(covers(b, case, recipient) and objection(b, now_ms) for b in breakers.values())
    }


def slowed(breakers: dict[str, Breaker], now_ms: int = NOW_MS) -> set[str]:
    """The sends that go at a share of the pace."""
    return {
        name
        for name, (case, recipient) in SENDS.items()
        if any(covers(b, case, recipient) and share_at(b, now_ms) < 1 for b in breakers.values())
    }


def reclassified(breakers: dict[str, Breaker], now_ms: int = NOW_MS) -> set[str]:
    return {name for name, (case, _) in SENDS.items() if any(reclassifies(b, case, now_ms) for b in breakers.values())}


def states(breakers: dict[str, Breaker], now_ms: int) -> set[State]:
    """The states of all breakers at a time."""
    return {state_at(breaker, now_ms) for breaker in breakers.values()}
