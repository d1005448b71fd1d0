"""How often one recipient may be written to: caps on moving windows of a day and a week.

Ours, not Meta's: Meta's own cap on marketing per user counts all businesses and tells nobody where it stands (Meta,
"Per-user marketing template message limits"); who keeps to a cap of their own meets its 131049 less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most this many sends to one recipient in any 24 hours, and in any 7 days; None: as many as you like.

    Raises ValueError for a cap below 1: to send nothing at all is what a pause or an opt-out is for.
    """

    per_day: int | None = None
    per_week: int | None = None

    def __post_init__(self) -> None:
        if any(most is not None and most < 1 for _, most in self.windows):
            raise ValueError("a frequency cap is at least 1")

    @property
    def windows(self) -> tuple[tuple[int, int | None], ...]:
        """Each window's length in ms, with the most sends that it may hold."""
        return (DAY_MS, self.per_day), (WEEK_MS, self.per_week)


def next_allowed_ms(sent_at_ms: Sequence[int], cap: FrequencyCap, now_ms: int) -> int | None:
    """The first millisecond at which one more send is within the cap; None when it is now.

    `sent_at_ms`: times of the sends that count, in any order; those that are not known to have failed do. A send
    leaves a window when it is exactly as old as the window is long. One from the future (a clock was set back) counts.
    """
    newest_first = sorted(sent_at_ms, reverse=True)
    # A window has room again once the oldest of its newest `most` sends has left it.
    allowed_ms = max(
        (newest_first[most - 1] + window_ms for window_ms, most in cap.windows if most and most <= len(newest_first)),
        default=now_ms,
    )
    return allowed_ms if allowed_ms > now_ms else None


def trim(sent_at_ms: Sequence[int], now_ms: int) -> tuple[int, ...]:
    """What has to be remembered: the sends that the longest window still holds, oldest first."""
    return tuple(sorted(at_ms for at_ms in sent_at_ms if at_ms + WEEK_MS > now_ms))
