"""Upgrade readiness: what is missing for the next messaging limit, and how to spread sends to get it.

Sources: Meta, "Messaging limits": within 6 hours once half of the limit was used in the last 7 days by high-quality
messages across all numbers and templates; from 250: 2,000 users in 30 days with high-quality templates, or a
verification of the business, which nobody can send for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality
from tidegate.policy.breaker import State, state_at
from tidegate.policy.capacity import category_places
from tidegate.policy.climb import Climb, climb
from tidegate.policy.standing import Standing

#: Meta decides within this time once its criteria are met.
DECIDED_WITHIN_MS: Final = 6 * 3_600_000


class Obstacle(StrEnum):
    """What keeps a portfolio's quality from being high everywhere."""

    NUMBER_QUALITY = "number_quality"
    NUMBER_STATUS = "number_status"
    TEMPLATE_QUALITY = "template_quality"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Found:
    """One obstacle: of what (a number, `name/language` of a template, a breaker's id), and what is wrong with it.

    `known`: whether it is so, or nothing is known that says otherwise.
    """

    kind: Obstacle
    of: str
    detail: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Spread:
    """One way to get there: so many recipients on each of the next `days`; `fits`: within what marketing may fill."""

    days: int
    recipients_a_day: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """How a portfolio stands on its way to the next limit; `way` is None at the top of the ladder.

    `used_by_day`: unique recipients of each of the last days, the oldest first, today last; None: nobody counted.
    `good_templates`: whose quality is rated high. `shares`: of each number, by its pace.
    """

    way: Climb | None
    used_by_day: tuple[int | None, ...]
    obstacles: tuple[Found, ...]
    spreads: tuple[Spread, ...]
    good_templates: tuple[str, ...]
    shares: tuple[tuple[str, float], ...]

    @property
    def missing(self) -> int:
        """Recipients that are missing if Meta means all days together."""
        return 0 if self.way is None else max(0, self.way.needed - self.way.together)

    @property
    def quality_is_high(self) -> bool:
        """Whether nothing that is known speaks against it."""
        return not any(found.known for found in self.obstacles)


def readiness(standing: Standing, used_by_day: Sequence[int | None], now_ms: int) -> Readiness:
    """What is missing. `used_by_day`: the oldest day first, the last 24 hours last."""
    used = [count or 0 for count in used_by_day]
    way = climb(standing.limit, used)
    days = len(used_by_day) if way is None else way.days
    good = sorted(f"{t.name}/{t.language}" for t in standing.templates.values() if t.quality is Quality.GREEN)
    return Readiness(
        way=way,
        used_by_day=tuple(used_by_day[-days:]),
        obstacles=tuple(_obstacles(standing, now_ms)),
        spreads=() if way is None else tuple(_spreads(way, used, standing)),
        good_templates=tuple(good),
        shares=tuple(_shares(standing)),
    )


def _obstacles(standing: Standing, now_ms: int) -> Iterator[Found]:
    for number in standing.numbers.values():
        if number.quality is not Quality.GREEN:
            known = number.quality is not Quality.UNKNOWN
            yield Found(Obstacle.NUMBER_QUALITY, number.number, f"its quality is {number.quality.value}", known)
        if number.status is not NumberStatus.CONNECTED:
            known = number.status is not NumberStatus.UNKNOWN
            yield Found(Obstacle.NUMBER_STATUS, number.number, f"its status is {number.status.value}", known)
    for template in standing.templates.values():
        if template.quality in (Quality.YELLOW, Quality.RED):
            of = f"{template.name}/{template.language}"
            yield Found(Obstacle.TEMPLATE_QUALITY, of, f"its quality is {template.quality.value}")
    for breaker in standing.breakers:
        if state_at(breaker, now_ms) is not State.CLOSED and standing.rules.consequences.mode(breaker) == "enforce":
            yield Found(Obstacle.BREAKER, breaker.id, f"{breaker.action.value} after {breaker.cause}")


def _spreads(way: Climb, used: Sequence[int], standing: Standing) -> Iterator[Spread]:
    """For each number of days how many a day bring together what is needed, with what still counts of the past."""
    most = category_places(standing.limit, Category.MARKETING, standing.rules)
    for days in range(1, way.days + 1):
        # By then the oldest days no longer count.
        kept = sum(used[-(way.days - days) :]) if days < way.days else 0
        missing = way.needed - kept
        if missing > 0 and not way.done_together:
            a_day = -(-missing // days)
            yield Spread(days, a_day, a_day <= most)


def _shares(standing: Standing) -> Iterator[tuple[str, float]]:
    """How sends are spread over the numbers that are well: by their paces."""
    well = [n for n in standing.numbers.values() if n.quality is not Quality.RED and n.throughput > 0]
    total = sum(number.throughput for number in well)
    for number in well:
        yield number.number, number.throughput / total
