"""Error codes that stop what a number sends."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    HOUR_MS,
    INITIATED,
    MINUTE_MS,
    OF_NUMBER,
    SECOND_MS,
    AfterFailure,
    AfterTime,
    ByHand,
    Tell,
    answered,
    entries,
    failed,
)
from tests.consequences.good_words import (
    FINE,
)
from tidegate.policy.verdict import Reason


def five(code: int) -> Tell:
    return answered(code, times=5)


CODES_OF_NUMBERS: Final = (
    *entries(
        (131016, 2, 133004),
        "five times holds the number for seconds",
        five,
        OF_NUMBER,
        Reason.UPSTREAM_THROTTLED,
        5 * SECOND_MS,
        (AfterTime(5 * SECOND_MS, 5 * SECOND_MS), AfterFailure(5 * SECOND_MS, 10 * SECOND_MS, answered(131016))),
        "unavailable",
    ),
    *entries(
        (131057, 2494100),
        "holds the number while it is upgraded",
        answered,
        OF_NUMBER,
        Reason.UPSTREAM_THROTTLED,
        90 * SECOND_MS,
        (AfterTime(90 * SECOND_MS),),
        "maintenance",
    ),
    *entries(
        (33,),
        "stops a number that is gone",
        answered,
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        None,
        (FINE, ByHand()),
        "number_unusable",
    ),
    *entries(
        (133010, 131045),
        "stops a number that is not registered",
        answered,
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        15 * MINUTE_MS,
        (AfterTime(15 * MINUTE_MS, 5 * MINUTE_MS), FINE, ByHand()),
        "number_unregistered",
        row="C21",
    ),
    *entries(
        (133015,),
        "holds the number for five minutes",
        answered,
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        5 * MINUTE_MS,
        (AfterTime(5 * MINUTE_MS),),
        "registration_wait",
    ),
    *entries(
        (131037,),
        "stops a number whose name is not approved",
        answered,
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS, 10 * MINUTE_MS), FINE),
        "display_name",
    ),
    *entries(
        (131048,),
        "in an answer stops what the number begins, and lets it reply",
        answered,
        OF_NUMBER & INITIATED,
        Reason.NUMBER_STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS, MINUTE_MS, 5), AfterFailure(HOUR_MS, 2 * HOUR_MS, answered(131048)), ByHand()),
        "spam_rate",
        row="C4",
    ),
    *entries(
        (131048,),
        "in a status stops what the number begins, and lets it reply",
        failed,
        OF_NUMBER & INITIATED,
        Reason.NUMBER_STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS, MINUTE_MS, 5),),
        "spam_rate",
        row="C4",
    ),
)
