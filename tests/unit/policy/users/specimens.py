"""Users' breakers for tests, opened by the default rules."""

from __future__ import annotations

from tests.factories import NOW_MS, NUMBER, PORTFOLIO
from tests.factories import user as recipient
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Breaker, step
from tidegate.policy.consequences.rulebook import Consequences
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Subject

ANN = recipient(1)


def opened_by(code: int, at_ms: int = NOW_MS, *, times: int = 1, whom: bytes = ANN, number: str = NUMBER) -> Breaker:
    """The breaker of this user's that an error code opens by the default rules, when it comes so often."""
    consequences = Consequences()
    subject = Subject(PORTFOLIO, number=number, category=Category.MARKETING, recipient=whom)
    signal = Signal(f"error.{code}", subject, at_ms, Source.STATUS)
    counts = {counter.key: times for counter in consequences.counters(signal)}
    [effect] = [effect for effect in consequences.of(signal, counts) if effect.scope.value in ("recipient", "pair")]
    event = effect.event()
    assert event is not None
    breaker = step(None, event, at_ms)
    assert breaker is not None
    return breaker
