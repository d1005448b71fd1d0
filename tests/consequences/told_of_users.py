"""What users tell, and what it stops."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    DAY_MS,
    MARKETING,
    TO_USER,
    AfterTime,
    AfterTold,
    Entry,
)
from tests.consequences.good_words import (
    user_resumes,
)
from tests.consequences.world import World
from tidegate.policy.verdict import Reason


async def user_stops(world: World) -> None:
    await world.wants("stop")


async def two_under_way_are_not_delivered(world: World) -> None:
    """The second one's failure is told half a day after the first one's."""
    for _ in range(2):
        await world.send("the template")
    await world.status(world.graph.sent[0], "failed", 131049)
    await world.pass_ms(DAY_MS / 2)
    await world.status(world.graph.sent[1], "failed", 131049)


TOLD_OF_USERS: Final = (
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
)
