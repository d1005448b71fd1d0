"""What would make a campaign faster: the same plan, with one thing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.policy.climb import climb
from tidegate.policy.plan.cohort import Cohort, Sender
from tidegate.policy.plan.forecast import Forecast
from tidegate.policy.plan.itinerary import HORIZON_MS, Itinerary, Leg, Situation
from tidegate.policy.standing import NumberStanding
from tidegate.policy.verdict import Reason

_OF_PLACES: Final = (Reason.MESSAGING_LIMIT.value, Reason.CATEGORY_RESERVE.value)
_ANOTHER: Final = "another"


@dataclass(frozen=True, slots=True)
class Variation:
    """The same plan with one thing changed; `change` is its word, `detail` a sentence."""

    change: str
    detail: str
    situation: Situation
    itinerary: Itinerary
    cohorts: tuple[Cohort, ...]


def variations(
    situation: Situation, itinerary: Itinerary, cohorts: Sequence[Cohort], forecast: Forecast
) -> Iterator[Variation]:
    """What is worth a try, by what the campaign waits for; the same things change nothing where it waits for others."""
    same = Variation("", "", situation, itinerary, tuple(cohorts))
    yield from _later_deadline(same, forecast)
    yield from _higher_limit(same, forecast)
    yield from _no_gates(same)
    yield from _another_number(same, forecast)


def _later_deadline(same: Variation, forecast: Forecast) -> Iterator[Variation]:
    now_ms = same.situation.now_ms
    later_ms = max(now_ms, same.itinerary.start_ms) + HORIZON_MS
    if forecast.unsent and same.itinerary.deadline_ms < later_ms:
        cohorts = tuple(c if c.step is None else replace(c, expires_at_ms=later_ms) for c in same.cohorts)
        itinerary = replace(same.itinerary, deadline_ms=later_ms)
        detail = "a deadline that is late enough"
        yield replace(same, change="deadline", detail=detail, itinerary=itinerary, cohorts=cohorts)


def _higher_limit(same: Variation, forecast: Forecast) -> Iterator[Variation]:
    standing = same.situation.standing
    way = climb(standing.limit, ())
    if way is not None and any(forecast.waited_ms.get(reason) for reason in _OF_PLACES):
        limit = "no messaging limit" if way.next_limit == UNLIMITED else f"a messaging limit of {way.next_limit:,}"
        situation = replace(same.situation, standing=replace(standing, limit=way.next_limit))
        yield replace(same, change="messaging_limit", detail=f"{limit}, the next one", situation=situation)


def _no_gates(same: Variation) -> Iterator[Variation]:
    # After its last step a campaign waits for nothing.
    if any(leg.soak_ms for leg in same.itinerary.legs[:-1]):
        itinerary = replace(same.itinerary, legs=tuple(Leg(leg.name) for leg in same.itinerary.legs))
        yield replace(same, change="gates", detail="steps that do not wait for their gates", itinerary=itinerary)


def _another_number(same: Variation, forecast: Forecast) -> Iterator[Variation]:
    waited_ms = forecast.waited_ms
    senders = [sender for cohort in same.cohorts for sender in cohort.senders]
    if not senders or 2 * waited_ms.get(Reason.THROUGHPUT.value, 0) < sum(waited_ms.values()):
        return
    standing, like = same.situation.standing, senders[0]
    number = NumberStanding(_ANOTHER, throughput=standing.number(like.number).throughput)
    situation = replace(same.situation, standing=replace(standing, numbers={**standing.numbers, _ANOTHER: number}))
    cohorts = tuple(
        c if c.step is None else replace(c, senders=(*c.senders, Sender(like.waba, _ANOTHER))) for c in same.cohorts
    )
    yield replace(same, change="numbers", detail="one more number like the first", situation=situation, cohorts=cohorts)


def patient(itinerary: Itinerary, waits_ms: Sequence[int]) -> Itinerary | None:
    """The itinerary where every gate stays unsure for as long as it may; None where that is no different."""
    legs = tuple(replace(leg, soak_ms=wait_ms) for leg, wait_ms in zip(itinerary.legs, waits_ms, strict=True))
    return None if legs[:-1] == itinerary.legs[:-1] else replace(itinerary, legs=legs)
