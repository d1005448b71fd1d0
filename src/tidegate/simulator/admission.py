"""Which sends Meta takes: its checks, one function each, in one ordered tuple.

A check that a careful sender would never have met also writes a violation into the book.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate.simulator.answers import Answer, refusal
from tidegate.simulator.behaviour import ClosedWindow
from tidegate.simulator.book import Violation, ViolationKind
from tidegate.simulator.estate import Number, Portfolio, Template, Waba
from tidegate.simulator.intake import Send
from tidegate.simulator.platform import Platform

Evidence = dict[str, int | str]

#: So long after a webhook has come a business can have read and obeyed it.
_READ_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A send as it arrives, with all that it touches.

    `marketing_endpoint` says whether it came to `/marketing_messages`.
    """

    send: Send
    now_ms: int
    number: Number
    waba: Waba
    portfolio: Portfolio
    template: Template | None
    inside_window: bool
    marketing_endpoint: bool

    @property
    def user(self) -> str:
        """The name that the recipient is counted under."""
        return self.send.user.key

    @property
    def category(self) -> str:
        """The category in lower case; `service` for a free-form message."""
        if self.template:
            return self.template.category.lower()
        return self.send.direct_category or "service"

    @property
    def business_initiated(self) -> bool:
        """Say whether it may go outside a window: a template or a Direct Send."""
        return self.send.template is not None or self.send.direct_category is not None


def judge(platform: Platform, attempt: Attempt) -> Answer | None:
    """Give Meta's refusal of a send; None: it is taken."""
    for check in CHECKS:
        answer = check(platform, attempt)
        if answer is not None:
            return answer
    platform.pairs.send(attempt.number.id, attempt.user, attempt.now_ms, platform.behaviour.pair_rate)
    return None


def broken(platform: Platform, kind: ViolationKind, attempt: Attempt, evidence: Evidence) -> None:
    """Write into the book that this send breaks a rule."""
    number, portfolio = attempt.number.id, attempt.portfolio.id
    violation = Violation(kind, attempt.now_ms, portfolio, number, attempt.user, attempt.send.opaque, evidence)
    platform.book.note(violation)


def outage(platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse everything while the platform is down (code 2)."""
    since_ms = attempt.now_ms - platform.start_ms
    if any(from_ms <= since_ms < to_ms for from_ms, to_ms in platform.behaviour.outages):
        return refusal(2)
    return None


def standing(_platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse a number that is not connected and an account that is restricted (Meta: policy enforcement)."""
    if attempt.number.status == "BANNED" or attempt.waba.review == "REJECTED":
        return refusal(131031)
    if attempt.number.status not in {"CONNECTED", "FLAGGED", "RATE_LIMITED", "RESTRICTED"}:
        return refusal(133010)
    if attempt.now_ms < attempt.waba.all_barred_until_ms:
        return refusal(368)
    if attempt.business_initiated and attempt.now_ms < attempt.waba.templates_barred_until_ms:
        return refusal(368)
    return None


def throughput(platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse more messages a second than the number's throughput allows (Meta: throughput)."""
    counter = platform.throughputs[attempt.number.id]
    share = platform.behaviour.throughput_share * (1 + platform.behaviour.throughput_tolerance)
    most = max(1, int(attempt.number.throughput * share))
    sends, received = counter.outbound(attempt.now_ms), counter.inbound(attempt.now_ms)
    if sends + received < most:
        counter.send(attempt.now_ms)
        return None
    if sends >= most:  # users' own messages count too, but nobody can foresee them
        broken(platform, ViolationKind.THROUGHPUT, attempt, {"sends_in_last_second": sends, "allowed": most})
    return refusal(130429)


def recipient(_platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse a message to the sender itself, and an authentication template to a user id."""
    if attempt.send.user.wa_id == attempt.number.display_phone_number:
        return refusal(131021)
    if attempt.send.by_user_id and attempt.category == "authentication":
        return refusal(131062)
    return None


def template(platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse a template that does not exist, is paused, disabled or not approved (Meta: template status)."""
    if attempt.send.template is None:
        return refusal(134100) if attempt.marketing_endpoint else None
    if attempt.template is None:
        return refusal(132001, f"template name ({attempt.send.template[0]}) does not exist in the language given")
    if attempt.template.status in {"PAUSED", "DISABLED"}:
        known_ms = attempt.now_ms - attempt.template.status_since_ms
        if known_ms >= platform.behaviour.grace_ms:
            evidence: Evidence = {
                "template": attempt.template.name,
                "status": attempt.template.status,
                "since_ms": attempt.template.status_since_ms,
            }
            broken(platform, ViolationKind.PAUSED_TEMPLATE, attempt, evidence)
        return refusal(132015 if attempt.template.status == "PAUSED" else 132016)
    if not attempt.template.sendable:
        return refusal(132001, "The template is not approved.")
    if attempt.marketing_endpoint and attempt.category != "marketing":
        return refusal(134100)
    return None


def direct_send(_platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse Direct Send to an account that is not on Meta's list for it."""
    if attempt.send.direct_category is not None and not attempt.waba.direct_send:
        return refusal(100, "Direct Send is not enabled for this account.")
    return None


def window(platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse, or fail later, a free-form message outside a customer service window."""
    if attempt.business_initiated or attempt.inside_window:
        return None
    opened_ms = platform.windows.opened_ms(attempt.number.id, attempt.user)
    evidence: Evidence = {} if opened_ms is None else {"opened_at_ms": opened_ms}
    broken(platform, ViolationKind.WINDOW_CLOSED, attempt, evidence)
    return refusal(131047) if platform.behaviour.closed_window is ClosedWindow.ANSWER else None


def pair(platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse a message to a user to whom the number still owes a pause (Meta: pair rate limits)."""
    wait_ms = platform.pairs.wait_ms(attempt.number.id, attempt.user, attempt.now_ms, platform.behaviour.pair_rate)
    if wait_ms == 0:
        return None
    broken(platform, ViolationKind.PAIR, attempt, {"wait_ms": wait_ms})
    return refusal(131056)


def opt_out(platform: Platform, attempt: Attempt) -> Answer | None:
    """Take marketing to a user who wants none, which then fails (131050) where he said so to Meta."""
    behaviour, wish = platform.behaviour, (attempt.number.waba_id, attempt.user)
    since_ms = platform.stopped.get(wish, platform.asked_to_stop.get(wish))
    if attempt.category != "marketing" or since_ms is None or behaviour.lost_share or behaviour.reordered_share:
        return None  # of a webhook that got lost, or came much later, nobody can have known
    told_ms = since_ms + max(behaviour.grace_ms, behaviour.webhook_delay.ms(1.0) + _READ_MS)
    if attempt.now_ms >= told_ms:
        broken(platform, ViolationKind.OPTED_OUT, attempt, {"since_ms": since_ms})
    return None


def spam(_platform: Platform, attempt: Attempt) -> Answer | None:
    """Refuse business-initiated messages of a number that too many users have blocked (code 131048).

    Which code a number got that was RESTRICTED, before October 2025, is not documented; its replies went on.
    """
    held = attempt.now_ms < attempt.number.spam_until_ms or attempt.number.status in {"RATE_LIMITED", "RESTRICTED"}
    return refusal(131048) if held and attempt.business_initiated else None


#: The order in which Meta looks is not published; this one goes from the platform to the message.
CHECKS: Final[tuple[Callable[[Platform, Attempt], Answer | None], ...]] = (
    outage,
    standing,
    throughput,
    recipient,
    template,
    direct_send,
    window,
    pair,
    opt_out,
    spam,
)
