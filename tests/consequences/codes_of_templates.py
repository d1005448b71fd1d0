"""Error codes that stop a template."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    HOUR_MS,
    MINUTE_MS,
    ONE,
    AfterTime,
    ByHand,
    answered,
    entries,
    failed,
)
from tests.consequences.good_words import (
    APPROVED,
    FINE,
)
from tidegate.policy.verdict import Reason

CODES_OF_TEMPLATES: Final = (
    *entries(
        (132001, 141002),
        "holds a template that Meta does not know",
        answered,
        ONE,
        Reason.TEMPLATE_UNKNOWN,
        10 * MINUTE_MS,
        (AfterTime(10 * MINUTE_MS, MINUTE_MS), FINE),
        "template_unknown",
    ),
    *entries(
        (132015,),
        "in an answer stops the template",
        answered,
        ONE,
        Reason.TEMPLATE_PAUSED,
        3 * HOUR_MS,
        (AfterTime(3 * HOUR_MS, MINUTE_MS, 3), FINE, APPROVED, ByHand()),
        "template_paused",
        row="C7",
    ),
    *entries(
        (132015,),
        "in a status stops the template",
        failed,
        ONE,
        Reason.TEMPLATE_PAUSED,
        3 * HOUR_MS,
        (FINE,),
        "template_paused",
        row="C8",
    ),
    *entries(
        (132016,),
        "ends the template",
        answered,
        ONE,
        Reason.TEMPLATE_DISABLED,
        None,
        (FINE, ByHand()),
        "template_disabled",
        row="C7",
    ),
    *entries(
        (132068,),
        "stops the template whose flow is blocked",
        answered,
        ONE,
        Reason.TEMPLATE_PAUSED,
        HOUR_MS,
        (AfterTime(HOUR_MS, 10 * MINUTE_MS),),
        "flow_blocked",
    ),
    *entries(
        (132069,),
        "holds the template whose flow is throttled",
        answered,
        ONE,
        Reason.TEMPLATE_PAUSED,
        6 * MINUTE_MS,
        (AfterTime(6 * MINUTE_MS, 6 * MINUTE_MS),),
        "flow_throttled",
    ),
    *entries(
        (134101,),
        "holds the template while it is synced",
        answered,
        ONE,
        Reason.TEMPLATE_PAUSED,
        10 * MINUTE_MS,
        (AfterTime(10 * MINUTE_MS),),
        "template_syncing",
    ),
)
