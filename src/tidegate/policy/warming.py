"""One number's or template's warm-up as it goes: which day it is at, how far its ramp has come, what it was rated.

What is warmed up has an id without spaces: `number:106540352242922`, `template:102290129340398:en_US:seasonal_offer`.
It is young from its first counted send through the gateway, unless Meta had rated it by then: a rating comes of
messages that were received, so whoever has one is no beginner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import quote

from tidegate.cloudapi.vocabulary import Quality
from tidegate.policy.warm_up import DAY_MS, DayUse, Ramp, WarmUp, after_day, allowance, day_of

#: How long a day's count is kept after it has ended: whoever rolls the ramps over may be away for as long.
KEPT_MS: Final = 7 * DAY_MS
_WORSE: Final = (Quality.UNKNOWN, Quality.GREEN, Quality.YELLOW, Quality.RED)


def number_id(number: str) -> str:
    """The id of a business phone number."""
    return f"number:{number}"


def template_id(waba: str, name: str, language: str) -> str:
    """The id of a template in one language."""
    return f"template:{waba}:{quote(language, safe='')}:{quote(name, safe='')}"


def tally_name(subject: str, day: int) -> str:
    """Name of the count of new recipients on one day of a warm-up; days are counted from 0."""
    return f"warm:{subject}:{day}"


@dataclass(frozen=True, slots=True)
class Warming:
    """How a warm-up stands on one of its days.

    `since_ms`: its first send, from which days of 24 hours are counted. `ramp`: what that day allows. `worst`: the
    worst rating seen on it so far.
    """

    since_ms: int
    day: int
    ramp: Ramp
    worst: Quality = Quality.UNKNOWN

    @classmethod
    def begun(cls, plan: WarmUp, since_ms: int, quality: Quality) -> Self:
        """The first day."""
        return cls(since_ms, 0, Ramp(plan.start), quality)

    def allowance(self, plan: WarmUp, limit: int) -> int:
        """New recipients that may be reached on a day, or UNLIMITED; a start that was raised counts at once."""
        return allowance(self._ramp(plan), limit)

    def days_ended(self, now_ms: int) -> range:
        """The days that have ended since, this one first."""
        return range(self.day, day_of(self.since_ms, now_ms))

    def seen(self, quality: Quality) -> Self:
        """The same, with this rating seen on its day."""
        return replace(self, worst=max(self.worst, quality, key=_WORSE.index))

    def after(self, plan: WarmUp, used: Sequence[int], quality: Quality, limit: int) -> Self:
        """How it stands after as many days as `used` has counts; `quality` is the rating now."""
        ramp, worst = self._ramp(plan), self.seen(quality).worst
        for count in used:
            ramp = after_day(plan, ramp, DayUse(count, worst), limit)
            worst = quality
        return replace(self, day=self.day + len(used), ramp=ramp, worst=worst)

    def _ramp(self, plan: WarmUp) -> Ramp:
        return replace(self.ramp, recipients=max(self.ramp.recipients, plan.start))

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reads them back."""
        return {
            "since_ms": self.since_ms,
            "day": self.day,
            "recipients": self.ramp.recipients,
            "idle": self.ramp.idle,
            "worst": self.worst.value,
        }

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises KeyError or ValueError for anything else."""
        ramp = Ramp(int(written["recipients"]), int(written["idle"]))
        return cls(int(written["since_ms"]), int(written["day"]), ramp, Quality(written["worst"]))
