"""Whether a number is ready for a campaign, and every reason why not; beside that, what is good to know before one.

A campaign is marketing: ready is a number that nothing keeps from sending it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category, NumberStatus, Quality
from tidegate.policy.breaker import Breaker, objection, probe_objection, share_at
from tidegate.policy.capacity import available, category_places, place_at
from tidegate.policy.climb import climb
from tidegate.policy.health import STOPS_ALL, UNSUSPECTED, Seen, concerns, in_force
from tidegate.policy.old_regime import expected_downgrade, may_grow_at_ms
from tidegate.policy.reach import Action, Covers
from tidegate.policy.rules import Mode

_STOPS_MARKETING: Final = STOPS_ALL | {Covers.MARKETING}


class Kind(StrEnum):
    """What a remark is about."""

    BREAKER = "breaker"
    LIMIT_USED_UP = "limit_used_up"
    PAUSED_BY_OPERATOR = "paused_by_operator"
    QUALITY = "quality"
    NUMBER_STATUS = "number_status"
    EXPECTED_DOWNGRADE = "expected_downgrade"
    UPGRADE = "upgrade"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know before a campaign; `blocks`: it keeps the number from being ready for one.

    `rule` and `cause` are a breaker's. `until_ms`: when it is over, or (`expected_downgrade`, `upgrade`) to be
    expected; `limit` is the messaging limit then.
    """

    kind: Kind
    blocks: bool
    detail: str
    rule: str | None = None
    cause: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None


def remarks(seen: Seen) -> tuple[Remark, ...]:
    """All there is to say; the number is ready when none of them blocks."""
    return (
        *_of_breakers(seen),
        *_of_number(seen),
        *_of_limit(seen),
        *_of_pauses(seen),
        *_of_the_old_regime(seen),
        *_of_growth(seen),
    )


def _of_breakers(seen: Seen) -> Iterator[Remark]:
    for breaker in in_force(seen):
        enforced = seen.standing.rules.consequences.mode(breaker) == "enforce"
        of_marketing = concerns(breaker, seen, Category.MARKETING) and breaker.covers in _STOPS_MARKETING
        ahead = breaker.until_ms is not None and breaker.until_ms > seen.now_ms
        yield Remark(
            Kind.BREAKER,
            blocks=enforced and of_marketing and breaker.action.blocks,
            detail=_detail(breaker, seen.now_ms) + ("" if enforced else "; in shadow, so that it stops nothing"),
            rule=breaker.rule,
            cause=breaker.cause,
            since_ms=breaker.opened_at_ms,
            until_ms=breaker.until_ms if ahead else None,
        )


def _detail(breaker: Breaker, now_ms: int) -> str:
    no = objection(breaker, now_ms) or (probe_objection(breaker, now_ms) if breaker.action.blocks else None)
    if no is not None:
        return no.detail
    match breaker.action:
        case Action.THROTTLE:
            done = f"go at {share_at(breaker, now_ms):.0%} of the pace"
        case Action.RECLASSIFY:
            done = "are judged as marketing"
        case _:
            return f"Graph is not read after {breaker.cause} (rule {breaker.rule}); sends go on"
    messages = "all" if breaker.covers is Covers.EVERYTHING else breaker.covers.value.replace("_", "-")
    whom = f"{breaker.scope.value} {breaker.value}"
    return f"{messages} messages of {whom} {done} after {breaker.cause} (rule {breaker.rule})"


def _of_number(seen: Seen) -> Iterator[Remark]:
    number = seen.standing.number(seen.number)
    status, quality = number.status, number.quality
    if status not in UNSUSPECTED:
        yield Remark(Kind.NUMBER_STATUS, True, f"Meta's status of the number is {status.value}")
    elif status is NumberStatus.UNKNOWN:
        yield Remark(Kind.NUMBER_STATUS, False, "Meta's status of the number is not known")
    if quality is Quality.RED:
        yield Remark(Kind.QUALITY, True, "quality is Poor (RED): a campaign would make it worse")
    elif quality is Quality.YELLOW:
        yield Remark(Kind.QUALITY, False, "quality is Fair (YELLOW): Meta does not raise the limit meanwhile")


def _of_limit(seen: Seen) -> Iterator[Remark]:
    limit, rules = seen.standing.limit, seen.standing.rules
    if available(limit, seen.used, rules)[Category.MARKETING] != 0:
        return
    places = category_places(limit, Category.MARKETING, rules)
    yield Remark(
        Kind.LIMIT_USED_UP,
        rules.mode("messaging_limit") is Mode.ENFORCE,
        f"of {limit} places {seen.used} are used, and none is left for marketing",
        until_ms=place_at(list(seen.curve), seen.used, places),
    )


def _of_pauses(seen: Seen) -> Iterator[Remark]:
    standing = seen.standing
    scopes = {
        ("portfolio", standing.portfolio),
        ("number", seen.number),
        ("category", Category.MARKETING.value),
    }
    for pause in standing.pauses:
        if (pause.scope, pause.value) in scopes and (pause.until_ms is None or pause.until_ms > seen.now_ms):
            detail = f"{pause.scope} {pause.value} is paused by hand: {pause.reason}"
            yield Remark(
                Kind.PAUSED_BY_OPERATOR, True, detail, cause=pause.by, since_ms=pause.since_ms, until_ms=pause.until_ms
            )


def _of_the_old_regime(seen: Seen) -> Iterator[Remark]:
    flagged = [breaker.opened_at_ms for breaker in in_force(seen) if breaker.rule == "number_flagged"]
    if seen.standing.number(seen.number).status is NumberStatus.FLAGGED and seen.turned_at_ms is not None:
        flagged.append(seen.turned_at_ms)
    since_ms = min(flagged, default=None)
    expected = expected_downgrade(seen.standing.limit, since_ms)
    if expected is not None:
        detail = f"flagged: if its quality is no better by then, expect a limit of {expected.limit}"
        yield Remark(
            Kind.EXPECTED_DOWNGRADE,
            False,
            detail,
            since_ms=since_ms,
            until_ms=expected.at_ms,
            limit=expected.limit,
        )


def _of_growth(seen: Seen) -> Iterator[Remark]:
    way = climb(seen.standing.limit, (seen.used,))
    if way is None:
        return
    number = seen.standing.number(seen.number)
    next_limit = "none" if way.next_limit == UNLIMITED else str(way.next_limit)
    asked = f"Meta asks for {way.needed} unique recipients in {way.days} days; the last 24 hours had {seen.used}"
    since_ms = until_ms = None
    if number.quality is not Quality.GREEN or number.status is not NumberStatus.CONNECTED:
        outlook = "not before the number is CONNECTED and its quality GREEN"
    else:
        since_ms = seen.turned_at_ms
        until_ms = None if since_ms is None else may_grow_at_ms(since_ms)
        healthy = until_ms is None or until_ms <= seen.now_ms
        outlook = "the number has been healthy for 7 days" if healthy else "the number is healthy, for less than 7 days"
    detail = f"the next limit is {next_limit}: {outlook}; {asked}"
    yield Remark(Kind.UPGRADE, False, detail, since_ms=since_ms, until_ms=until_ms, limit=way.next_limit)
