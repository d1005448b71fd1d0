"""Where early warning's counts lie, and how watches are made of them.

One hash a scope (`outcome_scope`) and UTC day of the sends' admission, which Meta's acceptance follows at once. Its
fields are integers that any node adds to (HINCRBY), its life 40 days:

    13.sent  13.delivered  13.read  13.withheld ...     sends accepted between 13:00 and 14:00, by what became of them
    tripped                                             not 0 when the day is no ground for a baseline

An event is counted under its send's hour, when it happens first and soon enough (`warning_metric.counts`); a message
keeps the time of its admission for that. Days within the window are judged; older ones make the baseline, so that
nothing is ever compared with itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from tidegate.policy.early_warning import WINDOW_HOURS, Watch
from tidegate.policy.warning_metric import COUNTS_WITHIN_MS, HOUR_MS, RECIPES, Counter, Metric, Recipe, Tally

DAY_MS: Final = 24 * HOUR_MS
BASELINE_DAYS: Final = 28
"""Days that a baseline is made of, before the window: four weeks, so that every weekday weighs the same."""
KEEP_MS: Final = 40 * DAY_MS
"""How long a day's hash is kept after something was last counted in it: for a baseline it is of use for 36 days after
its day began; the report of what was sent in the week before a fall, for 30 days, goes back 38."""
GRACE_MS: Final = HOUR_MS
"""How late a webhook may come and still be counted before silence is judged."""
TRIPPED: Final = "tripped"

Scope = TypeVar("Scope")

Day = Mapping[str, int]
"""The fields of one day's hash."""


def day_of(at_ms: int) -> int:
    """Days since 1970 (UTC): names the hash that a send's counts lie in."""
    return at_ms // DAY_MS


def field_of(counter: Counter, accepted_at_ms: int) -> str:
    """The field that counts this of a send: `13.read`."""
    return f"{accepted_at_ms // HOUR_MS % 24:02}.{counter}"


def watch_of(
    metric: Metric,
    days: Mapping[int, Day],
    now_ms: int,
    *,
    started_at_ms: int = 0,
    baseline: Tally | None = None,
    fleet: Tally | None = None,
) -> Watch:
    """What is known of one metric in one scope. `days`: hashes by `day_of`; missing ones are empty.

    `baseline`: the answer of `baseline_of`, which changes once a day; with it the hashes of the last 8 days suffice.
    Only whole hours from `started_at_ms` on are judged. Silence is judged once there was time to hear something.
    """
    recipe = RECIPES[metric]
    newest = now_ms // HOUR_MS
    if recipe.is_silence:
        newest = min(newest, (now_ms - silence_ripens_ms()) // HOUR_MS - 1)
    oldest = max(now_ms // HOUR_MS - WINDOW_HOURS + 1, -(-started_at_ms // HOUR_MS))
    told = (hour for hour in _hours(recipe, days) if oldest <= hour <= newest)
    tallies = ((hour, _of_hour(recipe, days[hour // 24], hour % 24)) for hour in told)
    return Watch(
        metric,
        started_at_ms,
        tuple((hour, tally) for hour, tally in tallies if tally.sends),
        baseline=baseline_of(metric, days, now_ms) if baseline is None else baseline,
        fleet=fleet or Tally(),
    )


def silence_ripens_ms() -> int:
    """How long after an hour of sends silence about them means something."""
    return max(COUNTS_WITHIN_MS[counter] for r in RECIPES.values() for counter in r.good) + GRACE_MS


def window_days(now_ms: int) -> range:
    """The days that hold all that is judged now."""
    hour = now_ms // HOUR_MS
    return range((hour - WINDOW_HOURS + 1) // 24, hour // 24 + 1)


def baseline_days(now_ms: int) -> range:
    """The days that a baseline is made of now."""
    end = window_days(now_ms).start
    return range(end - BASELINE_DAYS, end)


def baseline_of(metric: Metric, days: Mapping[int, Day], now_ms: int) -> Tally:
    """The history of one metric in one scope: whole days before the window, but for those that tripped."""
    return history_of(RECIPES[metric], days, now_ms)


def history_of(recipe: Recipe, days: Mapping[int, Day], now_ms: int) -> Tally:
    """The same of any recipe."""
    clean = (days.get(day, {}) for day in baseline_days(now_ms))
    return sum((_of_day(recipe, day) for day in clean if not day.get(TRIPPED)), Tally())


def fleet_of(baselines: Iterable[Tally], at_most: int = 5_000) -> Tally:
    """The history of several peers together; each weighs as many sends as `at_most`, so that none speaks for all."""
    return sum((_shrunk(tally, at_most) for tally in baselines), Tally())


def fleets_of(baselines: Mapping[Scope, Tally], at_most: int = 5_000) -> dict[Scope, Tally]:
    """For each of some peers the history of all the others, weighed as by `fleet_of`."""
    shrunk = {scope: _shrunk(tally, at_most) for scope, tally in baselines.items()}
    everyone = sum(shrunk.values(), Tally())
    return {scope: Tally(everyone.good - own.good, everyone.bad - own.bad) for scope, own in shrunk.items()}


def _shrunk(tally: Tally, at_most: int) -> Tally:
    if tally.sends <= at_most:
        return tally
    bad = (tally.bad * at_most + tally.sends // 2) // tally.sends
    return Tally(at_most - bad, bad)


def _of_day(recipe: Recipe, day: Day) -> Tally:
    return sum((_of_hour(recipe, day, hour) for hour in range(24)), Tally()) if day else Tally()


def _of_hour(recipe: Recipe, day: Day, hour: int) -> Tally:
    return recipe.tally(lambda counter: day.get(_FIELDS[counter][hour], 0))


def _hours(recipe: Recipe, days: Mapping[int, Day]) -> list[int]:
    """The hours since 1970 in which anything was sent, the oldest first: most scopes are silent most of the time."""
    fields = _FIELDS[recipe.whole]
    return sorted(day * 24 + hour for day, told in days.items() for hour in range(24) if fields[hour] in told)


#: How the count of an hour of a day is named.
_FIELDS: Final = {counter: tuple(f"{hour:02}.{counter}" for hour in range(24)) for counter in Counter}
