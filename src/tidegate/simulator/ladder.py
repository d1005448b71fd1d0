"""What Meta does to an account whose messages are taken badly: a warning, then longer and longer restrictions.

Steps and lengths: Meta, "Policy enforcement". When each is taken is not published: see `behaviour.Ladder`.
"""

from __future__ import annotations

from typing import Final

from tidegate.simulator.behaviour import DAY_MS
from tidegate.simulator.book import Penalty, PenaltyKind
from tidegate.simulator.estate import Waba
from tidegate.simulator.notices import Webhook
from tidegate.simulator.platform import Platform

#: An account that is restricted may not add numbers either.
_TEMPLATES: Final = ("RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_ADD_PHONE_NUMBER_ACTION")
_REPLIES: Final = ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING",)


def look(platform: Platform, waba: Waba, now_ms: int) -> None:
    """Take the next step against an account if it has earned it."""
    ladder = platform.behaviour.ladder
    score = platform.scores.get(waba.id)
    if ladder is None or score is None or score.deliveries < ladder.least_sample or score.share() < ladder.share:
        return
    if now_ms < max(waba.templates_barred_until_ms, waba.all_barred_until_ms):
        return
    # Each step is for what came after the one before.
    del platform.scores[waba.id]
    waba.steps += 1
    if waba.steps == 1:
        value = {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SCAM"}}
        platform.book.punish(Penalty(PenaltyKind.WARNING, now_ms, waba.id))
        platform.tell(Webhook(now_ms, waba.id, "account_update", value), now_ms)
        return
    rung = ladder.rungs[min(waba.steps - 2, len(ladder.rungs) - 1)]
    restrict(platform, waba, now_ms + rung.days * DAY_MS, now_ms, replies_too=rung.replies_too)


def restrict(platform: Platform, waba: Waba, until_ms: int, now_ms: int, *, replies_too: bool) -> None:
    """Bar an account's business-initiated messages, or all, until a time; tell it (account_update)."""
    waba.templates_barred_until_ms = until_ms
    if replies_too:
        waba.all_barred_until_ms = until_ms
    kinds = (*_TEMPLATES, *_REPLIES) if replies_too else _TEMPLATES
    penalty = PenaltyKind.ALL_BARRED if replies_too else PenaltyKind.TEMPLATES_BARRED
    platform.book.punish(Penalty(penalty, now_ms, waba.id, until_ms))
    bars = [{"restriction_type": kind, "expiration": until_ms // 1_000} for kind in kinds]
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": bars}
    platform.tell(Webhook(now_ms, waba.id, "account_update", value), now_ms)
