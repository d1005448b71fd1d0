"""What Meta tells of templates, and what it stops."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NONE,
    ONE,
    AfterRead,
    AfterTime,
    AfterWord,
    Entry,
    Tell,
    of_template,
    read,
    says,
)
from tests.consequences.good_words import (
    APPROVED,
    FINE,
)
from tests.consequences.scripted_graph import health
from tests.consequences.world import World
from tidegate.policy.verdict import Reason

_CATEGORY: Final = of_template(
    "template_category_update",
    new_category="MARKETING",
    correct_category="MARKETING",
    category_update_timestamp=1_795_780_800,
)


async def message_is_held(world: World) -> None:
    world.graph.message_status = "held_for_quality_assessment"
    await world.send("the template")
    world.graph.message_status = "accepted"


async def held_message_is_delivered(world: World) -> None:
    await world.status(world.graph.sent[0], "delivered")


def paused(title: str) -> Tell:
    return of_template("message_template_status_update", event="PAUSED", other_info={"title": title})


TOLD_OF_TEMPLATES: Final = (
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
    Entry(
        "a template that is read as BLOCKED stops",
        read("offer", rule="template_blocked", health_status=health("MESSAGE_TEMPLATE", "7offer", "BLOCKED")),
        ONE,
        Reason.TEMPLATE_PAUSED,
        None,
        (AfterRead(says("offer", health_status=health("MESSAGE_TEMPLATE", "7offer", "AVAILABLE"))),),
        "template_blocked",
    ),
    *(
        Entry(f"{sentence} is told and stops nothing", tell, NONE, rule=rule, alerts=True)
        for sentence, tell, rule in (
            ("a change of category to come", _CATEGORY, "template_category"),
            (
                "a template that is flagged",
                of_template("message_template_status_update", event="FLAGGED"),
                "template_notice",
            ),
        )
    ),
)
