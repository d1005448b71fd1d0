"""Numbers under the rules of before October 2025: flagged, restricted, a tier less, a tier more.

Source: Meta, messaging limits and webhook `phone_number_quality_update` as they were then.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Final

from tidegate.simulator.behaviour import DAY_MS, OldRegime
from tidegate.simulator.book import Penalty, PenaltyKind
from tidegate.simulator.config import UNLIMITED
from tidegate.simulator.estate import Number, tier_name
from tidegate.simulator.notices import Webhook
from tidegate.simulator.platform import Platform

#: The ladder of then.
_TIERS: Final = (50, 250, 1_000, 10_000, 100_000, UNLIMITED)


def lower_tier(limit: int) -> int:
    """Give the largest tier of then below a messaging limit; the lowest stays."""
    if limit == UNLIMITED:
        return 100_000
    return max((tier for tier in _TIERS[:-1] if tier < limit), default=limit)


def higher_tier(limit: int) -> int:
    """Give the next tier of then above a messaging limit."""
    if limit == UNLIMITED:
        return UNLIMITED
    return next(above for below, above in pairwise((0, *_TIERS)) if above == UNLIMITED or below <= limit < above)


def look(platform: Platform, number: Number, now_ms: int) -> None:
    """Flag a number whose quality turned low, unflag a better one, let one grow that was good for long."""
    rules = platform.behaviour.old_regime
    if rules is None:
        return
    if number.quality == "RED":
        number.low_at_ms = now_ms
        if number.flagged_at_ms is None and number.status in {"CONNECTED", "RESTRICTED"}:
            _flag(platform, number, rules, now_ms)
    elif number.flagged_at_ms is not None and number.quality != "UNKNOWN":
        _unflag(number)
        _tell(platform, number, "UNFLAGGED", now_ms)
    elif number.status == "CONNECTED":
        _grow(platform, number, rules, now_ms)


def restrict_full(platform: Platform, number: Number, now_ms: int) -> None:
    """Restrict a number that has used up its limit until the 24 hours have let go."""
    places = platform.estate.portfolio_of(number).places
    if platform.behaviour.old_regime is None or number.status not in {"CONNECTED", "FLAGGED"}:
        return
    if places.limit != UNLIMITED and places.delivered(now_ms) >= places.limit:
        number.status = "RESTRICTED"
        platform.agenda.enter(now_ms + DAY_MS, partial(_free, number))


def _free(number: Number, _now_ms: int) -> None:
    if number.status == "RESTRICTED":
        number.status = "CONNECTED" if number.flagged_at_ms is None else "FLAGGED"


def _flag(platform: Platform, number: Number, rules: OldRegime, now_ms: int) -> None:
    number.flagged_at_ms = now_ms
    number.status = "FLAGGED" if number.status == "CONNECTED" else number.status
    platform.book.punish(Penalty(PenaltyKind.FLAGGED, now_ms, number.id, now_ms + rules.flagged_ms))
    _tell(platform, number, "FLAGGED", now_ms)
    platform.agenda.enter(now_ms + rules.flagged_ms, partial(_not_better, platform, number, now_ms))


def _unflag(number: Number) -> None:
    number.flagged_at_ms = None
    number.status = "CONNECTED" if number.status == "FLAGGED" else number.status


def _grow(platform: Platform, number: Number, rules: OldRegime, now_ms: int) -> None:
    places = platform.estate.portfolio_of(number).places
    uses_half = places.limit != UNLIMITED and 2 * places.delivered(now_ms) >= places.limit
    if uses_half and now_ms - max(platform.start_ms, number.low_at_ms) >= rules.flagged_ms:
        number.low_at_ms = now_ms  # the next tier takes as long again
        _set_limit(platform, number, higher_tier(places.limit), "UPGRADE", now_ms)


def _not_better(platform: Platform, number: Number, flagged_at_ms: int, now_ms: int) -> None:
    if number.flagged_at_ms != flagged_at_ms:
        return
    _unflag(number)
    platform.book.punish(Penalty(PenaltyKind.TIER_LOST, now_ms, number.id))
    _set_limit(platform, number, lower_tier(platform.estate.portfolio_of(number).places.limit), "DOWNGRADE", now_ms)


def _set_limit(platform: Platform, number: Number, limit: int, event: str, now_ms: int) -> None:
    places = platform.estate.portfolio_of(number).places
    before = places.limit
    places.set_limit(limit, now_ms)
    _tell(platform, number, event, now_ms, before)


def _tell(platform: Platform, number: Number, event: str, now_ms: int, before: int | None = None) -> None:
    limit = platform.estate.portfolio_of(number).places.limit
    value = {
        "display_phone_number": number.display_phone_number,
        "event": event,
        "current_limit": tier_name(limit),
    }
    if before is not None:
        value["old_limit"] = tier_name(before)
    platform.tell(Webhook(now_ms, number.waba_id, "phone_number_quality_update", value), now_ms)
