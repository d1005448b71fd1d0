"""What the people on a list think of being written to: a bought list and a healthy one, different for every seed.

Meta publishes no shares, and nobody tells a business who blocked or reported it, so these are assumptions, held in this
one place:

| | bought | healthy | why |
|---|---|---|---|
| not on WhatsApp | 15 % | 1 % | numbers of a bought list are old, mistyped or landlines; customers gave theirs |
| block or report whoever writes | 10 % | - | they asked for nothing and know nobody; vendors tell of accounts banned after some 300 messages to such a list |
| block for this message | - | 0.3 % | a tenth of what is graded yellow here: opted-in senders of 150,000 messages report a single paused template |
| stop the marketing | 3 % | 0.5 % | the usual opt-out rate of early warning's baseline, and six times that |
| read within a day | 35 % | 70 % | vendors' figure for opted-in lists, and half of it |

(The vendors: Invent's page "WhatsApp best practices", 2026. Half of those who stop press the button, half write STOP.)
Audiences differ: each share is drawn around these, in odds, with a standard deviation of the logarithm of SPREAD, which
is what templates (0.30) and campaigns (0.15) differ by in the trial of early warning. Reactions come minutes to hours
after the delivery (`scenarios.BAD_LIST`).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from math import hypot
from random import Random
from typing import Final

from tidegate.simulator.behaviour import Behaviour, Ladder
from tidegate.simulator.scenarios import BAD_LIST

SPREAD: Final = hypot(0.30, 0.15)


class Audience(StrEnum):
    """Who is on the list."""

    BOUGHT = "bought"
    HEALTHY = "healthy"


def audience(who: Audience, seed: int) -> Behaviour:
    """The platform with this list of people on it; the same seed gives the same people."""
    dice = Random(f"{who} {seed}")
    bought = who is Audience.BOUGHT
    reactions = replace(
        BAD_LIST.reactions,
        averse_share=_around(0.10, dice) if bought else 0.0,
        block_share=0.0 if bought else _around(0.003, dice),
        stop_share=_around(0.03 if bought else 0.005, dice),
    )
    return replace(
        BAD_LIST,
        absent_share=_around(0.15 if bought else 0.01, dice),
        read_share=_around(0.35 if bought else 0.70, dice),
        reactions=reactions,
        # Both are judged by the same Meta.
        ladder=Ladder(),
    )


def _around(share: float, dice: Random) -> float:
    odds = share / (1 - share) * dice.lognormvariate(0, SPREAD)
    return odds / (1 + odds)
