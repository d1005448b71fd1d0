"""When a campaign will be done, as far as that can be told from how it goes."""

from __future__ import annotations

from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000
#: A pace is told from no fewer rows, and no shorter a time.
_LEAST_GONE: Final = 50
_LEAST_MS: Final = 60_000


class Pace(NamedTuple):
    """What the rest of a campaign has to go by.

    `left`: rows that have not left the queue. `gone`: those that have, within `elapsed_ms` since it was started.
    `per_second`: messages that its numbers may send. `free`: places that it may take now, `a_day`: those of the limit
    in all, -1 for no limit. `soak_ms`: what the gates of the steps ahead take at least.
    """

    left: int
    gone: int
    elapsed_ms: int
    per_second: int
    free: int
    a_day: int
    soak_ms: int = 0


def done_at_ms(pace: Pace, now_ms: int) -> int | None:
    """The latest of what throughput, the limit and its pace so far say; None where it would never be done.

    It knows nothing of nights, of other campaigns and of how places come free: the plan does. A limit that is used up
    gives all its places within a day.
    """
    if pace.left == 0:
        return now_ms
    if pace.per_second == 0 or pace.a_day == 0:
        return None
    takes_ms = -(-pace.left * 1000 // pace.per_second)
    beyond = pace.left - max(0, pace.free)
    if pace.a_day > 0 and beyond > 0:
        takes_ms = max(takes_ms, -(-beyond // pace.a_day) * DAY_MS)
    if pace.gone >= _LEAST_GONE and pace.elapsed_ms >= _LEAST_MS:
        takes_ms = max(takes_ms, pace.left * pace.elapsed_ms // pace.gone)
    return now_ms + takes_ms + pace.soak_ms
