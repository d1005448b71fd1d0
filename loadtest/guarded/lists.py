"""What the people on a list think of being written to: a bought list and a healthy one, different for every seed.

Meta publishes no shares, and tells no business who blocked or reported it, so these are assumptions, all of them here:

| share of the list | bought | healthy |
|---|---|---|
| not on WhatsApp | 15 % | 1 % |
| block or report whoever writes | 10 % | 0 |
| block or report for this message | 0 | 0.3 % |
| stop the marketing, half of them in words | 3 % | 0.5 % |
| read it | 35 % | 70 % |

Why: numbers of a bought list are old, mistyped or landlines, and its people asked for nothing; customers gave theirs.
A vendor's page on broadcasts (Invent, "WhatsApp best practices", 2026) tells of an account banned within a day of some
300 messages to such a list, of one paused template in 150,000 messages to people who had opted in, and of 70 % and more
who read. So the healthy list lies well below what is graded yellow here (2 %), the bought one at twice what is graded
red (5 %). 0.5 % is the opt-out rate that early warning takes for usual; a bought list has six times that.

Audiences differ: each share is drawn around these, in odds, by SPREAD (standard deviation of the logarithm), which is
what templates (0.30) and campaigns (0.15) differ by in the trial of early warning. Reactions come minutes to hours
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
