"""How a business phone number stands, in Meta's words and in those of an account status page.

Quality is Good, Fair or Poor where Meta's rating is GREEN, YELLOW or RED, and Unknown where it is UNKNOWN (or NA): not
rated yet, or not read.

The account status is the first of these that is so:

Restricted: a breaker in force stops all business-initiated messages of the number, or Meta's `status` of it is another
than CONNECTED, FLAGGED and UNKNOWN.
At Risk: any other breaker is in force on the number, its account, token or portfolio; or `status` is FLAGGED; or the
quality is YELLOW or RED.
Healthy.

A breaker in force is open or half open. One about pace (Meta out of breath) tells nothing of the account, nor does one
that lets polling rest; a pause by hand is ours, and what is wrong with a template is the template's.
Sources: Meta, phone number node and "Messaging limits"; the three words are those of providers' status pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality
from tidegate.policy.breaker import Breaker, State, state_at
from tidegate.policy.capacity import Release
from tidegate.policy.reach import Action, Covers, Scope, Subject
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Reason

QUALITY_WORDS: Final[Mapping[Quality, str]] = MappingProxyType(
    {Quality.GREEN: "Good", Quality.YELLOW: "Fair", Quality.RED: "Poor", Quality.UNKNOWN: "Unknown"}
)


#: What a breaker covers that stops all business-initiated messages.
STOPS_ALL: Final = frozenset({Covers.EVERYTHING, Covers.BUSINESS_INITIATED})
#: `status` of the phone number node by which nothing is wrong, or nothing is known to be.
UNSUSPECTED: Final = frozenset({NumberStatus.CONNECTED, NumberStatus.UNKNOWN})


class AccountStatus(StrEnum):
    """The word of an account status page."""

    HEALTHY = "Healthy"
    AT_RISK = "At Risk"
    RESTRICTED = "Restricted"


class PaymentMethod(StrEnum):
    """Whether Meta can charge the account, as far as its answers to sends have told (error 131042)."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the health of a number is read from; times in ms.

    `used` places, and the `curve` by which they come free. `turned_at_ms`: when the number's quality or status last
    changed, as far as is known; None: long ago.
    """

    standing: Standing
    waba: str
    number: str
    now_ms: int
    used: int
    curve: tuple[Release, ...] = ()
    turned_at_ms: int | None = None


def account_status(seen: Seen) -> AccountStatus:
    """The word for the number's standing."""
    number = seen.standing.number(seen.number)
    telling = [breaker for breaker in in_force(seen) if not _is_about_pace(breaker)]
    stopped = any(b.action.blocks and b.scope is not Scope.CATEGORY and b.covers in STOPS_ALL for b in telling)
    if stopped or number.status not in UNSUSPECTED | {NumberStatus.FLAGGED}:
        return AccountStatus.RESTRICTED
    if telling or number.status is NumberStatus.FLAGGED or number.quality in (Quality.YELLOW, Quality.RED):
        return AccountStatus.AT_RISK
    return AccountStatus.HEALTHY


def payment_method(seen: Seen) -> PaymentMethod:
    """Missing while the breaker of rule `payment` is in force, ok once it closed again."""
    breakers = (b for b in seen.standing.breakers if b.rule == "payment" and concerns(b, seen, Category.MARKETING))
    breaker = next(breakers, None)
    if breaker is None:
        return PaymentMethod.UNKNOWN
    return PaymentMethod.OK if state_at(breaker, seen.now_ms) is State.CLOSED else PaymentMethod.MISSING


def in_force(seen: Seen) -> Iterator[Breaker]:
    """The breakers on the number, its categories, account, token and portfolio that are neither closed nor off."""
    consequences = seen.standing.rules.consequences
    for breaker in seen.standing.breakers:
        if state_at(breaker, seen.now_ms) is State.CLOSED or consequences.mode(breaker) == "off":
            continue
        if any(concerns(breaker, seen, category) for category in Category):
            yield breaker


def concerns(breaker: Breaker, seen: Seen, category: Category) -> bool:
    """Whether it is about messages of this category from the number, whatever their template."""
    subject = Subject(seen.standing.portfolio, seen.waba, seen.number, category=category)
    return breaker.scope is not Scope.TEMPLATE and subject.value(breaker.scope) == breaker.value


def _is_about_pace(breaker: Breaker) -> bool:
    is_aimd = breaker.action is Action.THROTTLE and breaker.recover_ms is not None
    return is_aimd or breaker.action is Action.PAUSE_POLLING or breaker.reason is Reason.UPSTREAM_THROTTLED
