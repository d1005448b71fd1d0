"""What Meta tells of numbers, and what it stops."""

from __future__ import annotations

from typing import Any, Final

from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MARKETING,
    MINUTE_MS,
    NONE,
    OF_NUMBER,
    AfterRead,
    AfterTime,
    AfterWord,
    ByHand,
    Entry,
    Tell,
    hook,
    read,
    says,
)
from tests.consequences.good_words import (
    FINE,
    UNFLAGGED,
)
from tests.consequences.scripted_graph import health
from tests.consequences.world import DISPLAY, NUMBER
from tidegate.policy.verdict import Reason

_SHOWN: Final = {"display_phone_number": DISPLAY[NUMBER]}


def _of_number(event: str, **value: Any) -> Tell:
    return hook("phone_number_quality_update", event=event, **_SHOWN, **value)


TOLD_OF_NUMBERS: Final = (
    Entry(
        "a number that is read as RED stops its marketing",
        read(NUMBER, rule="number_red", quality_rating="RED"),
        OF_NUMBER & MARKETING,
        Reason.NUMBER_STANDING,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5), AfterRead(says(NUMBER, quality_rating="GREEN")), ByHand()),
        "number_red",
        "C6",
    ),
    Entry(
        "a flag of the old regime stops the number's marketing for 7 days",
        _of_number("FLAGGED"),
        OF_NUMBER & MARKETING,
        Reason.NUMBER_STANDING,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5), AfterWord(UNFLAGGED, tries=True), FINE),
        "number_flagged",
    ),
    Entry(
        "a RESTRICTED number begins nothing until its day has passed",
        read(NUMBER, rule="number_restricted", status="RESTRICTED"),
        OF_NUMBER & INITIATED,
        Reason.NUMBER_STANDING,
        DAY_MS,
        (AfterTime(DAY_MS), AfterRead(says(NUMBER, status="CONNECTED"))),
        "number_restricted",
    ),
    Entry(
        "a RATE_LIMITED number begins nothing for an hour",
        read(NUMBER, rule="number_rate_limited", status="RATE_LIMITED"),
        OF_NUMBER & INITIATED,
        Reason.NUMBER_STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS),),
        "number_rate_limited",
    ),
    Entry(
        "a number that is not connected sends nothing",
        read(NUMBER, rule="number_unusable", status="DISCONNECTED"),
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        None,
        (AfterRead(says(NUMBER, status="CONNECTED")), ByHand()),
        "number_unusable",
    ),
    Entry(
        "a number that is read as BLOCKED sends nothing",
        read(NUMBER, rule="number_blocked", health_status=health("PHONE_NUMBER", NUMBER, "BLOCKED")),
        OF_NUMBER,
        Reason.NUMBER_STANDING,
        None,
        (AfterRead(says(NUMBER, health_status=health("PHONE_NUMBER", NUMBER, "LIMITED"))),),
        "number_blocked",
    ),
    *(
        Entry(f"{sentence} is told and stops nothing", tell, NONE, rule=rule, alerts=True)
        for sentence, tell, rule in (
            ("a lower tier of the old regime", _of_number("DOWNGRADE", current_limit="TIER_1K"), "number_downgraded"),
            (
                "a name that is refused",
                hook("phone_number_name_update", decision="REJECTED", **_SHOWN),
                "display_name_refused",
            ),
            ("a new PIN", hook("security", event="PIN_CHANGED", **_SHOWN), "pin"),
        )
    ),
)
