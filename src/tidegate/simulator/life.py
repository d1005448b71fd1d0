"""The life of an accepted message: sent, delivered, read, failed, or never heard of again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tidegate.simulator import notices, reactions
from tidegate.simulator.behaviour import DAY_MS, MINUTE_MS, OverLimit
from tidegate.simulator.book import Accepted, Violation, ViolationKind
from tidegate.simulator.chance import Chance, stream_of
from tidegate.simulator.estate import Number, Portfolio, Template
from tidegate.simulator.identity import User
from tidegate.simulator.platform import Platform

#: Meta (time to live): 10 minutes for authentication templates, 30 days for the rest; then dropped silently.
_TTL_MS: Final = {"authentication": 10 * MINUTE_MS}
_USUAL_TTL_MS: Final = 30 * DAY_MS


@dataclass(slots=True)
class Message:
    """An accepted message with those it concerns; `lite` came to `/marketing_messages`."""

    accepted: Accepted
    number: Number
    portfolio: Portfolio
    user: User
    template: Template | None
    by_user_id: bool
    lite: bool
    chance: Chance


def begin(platform: Platform, message: Message, now_ms: int) -> None:
    """Start the life of a message that leaves Meta now."""
    sent_ms = platform.later(now_ms, platform.behaviour.sent_delay.ms(message.chance()))
    code = _doom(platform, message)
    if code is not None:
        platform.agenda.enter(sent_ms, partial(fail, platform, message, code))
    else:
        platform.agenda.enter(sent_ms, partial(_sent, platform, message))


def fail(platform: Platform, message: Message, code: int, now_ms: int) -> None:
    """End a message's life with a `failed` status; its user gets nothing."""
    _settle(message, now_ms, delivered=False)
    platform.book.fates["failed"] += 1
    _tell(platform, message, "failed", now_ms, code=code)


def _doom(platform: Platform, message: Message) -> int | None:
    """Say with which code a message is bound to fail; None: it is not."""
    send, behaviour = message.accepted, platform.behaviour
    drawn, which = message.chance(), message.chance()
    if send.category == "service" and not send.inside_window:
        return 131047
    if not platform.is_reachable(send.user) or (send.number_id, send.user) in platform.blocked:
        return 131026
    if send.category == "marketing" and (message.number.waba_id, send.user) in platform.stopped:
        return 131050
    # Meta keeps a user in its marketing experiment for good: so it hangs on the user, not on the message
    experiment = Chance(platform.seed, stream_of("experiment", send.user))
    if send.category == "marketing" and not send.inside_window and experiment.hits(behaviour.experiment_share):
        return 130472
    if drawn < behaviour.failed_share:
        return _weighted(behaviour.failure_codes, which)
    return None


def _weighted(codes: tuple[tuple[int, float], ...], drawn: float) -> int:
    left = drawn * sum(weight for _, weight in codes)
    for code, weight in codes:
        left -= weight
        if left < 0:
            return code
    return codes[-1][0]


def _sent(platform: Platform, message: Message, now_ms: int) -> None:
    _tell(platform, message, "sent", now_ms, priced=True)
    silent = message.chance.hits(platform.behaviour.silent_share)
    delay_ms = platform.behaviour.delivery_delay.ms(message.chance())
    ttl_ms = _TTL_MS.get(message.accepted.category, _USUAL_TTL_MS)
    if silent or delay_ms >= ttl_ms:
        platform.agenda.enter(platform.later(now_ms, ttl_ms), partial(_lapse, platform, message))
    else:
        platform.agenda.enter(platform.later(now_ms, delay_ms), partial(_deliver, platform, message))


def _lapse(platform: Platform, message: Message, now_ms: int) -> None:
    _settle(message, now_ms, delivered=False)
    platform.book.fates["lapsed"] += 1


def _deliver(platform: Platform, message: Message, now_ms: int) -> None:
    if _capped(platform, message, now_ms):
        return fail(platform, message, 131049, now_ms)
    verdict = _over_limit(platform, message, now_ms)
    if verdict is OverLimit.FAIL:
        return fail(platform, message, 131048, now_ms)
    if verdict is OverLimit.DROP:
        return _lapse(platform, message, now_ms)
    _settle(message, now_ms, delivered=True)
    platform.book.fates["delivered"] += 1
    behaviour, chance = platform.behaviour, message.chance
    read, skipped = chance.hits(behaviour.read_share), chance.hits(behaviour.delivered_skipped_share)
    failed_too = chance.hits(behaviour.failed_after_delivered_share)
    if read:
        read_ms = platform.later(now_ms, behaviour.read_delay.ms(chance()))
        platform.agenda.enter(read_ms, partial(_read, platform, message, skipped))
    if not (read and skipped):
        _tell(platform, message, "delivered", now_ms, priced=True)
    if failed_too:  # one of the user's devices could not take it: delivered all the same
        _tell(platform, message, "failed", now_ms, code=131026)
    if message.template is not None and not message.accepted.inside_window:
        reactions.receive(platform, message.number, message.template, message.user, now_ms)
    return None


def _read(platform: Platform, message: Message, priced: bool, now_ms: int) -> None:
    platform.book.fates["read"] += 1
    _tell(platform, message, "read", now_ms, priced=priced)


def _capped(platform: Platform, message: Message, now_ms: int) -> bool:
    """Count a marketing delivery; say whether the user has had enough (Meta: per-user marketing limits)."""
    most, send = platform.behaviour.marketing_per_user, message.accepted
    if most is None or send.category != "marketing" or send.inside_window:
        return False
    times = [at_ms for at_ms in platform.marketing.get(send.user, ()) if at_ms > now_ms - DAY_MS]
    if len(times) < most:
        platform.marketing[send.user] = (*times, now_ms)
    return len(times) >= most


def _over_limit(platform: Platform, message: Message, now_ms: int) -> OverLimit:
    """Say what becomes of a delivery by the messaging limit; one too many is entered in the book."""
    places, send = message.portfolio.places, message.accepted
    if not send.counts or places.limit < 0 or places.is_delivered(send.user, now_ms):
        return OverLimit.DELIVER
    delivered = places.delivered(now_ms)
    if delivered < places.limit:
        return OverLimit.DELIVER
    kind, portfolio = ViolationKind.DELIVERED_OVER_LIMIT, message.portfolio.id
    evidence: dict[str, int | str] = {
        "delivered": delivered,
        "limit": places.limit,
        "accepted_at_ms": send.at_ms,
    }
    platform.book.note(Violation(kind, now_ms, portfolio, send.number_id, send.user, send.opaque, evidence))
    return platform.behaviour.over_limit


def _settle(message: Message, now_ms: int, *, delivered: bool) -> None:
    if message.accepted.counts:
        message.portfolio.places.settle(message.accepted.user, now_ms, delivered=delivered)


def _tell(
    platform: Platform,
    message: Message,
    name: str,
    now_ms: int,
    *,
    priced: bool = False,
    code: int | None = None,
) -> None:
    told = notices.status(
        message.number,
        message.user,
        now_ms,
        wamid=message.accepted.wamid,
        name=name,
        opaque=message.accepted.opaque,
        pricing=_pricing(message) if priced else None,
        code=code,
        by_user_id=message.by_user_id,
    )
    platform.tell(told, now_ms)


def _pricing(message: Message) -> dict[str, Any]:
    """Price per message since July 2025 (Meta: pricing); free-form ones are in the number's free tier."""
    category = message.accepted.category
    free = category == "service"
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "type": "free_customer_service" if free else "regular",
        "category": "marketing_lite" if message.lite else category,
    }
