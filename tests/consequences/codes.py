"""What every error code of the Cloud API stops, and how it opens again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MARKETING,
    MINUTE_MS,
    NONE,
    OF_NUMBER,
    OF_PAIR,
    OF_PORTFOLIO,
    OF_WABA,
    ONE,
    SECOND_MS,
    TO_USER,
    UTILITY,
    AfterFailure,
    AfterRead,
    AfterTime,
    AfterTold,
    AfterWord,
    ByHand,
    Entry,
    Tell,
    account,
    answered,
    failed,
    of_template,
    says,
)
from tests.consequences.scripted_graph import health
from tests.consequences.world import ANN, OPERATOR, WABA, World
from tidegate.policy.verdict import Reason


def entries(
    codes: tuple[int, ...], sentence: str, by: Callable[[int], Tell], *stops: Any, **more: Any
) -> Iterator[Entry]:
    """One entry for each code; how it opens again belongs to the rule, so the first one shows it for all."""
    for place, code in enumerate(codes):
        entry = replace(Entry(f"{code} {sentence}", by(code), *stops, **more), codes=(code,))
        yield entry if place == 0 else replace(entry, endings=())


async def user_writes(world: World) -> None:
    await world.hears(ANN)


async def user_resumes(world: World) -> None:
    await world.wants("resume")


async def is_erased(world: World) -> None:
    got = await world.call("DELETE", f"/gateway/v1/recipients/{ANN[1:]}", OPERATOR)
    assert got.status == 200


async def pair_is_refused_three_times(world: World) -> None:
    """4^n seconds: 1, 4, 16; a pair is tried every 6 seconds at most."""
    for wait_ms in (0, SECOND_MS, 6 * SECOND_MS):
        await world.pass_ms(wait_ms)
        await world.refused(131056)


async def reply_comes_too_late(world: World) -> None:
    await world.pass_ms(MINUTE_MS)
    await world.failed(131047, "a reply")


def five(code: int) -> Tell:
    return answered(code, times=5)


async def three_are_undeliverable(world: World) -> None:
    for _ in range(3):
        # A status has whole seconds, and two of one user and second are taken for one.
        await world.pass_ms(SECOND_MS)
        await world.failed(131026)


RECOVERY: Final = account(
    "ACCOUNT_RESTRICTION", violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT_RECOVERY"}
)
WELL: Final = AfterRead(says(WABA, health_status=health("WABA", WABA, "AVAILABLE")))
#: The template is approved and GREEN, the number is connected, the token is taken.
FINE: Final = AfterRead()
APPROVED: Final = AfterWord(of_template("message_template_status_update", event="APPROVED"), tries=True)

_BLOCKED, _STANDING, _PAUSED = Reason.ACCOUNT_RESTRICTED, Reason.NUMBER_STANDING, Reason.TEMPLATE_PAUSED
_SUPPRESSED, _THROTTLED = Reason.RECIPIENT_SUPPRESSED, Reason.UPSTREAM_THROTTLED

STOPPING: Final = (
    *entries(
        (190, 0),
        "stops the token's account and no other",
        answered,
        OF_WABA,
        _BLOCKED,
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
        _BLOCKED,
        5 * MINUTE_MS,
        (AfterTime(5 * MINUTE_MS, MINUTE_MS), AfterFailure(5 * MINUTE_MS, 10 * MINUTE_MS, answered(10)), ByHand()),
        "permission",
    ),
    *entries(
        (131016, 2, 133004),
        "five times holds the number for seconds",
        five,
        OF_NUMBER,
        _THROTTLED,
        5 * SECOND_MS,
        (AfterTime(5 * SECOND_MS, 5 * SECOND_MS), AfterFailure(5 * SECOND_MS, 10 * SECOND_MS, answered(131016))),
        "unavailable",
    ),
    *entries(
        (4, 17, 32, 341, 613),
        "twenty times holds what calls with the token",
        lambda code: answered(code, times=20),
        OF_WABA,
        _THROTTLED,
        MINUTE_MS,
        (AfterTime(MINUTE_MS, MINUTE_MS), AfterFailure(MINUTE_MS, 2 * MINUTE_MS, answered(4))),
        "app_calls",
    ),
    *entries(
        (131057, 2494100),
        "holds the number while it is upgraded",
        answered,
        OF_NUMBER,
        _THROTTLED,
        90 * SECOND_MS,
        (AfterTime(90 * SECOND_MS),),
        "maintenance",
    ),
    *entries(
        (33,), "stops a number that is gone", answered, OF_NUMBER, _STANDING, None, (FINE, ByHand()), "number_unusable"
    ),
    *entries(
        (133010, 131045),
        "stops a number that is not registered",
        answered,
        OF_NUMBER,
        _STANDING,
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
        _STANDING,
        5 * MINUTE_MS,
        (AfterTime(5 * MINUTE_MS),),
        "registration_wait",
    ),
    *entries(
        (131037,),
        "stops a number whose name is not approved",
        answered,
        OF_NUMBER,
        _STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS, 10 * MINUTE_MS), FINE),
        "display_name",
    ),
    *entries(
        (131048,),
        "in an answer stops what the number begins, and lets it reply",
        answered,
        OF_NUMBER & INITIATED,
        _STANDING,
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
        _STANDING,
        HOUR_MS,
        (AfterTime(HOUR_MS, MINUTE_MS, 5),),
        "spam_rate",
        row="C4",
    ),
    *entries(
        (368,),
        "stops what the account begins",
        answered,
        OF_WABA & INITIATED,
        _BLOCKED,
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
            AfterWord(account("DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"}), tries=False),
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
        _BLOCKED,
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
        _BLOCKED,
        DAY_MS,
        (AfterTime(DAY_MS, HOUR_MS),),
        "direct_send",
    ),
    *entries(
        (130403,),
        "suppresses the user until they are erased",
        failed,
        TO_USER,
        _SUPPRESSED,
        None,
        (AfterTold(is_erased, "the business unblocks and erases the user"),),
        "blocked_by_business",
    ),
    *entries(
        (130472,),
        "suppresses marketing to the user",
        failed,
        TO_USER & MARKETING,
        _SUPPRESSED,
        30 * DAY_MS,
        (AfterTime(30 * DAY_MS, HOUR_MS), AfterWord(user_writes, tries=True)),
        "experiment",
    ),
    *entries(
        (130497,),
        "suppresses the user whose country is closed",
        answered,
        TO_USER,
        _SUPPRESSED,
        30 * DAY_MS,
        (AfterTime(30 * DAY_MS),),
        "country",
    ),
    *entries(
        (131026,),
        "three times in a row suppresses the user",
        lambda code: three_are_undeliverable,
        TO_USER & INITIATED,
        _SUPPRESSED,
        30 * DAY_MS,
        (AfterTime(30 * DAY_MS, HOUR_MS), AfterWord(user_writes, tries=True)),
        "undeliverable",
    ),
    *entries(
        (131049,),
        "suppresses marketing to the user for a day",
        failed,
        TO_USER & MARKETING,
        Reason.USER_MARKETING_LIMIT,
        DAY_MS,
        (AfterTime(DAY_MS),),
        "user_marketing_limit",
        row="C18",
    ),
    *entries(
        (131050,),
        "is the user's no to marketing",
        failed,
        TO_USER & MARKETING,
        Reason.OPTED_OUT,
        None,
        (AfterTold(user_resumes, "the user resumes"),),
        row="C20",
    ),
    *entries(
        (137000,),
        "suppresses a user who may be another one now",
        answered,
        TO_USER,
        _SUPPRESSED,
        HOUR_MS,
        (AfterTime(HOUR_MS),),
        "identity_changed",
    ),
    *entries(
        (131056,),
        "three times holds the pair for 16 seconds",
        lambda code: pair_is_refused_three_times,
        OF_PAIR,
        Reason.PAIR_RATE,
        16 * SECOND_MS,
        (AfterTime(16 * SECOND_MS, 6 * SECOND_MS), AfterFailure(16 * SECOND_MS, 64 * SECOND_MS, answered(131056))),
        "pair_rate",
        row="C3",
    ),
    *entries(
        (131047,),
        "closes the user's window",
        lambda code: reply_comes_too_late,
        frozenset({"a reply"}),
        Reason.SERVICE_WINDOW_CLOSED,
        None,
        (AfterTold(user_writes, "the user writes"),),
    ),
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
        _PAUSED,
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
        _PAUSED,
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
        _PAUSED,
        HOUR_MS,
        (AfterTime(HOUR_MS, 10 * MINUTE_MS),),
        "flow_blocked",
    ),
    *entries(
        (132069,),
        "holds the template whose flow is throttled",
        answered,
        ONE,
        _PAUSED,
        6 * MINUTE_MS,
        (AfterTime(6 * MINUTE_MS, 6 * MINUTE_MS),),
        "flow_throttled",
    ),
    *entries(
        (134101,),
        "holds the template while it is synced",
        answered,
        ONE,
        _PAUSED,
        10 * MINUTE_MS,
        (AfterTime(10 * MINUTE_MS),),
        "template_syncing",
    ),
    *entries(
        (135000,),
        "in a status stops what the whole portfolio begins",
        failed,
        OF_PORTFOLIO & INITIATED,
        _BLOCKED,
        DAY_MS,
        (AfterTime(DAY_MS, 30 * MINUTE_MS, 3), ByHand()),
        "portfolio_pacing",
        row="C9",
    ),
    *entries((131063,), "is told and stops nothing", answered, NONE, rule="marketing_endpoint", alerts=True),
    *entries((134011,), "is told and stops nothing", answered, NONE, rule="account_notice", alerts=True),
    *entries((131099,), "is not known, is told and stops nothing", answered, NONE, rule="unlisted_error", alerts=True),
)

#: They rest the reads of Graph; one of them stops no send.
RESTING: Final = (4, 17, 32, 341, 613, 80007, 80008)
#: They concern the message alone; ranges stand here by their first and last code.
HARMLESS: Final = (
    *(1, 100, 131000, 131008, 131009, 131021, 131030, 131051, 131052, 131053, 131055, 131059, 131060, 131062),
    *(132000, 132005, 132007, 132012, 132018, 134100, 134102, 134103, 135000, 1752041),
    *(133000, 133016, 147001, 147005, 200005, 200007, 2388000, 2388999, 2593000, 2593999),
)
