"""What Meta tells of accounts, and what it stops."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    DAY_MS,
    INITIATED,
    MARKETING,
    MINUTE_MS,
    NONE,
    OF_PORTFOLIO,
    OF_WABA,
    UTILITY,
    AfterRead,
    AfterTime,
    AfterWord,
    ByHand,
    Entry,
    account,
    hook,
    read,
    says,
)
from tests.consequences.good_words import (
    FINE,
    RECOVERY,
    REINSTATED,
    WELL,
)
from tests.consequences.scripted_graph import health
from tests.consequences.world import WABA, World
from tests.waiting import until
from tidegate.policy.verdict import Reason

_BIZ, _CUSTOMER = "RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
_ALERT: Final = hook("account_alerts", entity_type="BUSINESS", entity_id="1", alert_info={"alert_type": "OBA_REJECTED"})


async def _limited(world: World) -> None:
    before = await world.alerts("account_limited")
    await world.reads(says(WABA, health_status=health("WABA", WABA, "LIMITED")))

    async def is_told() -> bool:
        return await world.alerts("account_limited") > before

    await until(is_told)


TOLD_OF_ACCOUNTS: Final = (
    Entry(
        "a restriction of business-initiated messages lets replies go",
        account("ACCOUNT_RESTRICTION", _BIZ, "RESTRICTED_ADD_PHONE_NUMBER_ACTION", until_ms=3 * DAY_MS),
        OF_WABA & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        3 * DAY_MS,
        (AfterTime(3 * DAY_MS, MINUTE_MS, 5), ByHand()),
        "no_business_initiated",
        "C11",
    ),
    Entry(
        "a restriction of all messages stops replies too",
        account("ACCOUNT_RESTRICTION", _BIZ, _CUSTOMER, until_ms=7 * DAY_MS),
        OF_WABA,
        Reason.ACCOUNT_RESTRICTED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5),),
        "no_replies",
        "C12",
    ),
    Entry(
        "an account that is read as BLOCKED stops what it begins",
        read(WABA, rule="account_blocked", health_status=health("WABA", WABA, "BLOCKED")),
        OF_WABA & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        None,
        (WELL, ByHand()),
        "account_blocked",
        "C13",
    ),
    Entry(
        "a ban that is announced stops marketing",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "May 1, 2027"}),
        OF_WABA & MARKETING,
        Reason.ACCOUNT_LOCKED,
        None,
        (AfterWord(REINSTATED, tries=True), ByHand()),
        "ban_announced",
        "C14",
    ),
    Entry(
        "a ban stops everything",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"}),
        OF_WABA,
        Reason.ACCOUNT_LOCKED,
        None,
        (WELL, AfterWord(REINSTATED, tries=False), ByHand()),
        "banned",
        "C14",
    ),
    Entry(
        "a warning for misuse of utility is told",
        account("ACCOUNT_RESTRICTION", violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE"}),
        NONE,
        rule="utility_misuse",
        row="C15",
        alerts=True,
    ),
    Entry(
        "a rate limit of utility stops utility and nothing else",
        account(
            "ACCOUNT_RESTRICTION",
            "RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
            until_ms=7 * DAY_MS,
            violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT"},
        ),
        UTILITY,
        Reason.ACCOUNT_RESTRICTED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, 10 * MINUTE_MS, 3), AfterWord(RECOVERY, tries=True)),
        "utility_limited",
        "C16",
    ),
    Entry(
        "a business that is read as BLOCKED stops what its portfolio begins",
        read(WABA, rule="business_blocked", health_status=health("BUSINESS", "1", "BLOCKED")),
        OF_PORTFOLIO & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        None,
        (AfterRead(says(WABA, health_status=health("BUSINESS", "1", "AVAILABLE"))), ByHand()),
        "business_blocked",
    ),
    Entry(
        "an app that is read as BLOCKED stops what its account begins",
        read(WABA, rule="app_blocked", health_status=health("APP", "2", "BLOCKED")),
        OF_WABA & INITIATED,
        Reason.ACCOUNT_RESTRICTED,
        None,
        (AfterRead(says(WABA, health_status=health("APP", "2", "AVAILABLE"))),),
        "app_blocked",
    ),
    Entry(
        "an account whose review fails sends nothing",
        hook("account_review_update", decision="REJECTED"),
        OF_WABA,
        Reason.ACCOUNT_RESTRICTED,
        None,
        (FINE, AfterWord(hook("account_review_update", decision="APPROVED"), tries=False)),
        "review",
    ),
    Entry(
        "an account that is deleted sends nothing",
        account("ACCOUNT_DELETED"),
        OF_WABA,
        Reason.ACCOUNT_LOCKED,
        None,
        (ByHand(),),
        "deleted",
    ),
    Entry(
        "an account that is offboarded sends nothing",
        account("ACCOUNT_OFFBOARDED"),
        OF_WABA,
        Reason.ACCOUNT_LOCKED,
        None,
        (AfterWord(account("ACCOUNT_RECONNECTED"), tries=False), WELL),
        "offboarded",
    ),
    Entry(
        "a restriction of Direct Send stops Direct Send",
        account("ACCOUNT_RESTRICTION", "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", until_ms=7 * DAY_MS),
        frozenset({"direct send"}),
        Reason.ACCOUNT_RESTRICTED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, 10 * MINUTE_MS),),
        "no_direct_send",
    ),
    Entry(
        "a restriction of a kind that is not known yet stops marketing",
        account("ACCOUNT_RESTRICTION", "RESTRICTED_SOMETHING_NEW", until_ms=2 * DAY_MS),
        OF_WABA & MARKETING,
        Reason.ACCOUNT_RESTRICTED,
        2 * DAY_MS,
        (AfterTime(2 * DAY_MS),),
        "restriction_of_a_new_kind",
    ),
    Entry(
        "a ban of a kind that is not known yet stops what the account begins",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SOMETHING_NEW"}),
        OF_WABA & INITIATED,
        Reason.ACCOUNT_LOCKED,
        None,
        (WELL,),
        "ban_of_a_new_kind",
    ),
    *(
        Entry(f"{sentence} is told and stops nothing", tell, NONE, rule=rule, alerts=True)
        for sentence, tell, rule in (
            (
                "a restriction of calls",
                account("ACCOUNT_RESTRICTION", "RESTRICTED_BUSINESS_INITIATED_CALLING", until_ms=DAY_MS),
                "restriction_not_of_messages",
            ),
            ("an alert of the account's", _ALERT, "account_notice"),
            ("an account that is read as LIMITED", _limited, "account_limited"),
        )
    ),
)
