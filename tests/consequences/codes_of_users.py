"""Error codes that stop what goes to one user."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MARKETING,
    MINUTE_MS,
    OF_PAIR,
    SECOND_MS,
    TO_USER,
    AfterFailure,
    AfterTime,
    AfterTold,
    AfterWord,
    answered,
    entries,
    failed,
)
from tests.consequences.good_words import (
    user_resumes,
    user_writes,
)
from tests.consequences.world import ANN, OPERATOR, World
from tidegate.policy.verdict import Reason


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


async def three_are_undeliverable(world: World) -> None:
    for _ in range(3):
        # A status has whole seconds, and two of one user and second are taken for one.
        await world.pass_ms(SECOND_MS)
        await world.failed(131026)


CODES_OF_USERS: Final = (
    *entries(
        (130403,),
        "suppresses the user until they are erased",
        failed,
        TO_USER,
        Reason.RECIPIENT_SUPPRESSED,
        None,
        (AfterTold(is_erased, "the business unblocks and erases the user"),),
        "blocked_by_business",
    ),
    *entries(
        (130472,),
        "suppresses marketing to the user",
        failed,
        TO_USER & MARKETING,
        Reason.RECIPIENT_SUPPRESSED,
        30 * DAY_MS,
        (AfterTime(30 * DAY_MS, HOUR_MS), AfterWord(user_writes, tries=True)),
        "experiment",
    ),
    *entries(
        (130497,),
        "suppresses the user whose country is closed",
        answered,
        TO_USER,
        Reason.RECIPIENT_SUPPRESSED,
        30 * DAY_MS,
        (AfterTime(30 * DAY_MS),),
        "country",
    ),
    *entries(
        (131026,),
        "three times in a row suppresses the user",
        lambda code: three_are_undeliverable,
        TO_USER & INITIATED,
        Reason.RECIPIENT_SUPPRESSED,
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
        Reason.RECIPIENT_SUPPRESSED,
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
)
