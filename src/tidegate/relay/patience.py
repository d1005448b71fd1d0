"""For how long an app that did not take a webhook is left alone.

An app that is not there is tried ever more seldom. One that is there and refuses may mean the one webhook: that one
waits, and the others go on, one at a time.
"""

from __future__ import annotations

from typing import Final

from tidegate.store.relays import DOWN_AFTER

_FIRST_MS: Final = 2_000
_LONGEST_MS: Final = 3_600_000
_FIRST_HOLD_MS: Final = 1_000
#: An app that comes back after hours waits no longer than this for what it missed.
_LONGEST_HOLD_MS: Final = 300_000
_MOST_DOUBLINGS: Final = 20
#: Between two webhooks of an app that refused all of the last ones.
_BETWEEN_REFUSALS_MS: Final = 250


def line_wait_ms(tries: int, chance: float) -> int:
    """Until a line is tried again whose first webhook failed `tries` times before: doubling from 2 s to an hour.

    `chance` in [0, 1) takes up to a half of it away, so that what failed together does not come back together.
    """
    return _jittered(min(_FIRST_MS * 2 ** min(tries, _MOST_DOUBLINGS), _LONGEST_MS), chance)


def app_hold_ms(failures: int, asked_ms: int | None, chance: float, *, is_refusal: bool = False) -> int:
    """For how long nothing is tried on an app after `failures` in a row: 0 at first, then from 1 s to 5 minutes.

    `asked_ms`: what its Retry-After asked for; that counts at once, up to the longest. `is_refusal`: the app is there.
    """
    beyond = failures - DOWN_AFTER
    hold_ms = 0
    if beyond >= 0:
        growing_ms = min(_FIRST_HOLD_MS * 2 ** min(beyond, _MOST_DOUBLINGS), _LONGEST_HOLD_MS)
        hold_ms = _jittered(_BETWEEN_REFUSALS_MS if is_refusal else growing_ms, chance)
    return max(hold_ms, min(asked_ms or 0, _LONGEST_HOLD_MS))


def most_line_wait_ms(failures: int, hold_ms: int, *, is_refusal: bool) -> int:
    """What no line waits longer than, of an app that took nothing of the last `failures`: its own try says little."""
    if is_refusal:
        return _LONGEST_HOLD_MS if failures >= DOWN_AFTER else _LONGEST_MS
    return hold_ms or _LONGEST_MS


def _jittered(span_ms: int, chance: float) -> int:
    return int(span_ms * (1 - chance / 2))
