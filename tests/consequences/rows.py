"""What Meta tells of accounts, numbers and templates: what it stops, and how it opens again."""

from __future__ import annotations

from typing import Any, Final

from tests.consequences.codes import APPROVED, FINE, RECOVERY, WELL, user_resumes
from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MARKETING,
    MINUTE_MS,
    NONE,
    OF_NUMBER,
    OF_PORTFOLIO,
    OF_WABA,
    ONE,
    TO_USER,
    UTILITY,
    AfterRead,
    AfterTime,
    AfterTold,
    AfterWord,
    ByHand,
    Entry,
    Tell,
    account,
    hook,
    of_template,
    read,
    says,
)
from tests.consequences.scripted_graph import health
from tests.consequences.world import DISPLAY, NUMBER, WABA, World
from tests.waiting import until
from tidegate.policy.verdict import Reason

_BIZ, _CUSTOMER = "RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
_REINSTATE: Final = account("DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"})
_SHOWN: Final = {"display_phone_number": DISPLAY[NUMBER]}
_CATEGORY: Final = of_template(
    "template_category_update",
    new_category="MARKETING",
    correct_category="MARKETING",
    category_update_timestamp=1_795_780_800,
)
_ALERT: Final = hook("account_alerts", entity_type="BUSINESS", entity_id="1", alert_info={"alert_type": "OBA_REJECTED"})


def _of_number(event: str, **value: Any) -> Tell:
    return hook("phone_number_quality_update", event=event, **_SHOWN, **value)


async def _limited(world: World) -> None:
    before = await world.alerts("account_limited")
    await world.reads(says(WABA, health_status=health("WABA", WABA, "LIMITED")))

    async def is_told() -> bool:
        return await world.alerts("account_limited") > before

    await until(is_told)


async def message_is_held(world: World) -> None:
    world.graph.message_status = "held_for_quality_assessment"
    await world.send("the template")
    world.graph.message_status = "accepted"


async def held_message_is_delivered(world: World) -> None:
    await world.status(world.graph.sent[0], "delivered")


async def user_stops(world: World) -> None:
    await world.wants("stop")


async def two_under_way_are_not_delivered(world: World) -> None:
    """The second one's failure is told half a day after the first one's."""
    for _ in range(2):
        await world.send("the template")
    await world.status(world.graph.sent[0], "failed", 131049)
    await world.pass_ms(DAY_MS / 2)
    await world.status(world.graph.sent[1], "failed", 131049)


def paused(title: str) -> Tell:
    return of_template("message_template_status_update", event="PAUSED", other_info={"title": title})


_BLOCKED, _LOCKED, _STANDING = Reason.ACCOUNT_RESTRICTED, Reason.ACCOUNT_LOCKED, Reason.NUMBER_STANDING

TOLD: Final = (
    Entry(
        "a number that is read as RED stops its marketing",
        read(NUMBER, rule="number_red", quality_rating="RED"),
        OF_NUMBER & MARKETING,
        _STANDING,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5), AfterRead(says(NUMBER, quality_rating="GREEN")), ByHand()),
        "number_red",
        "C6",
    ),
    Entry(
        "a first pause stops the template for 3 hours",
        paused("FIRST_PAUSE"),
        ONE,
        Reason.TEMPLATE_PAUSED,
        3 * HOUR_MS,
        (FINE, APPROVED),
        "template_paused",
        "C7",
    ),
    Entry(
        "a second pause stops the template for 6 hours",
        paused("SECOND_PAUSE"),
        ONE,
        Reason.TEMPLATE_PAUSED,
        6 * HOUR_MS,
        (FINE,),
        "template_paused",
        "C7",
    ),
    Entry(
        "the third time the template is disabled",
        of_template("message_template_status_update", event="DISABLED"),
        ONE,
        Reason.TEMPLATE_DISABLED,
        None,
        (
            FINE,
            AfterWord(of_template("message_template_status_update", event="REINSTATED"), tries=False),
        ),
        "template_disabled",
        "C7",
    ),
    Entry(
        "a template that is told to be RED stops before Meta pauses it",
        of_template("message_template_quality_update", previous_quality_score="GREEN", new_quality_score="RED"),
        ONE,
        Reason.TEMPLATE_PAUSED,
        DAY_MS,
        (AfterTime(DAY_MS, MINUTE_MS, 5), FINE),
        "template_red",
        "C7",
    ),
    Entry(
        "a message that is held for assessment stops the rest of the campaign",
        message_is_held,
        ONE,
        Reason.CAMPAIGN_HALTED,
        HOUR_MS,
        (AfterTime(HOUR_MS, MINUTE_MS), FINE, AfterWord(held_message_is_delivered, tries=True)),
        "template_held",
        "C8",
    ),
    Entry(
        "a restriction of business-initiated messages lets replies go",
        account("ACCOUNT_RESTRICTION", _BIZ, "RESTRICTED_ADD_PHONE_NUMBER_ACTION", until_ms=3 * DAY_MS),
        OF_WABA & INITIATED,
        _BLOCKED,
        3 * DAY_MS,
        (AfterTime(3 * DAY_MS, MINUTE_MS, 5), ByHand()),
        "no_business_initiated",
        "C11",
    ),
    Entry(
        "a restriction of all messages stops replies too",
        account("ACCOUNT_RESTRICTION", _BIZ, _CUSTOMER, until_ms=7 * DAY_MS),
        OF_WABA,
        _BLOCKED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5),),
        "no_replies",
        "C12",
    ),
    Entry(
        "an account that is read as BLOCKED stops what it begins",
        read(WABA, rule="account_blocked", health_status=health("WABA", WABA, "BLOCKED")),
        OF_WABA & INITIATED,
        _BLOCKED,
        None,
        (WELL, ByHand()),
        "account_blocked",
        "C13",
    ),
    Entry(
        "a ban that is announced stops marketing",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SCHEDULE_FOR_DISABLE", "waba_ban_date": "May 1, 2027"}),
        OF_WABA & MARKETING,
        _LOCKED,
        None,
        (AfterWord(_REINSTATE, tries=True), ByHand()),
        "ban_announced",
        "C14",
    ),
    Entry(
        "a ban stops everything",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"}),
        OF_WABA,
        _LOCKED,
        None,
        (WELL, AfterWord(_REINSTATE, tries=False), ByHand()),
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
        _BLOCKED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, 10 * MINUTE_MS, 3), AfterWord(RECOVERY, tries=True)),
        "utility_limited",
        "C16",
    ),
    Entry(
        "another failure of the kind begins the user's day anew",
        two_under_way_are_not_delivered,
        TO_USER & MARKETING,
        Reason.USER_MARKETING_LIMIT,
        DAY_MS,
        (AfterTime(DAY_MS),),
        row="C19",
    ),
    Entry(
        "a user who stops marketing gets none",
        user_stops,
        TO_USER & MARKETING,
        Reason.OPTED_OUT,
        None,
        (AfterTold(user_resumes, "the user resumes"),),
        row="C20",
    ),
    Entry(
        "a template that is archived is told and stops",
        of_template("message_template_status_update", event="ARCHIVED"),
        ONE,
        Reason.TEMPLATE_UNKNOWN,
        None,
        (FINE,),
        "template_notice",
        "C23",
        alerts=True,
    ),
    # Of no row of their own.
    Entry(
        "a flag of the old regime stops the number's marketing for 7 days",
        _of_number("FLAGGED"),
        OF_NUMBER & MARKETING,
        _STANDING,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, MINUTE_MS, 5), AfterWord(_of_number("UNFLAGGED"), tries=True), FINE),
        "number_flagged",
    ),
    Entry(
        "a RESTRICTED number begins nothing until its day has passed",
        read(NUMBER, rule="number_restricted", status="RESTRICTED"),
        OF_NUMBER & INITIATED,
        _STANDING,
        DAY_MS,
        (AfterTime(DAY_MS), AfterRead(says(NUMBER, status="CONNECTED"))),
        "number_restricted",
    ),
    Entry(
        "a RATE_LIMITED number begins nothing for an hour",
        read(NUMBER, rule="number_rate_limited", status="RATE_LIMITED"),
        OF_NUMBER & INITIATED,
        _STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS),),
        "number_rate_limited",
    ),
    Entry(
        "a number that is not connected sends nothing",
        read(NUMBER, rule="number_unusable", status="DISCONNECTED"),
        OF_NUMBER,
        _STANDING,
        None,
        (AfterRead(says(NUMBER, status="CONNECTED")), ByHand()),
        "number_unusable",
    ),
    Entry(
        "a number that is read as BLOCKED sends nothing",
        read(NUMBER, rule="number_blocked", health_status=health("PHONE_NUMBER", NUMBER, "BLOCKED")),
        OF_NUMBER,
        _STANDING,
        None,
        (AfterRead(says(NUMBER, health_status=health("PHONE_NUMBER", NUMBER, "LIMITED"))),),
        "number_blocked",
    ),
    Entry(
        "a business that is read as BLOCKED stops what its portfolio begins",
        read(WABA, rule="business_blocked", health_status=health("BUSINESS", "1", "BLOCKED")),
        OF_PORTFOLIO & INITIATED,
        _BLOCKED,
        None,
        (AfterRead(says(WABA, health_status=health("BUSINESS", "1", "AVAILABLE"))), ByHand()),
        "business_blocked",
    ),
    Entry(
        "an app that is read as BLOCKED stops what its account begins",
        read(WABA, rule="app_blocked", health_status=health("APP", "2", "BLOCKED")),
        OF_WABA & INITIATED,
        _BLOCKED,
        None,
        (AfterRead(says(WABA, health_status=health("APP", "2", "AVAILABLE"))),),
        "app_blocked",
    ),
    Entry(
        "a template that is read as BLOCKED stops",
        read("offer", rule="template_blocked", health_status=health("MESSAGE_TEMPLATE", "7offer", "BLOCKED")),
        ONE,
        Reason.TEMPLATE_PAUSED,
        None,
        (AfterRead(says("offer", health_status=health("MESSAGE_TEMPLATE", "7offer", "AVAILABLE"))),),
        "template_blocked",
    ),
    Entry(
        "an account whose review fails sends nothing",
        hook("account_review_update", decision="REJECTED"),
        OF_WABA,
        _BLOCKED,
        None,
        (FINE, AfterWord(hook("account_review_update", decision="APPROVED"), tries=False)),
        "review",
    ),
    Entry(
        "an account that is deleted sends nothing",
        account("ACCOUNT_DELETED"),
        OF_WABA,
        _LOCKED,
        None,
        (ByHand(),),
        "deleted",
    ),
    Entry(
        "an account that is offboarded sends nothing",
        account("ACCOUNT_OFFBOARDED"),
        OF_WABA,
        _LOCKED,
        None,
        (AfterWord(account("ACCOUNT_RECONNECTED"), tries=False), WELL),
        "offboarded",
    ),
    Entry(
        "a restriction of Direct Send stops Direct Send",
        account("ACCOUNT_RESTRICTION", "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", until_ms=7 * DAY_MS),
        frozenset({"direct send"}),
        _BLOCKED,
        7 * DAY_MS,
        (AfterTime(7 * DAY_MS, 10 * MINUTE_MS),),
        "no_direct_send",
    ),
    Entry(
        "a restriction of a kind that is not known yet stops marketing",
        account("ACCOUNT_RESTRICTION", "RESTRICTED_SOMETHING_NEW", until_ms=2 * DAY_MS),
        OF_WABA & MARKETING,
        _BLOCKED,
        2 * DAY_MS,
        (AfterTime(2 * DAY_MS),),
        "restriction_of_a_new_kind",
    ),
    Entry(
        "a ban of a kind that is not known yet stops what the account begins",
        account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SOMETHING_NEW"}),
        OF_WABA & INITIATED,
        _LOCKED,
        None,
        (WELL,),
        "ban_of_a_new_kind",
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
            ("a change of category to come", _CATEGORY, "template_category"),
            (
                "a template that is flagged",
                of_template("message_template_status_update", event="FLAGGED"),
                "template_notice",
            ),
            (
                "a restriction of calls",
                account("ACCOUNT_RESTRICTION", "RESTRICTED_BUSINESS_INITIATED_CALLING", until_ms=DAY_MS),
                "restriction_not_of_messages",
            ),
            ("an alert of the account's", _ALERT, "account_notice"),
            (
                "an account that is read as LIMITED",
                _limited,
                "account_limited",
            ),
        )
    ),
)
