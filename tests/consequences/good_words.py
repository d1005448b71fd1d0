"""Good words of Meta's and of users': what they open, and all that webhooks have of them."""

from __future__ import annotations

from typing import Final

from tests.consequences.entries import AfterRead, AfterWord, account, hook, of_template, says
from tests.consequences.scripted_graph import health
from tests.consequences.world import ANN, DISPLAY, NUMBER, WABA, World


async def user_writes(world: World) -> None:
    await world.hears(ANN)


async def user_resumes(world: World) -> None:
    await world.wants("resume")


RECOVERY: Final = account(
    "ACCOUNT_RESTRICTION", violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT_RECOVERY"}
)
REINSTATED: Final = account("DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"})
UNFLAGGED: Final = hook("phone_number_quality_update", display_phone_number=DISPLAY[NUMBER], event="UNFLAGGED")
WELL: Final = AfterRead(says(WABA, health_status=health("WABA", WABA, "AVAILABLE")))
#: The template is approved and GREEN, the number is connected, the token is taken.
FINE: Final = AfterRead()
APPROVED: Final = AfterWord(of_template("message_template_status_update", event="APPROVED"), tries=True)

#: Every webhook that says that something is over.
GOOD_WORDS: Final = (
    RECOVERY,
    REINSTATED,
    UNFLAGGED,
    account("ACCOUNT_RESTRICTION", violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE_UNBAN"}),
    account("ACCOUNT_RECONNECTED"),
    hook("account_review_update", decision="APPROVED"),
    hook("phone_number_name_update", display_phone_number=DISPLAY[NUMBER], decision="APPROVED"),
    of_template("message_template_status_update", event="APPROVED"),
    of_template("message_template_status_update", event="REINSTATED"),
    of_template("message_template_quality_update", previous_quality_score="RED", new_quality_score="GREEN"),
)
