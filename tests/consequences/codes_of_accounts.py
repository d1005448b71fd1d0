"""Error codes that stop what an account, its token or its portfolio sends."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MINUTE_MS,
    NONE,
    OF_PORTFOLIO,
    OF_WABA,
    UTILITY,
    AfterFailure,
    AfterRead,
    AfterTime,
    AfterWord,
    ByHand,
    Tell,
    answered,
    entries,
    failed,
)
from tests.consequences.good_words import (
    RECOVERY,
    REINSTATED,
    WELL,
)
from tidegate.policy.verdict import Reason


def five(code: int) -> Tell:
    return answered(code, times=5)


CODES_OF_ACCOUNTS: Final = (
    *entries(
        (190, 0),
        "stops the token's account and no other",
        answered,
        OF_WABA,
        Reason.ACCOUNT_RESTRICTED,
        5 * MINUTE_MS,
        (AfterTime(5 * MINUTE_MS, MINUTE_MS), AfterRead(name="a read with the token proves that it is good"), ByHand()),
        "token",
        row="C21",
    ),
    *entries(
        (10, 3, 131005, 200, 240, 299),
        "five times stops the token's account",
        five,
        OF_WABA,
        Reason.ACCOUNT_RESTRICTED,
        5 * MINUTE_MS,
        (AfterTime(5 * MINUTE_MS, MINUTE_MS), AfterFailure(5 * MINUTE_MS, 10 * MINUTE_MS, answered(10)), ByHand()),
        "permission",
    ),
    *entries(
        (4, 17, 32, 341, 613),
        "twenty times holds what calls with the token",
        lambda code: answered(code, times=20),
        OF_WABA,
        Reason.UPSTREAM_THROTTLED,
        MINUTE_MS,
        (AfterTime(MINUTE_MS, MINUTE_MS), AfterFailure(MINUTE_MS, 2 * MINUTE_MS, answered(4))),
        "app_calls",
    ),
    *entries(
        (368,),
        "stops what the account begins",
        answered,
        OF_WABA & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        DAY_MS,
        (AfterTime(DAY_MS, 10 * MINUTE_MS), AfterFailure(DAY_MS, 2 * DAY_MS, answered(368)), WELL, ByHand()),
        "policy",
        row="C12",
    ),
    *entries(
        (131031,),
        "locks the account until somebody says that it is over",
        answered,
        OF_WABA,
        Reason.ACCOUNT_LOCKED,
        None,
        (
            AfterWord(REINSTATED, tries=False),
            ByHand(),
        ),
        "account_locked",
        row="C13",
    ),
    *entries(
        (131042,),
        "in an answer stops what costs money",
        answered,
        OF_WABA & INITIATED,
        Reason.BUDGET,
        HOUR_MS,
        (AfterTime(HOUR_MS, 10 * MINUTE_MS), ByHand()),
        "payment",
        row="C21",
    ),
    *entries(
        (131042,),
        "in a status stops what costs money",
        failed,
        OF_WABA & INITIATED,
        Reason.BUDGET,
        HOUR_MS,
        (),
        "payment",
    ),
    *entries(
        (131064,),
        "stops utility and nothing else",
        lambda code: answered(code, "utility"),
        UTILITY,
        Reason.ACCOUNT_RESTRICTED,
        DAY_MS,
        (AfterTime(DAY_MS, 10 * MINUTE_MS), AfterWord(RECOVERY, tries=True)),
        "utility_limit",
        row="C16",
    ),
    *entries(
        (139200,),
        "stops Direct Send and nothing else",
        lambda code: answered(code, "direct send"),
        frozenset({"direct send"}),
        Reason.ACCOUNT_RESTRICTED,
        DAY_MS,
        (AfterTime(DAY_MS, HOUR_MS),),
        "direct_send",
    ),
    *entries(
        (135000,),
        "in a status stops what the whole portfolio begins",
        failed,
        OF_PORTFOLIO & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        DAY_MS,
        (AfterTime(DAY_MS, 30 * MINUTE_MS, 3), ByHand()),
        "portfolio_pacing",
        row="C9",
    ),
    *entries((131063,), "is told and stops nothing", answered, NONE, rule="marketing_endpoint", alerts=True),
    *entries((134011,), "is told and stops nothing", answered, NONE, rule="account_notice", alerts=True),
    *entries((131099,), "is not known, is told and stops nothing", answered, NONE, rule="unlisted_error", alerts=True),
)
