"""An audience as cohorts: recipients who differ in nothing that a guardrail looks at are told apart no further."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import DAY_MS
from tidegate.policy.grant import Grant
from tidegate.policy.guardrails import USER
from tidegate.policy.night import night_begins_ms, night_ends_ms
from tidegate.policy.plan.cohort import Cohort, Sender
from tidegate.policy.plan.itinerary import HORIZON_MS
from tidegate.policy.rate_card import RateCard
from tidegate.policy.rules import Mode, Rules
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.zones import calling_code, candidate_zones, country_zones, zones_of

_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000
#: Guardrails that look at the clock where the user is; zones tell them what they have to know.
_OF_THE_CLOCK: Final = frozenset({"quiet_hours", "campaign_hours"})

_Trait = tuple[tuple[tuple[str, bool, int], ...], int, int]


class Part(NamedTuple):
    """The part of a campaign that a recipient belongs to: step and variant, each counted from 0."""

    step: int
    variant: int


class Place(NamedTuple):
    """Where recipients live: the zones that they may be in, the first digits of their numbers, their market."""

    zones: tuple[str, ...]
    digits: str
    market: str | None


class Known(NamedTuple):
    """What the store knows of one recipient: the record, and until when a place is held and a window open (ms)."""

    user: User = EMPTY
    counted_until_ms: int = 0
    window_ends_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mold:
    """What all cohorts of a campaign have in common; `templates` by variant, with its name."""

    standing: Standing
    campaign: str
    category: Category
    senders: tuple[Sender, ...]
    templates: Sequence[tuple[str, tuple[str, str]]]
    now_ms: int
    expires_at_ms: int
    nights: tuple[tuple[int, int], ...] = ()
    """Quiet hours that are enforced: from and to, in minutes of the day."""
    card: RateCard | None = None
    grant: Grant | None = None


class Crowd:
    """Counts recipients as they come, and makes cohorts of them."""

    def __init__(self, mold: Mold) -> None:
        self._mold = mold
        self._counts: Counter[tuple[Part, Place]] = Counter()
        self._known: list[tuple[Part, Place, Known]] = []
        self._markets = {id(market): name for name, market in mold.card.markets.items()} if mold.card else {}
        self.recipients = 0

    def add(self, to: str, part: Part) -> None:
        """One recipient: the digits of a phone number, or a business-scoped user id."""
        self._counts[part, self.place(to)] += 1
        self.recipients += 1

    def add_many(self, place: Place, part: Part, count: int) -> None:
        """So many recipients of whom no more is known than where they live."""
        if count:
            self._counts[part, place] += count
            self.recipients += count

    def know(self, to: str, part: Part, known: Known) -> None:
        """What is known of one of those who were added."""
        if known != Known():
            self._known.append((part, self.place(to), known))

    def place(self, to: str) -> Place:
        """Where a recipient lives."""
        if to.isdigit():
            return Place(candidate_zones(to), *self._priced(to))
        return Place(country_zones(to.partition(".")[0]), "", None)

    def place_of_zone(self, zone: str) -> Place:
        """Where somebody lives of whom the zone is known, and nothing else."""
        return Place((zone,), *self._priced(calling_code(zone)))

    def _priced(self, digits: str) -> tuple[str, str | None]:
        if self._mold.card is None:
            return "", None
        market = self._mold.card.market(digits)
        return ("", None) if market is None else (market.prefixes[0].strip("*") or "", self._markets[id(market)])

    def cohorts(self, weight: float = 1.0) -> list[Cohort]:
        """The cohorts; each recipient of whom something is known stands for `weight` of the same part and place."""
        same = _SameNights(self._mold)
        sizes: Counter[tuple[Part, Place]] = Counter()
        for (part, place), count in self._counts.items():
            sizes[part, same.place(place)] += count
        moves: Counter[tuple[Part, Place, Place, _Trait]] = Counter()
        first: dict[_Trait, Known] = {}
        for part, place, known in self._known:
            lives = place if known.user.zone is None else place._replace(zones=zones_of(known.user.zone, place.zones))
            trait = self._trait(known)
            first.setdefault(trait, known)
            # Whoever is known to live elsewhere is taken from those who were thought to live here.
            moves[part, same.place(place), same.place(lives), trait] += 1
        special = []
        for (part, here, there, trait), count in moves.items():
            moved = min(sizes[part, here], round(count * weight))
            sizes[part, here] -= moved
            special.append(self._cohort(part, there, moved, first[trait]))
        plain = [self._cohort(part, place, count, Known()) for (part, place), count in sorted(sizes.items(), key=str)]
        return [cohort for cohort in (*plain, *special) if cohort.recipients]

    def _cohort(self, part: Part, place: Place, count: int, known: Known) -> Cohort:
        mold = self._mold
        variant, template = mold.templates[part.variant]
        return Cohort(
            recipients=count,
            category=mold.category,
            template=template,
            senders=mold.senders,
            expires_at_ms=mold.expires_at_ms,
            step=part.step,
            variant=variant,
            campaign=mold.campaign,
            zones=place.zones,
            digits=place.digits,
            # The zones are the cohort's: another member's record may name another one.
            user=known.user.in_zone(None),
            market=place.market,
            counted_until_ms=known.counted_until_ms,
            window_ends_ms=known.window_ends_ms,
            grant=mold.grant,
        )

    def _trait(self, known: Known) -> _Trait:
        """What tells one recipient from another in the eyes of the guardrails, by the minute."""
        mold = self._mold
        case = self._cohort(Part(0, 0), Place((), "", None), 1, known).case(mold.senders[0], mold.standing, mold.now_ms)
        said = tuple(
            (no.reason.value, no.final, -1 if no.until_ms is None else -(-no.until_ms // _MINUTE_MS))
            for guardrail in USER
            if guardrail.__name__ not in _OF_THE_CLOCK
            and (no := guardrail(case, mold.standing, known.user, mold.now_ms)) is not None
        )
        return said, -(-known.counted_until_ms // _HOUR_MS), -(-known.window_ends_ms // _HOUR_MS)


class _SameNights:
    """Names zones by others whose nights are the same in the time of the plan; where there are no nights, by none."""

    def __init__(self, mold: Mold) -> None:
        self._nights = mold.nights
        last_ms = min(mold.expires_at_ms, mold.now_ms + HORIZON_MS)
        weeks = range(mold.now_ms, max(mold.now_ms + 1, last_ms), 7 * DAY_MS)
        # Clocks change: once a week is looked, at four times of a day.
        self._times = [week_ms + quarter * DAY_MS // 4 for week_ms in weeks for quarter in range(4)]
        self._zones: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._first: dict[tuple[int | None, ...], tuple[str, ...]] = {}

    def place(self, place: Place) -> Place:
        """The same place, with the zones that stand for its own."""
        zones = self._zones.get(place.zones)
        if zones is None:
            zones = self._zones[place.zones] = self._first.setdefault(self._seen(place.zones), place.zones)
        return place._replace(zones=zones) if self._nights else place._replace(zones=())

    def _seen(self, zones: tuple[str, ...]) -> tuple[int | None, ...]:
        return tuple(
            at_ms
            for from_minute, to_minute in self._nights
            for time_ms in self._times
            for at_ms in (
                night_ends_ms(zones, time_ms, from_minute, to_minute),
                night_begins_ms(zones, time_ms, from_minute, to_minute),
            )
        )


def nights_in_force(rules: Rules, category: Category, own: tuple[int, int] | None) -> tuple[tuple[int, int], ...]:
    """The quiet hours that hold messages of this category: those of the rules, and a campaign's own."""
    rule = rules.quiet_hours
    if rule is None or rule.mode is not Mode.ENFORCE or category not in rule.categories:
        return () if own is None else (own,)
    general = rule.from_minute, rule.to_minute
    return (general,) if own is None or own == general else (general, own)
