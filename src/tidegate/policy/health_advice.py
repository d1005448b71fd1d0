"""What each metric of an account status page means for the business, and what to do about it: one table.

A code is a metric and its state, `quality.poor`; codes are append-only, the words for them may be bettered.
Sources: Meta, "Quality rating", "Messaging limits", "Business verification", "Error codes" (131042), "Health status".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.capacity import available
from tidegate.policy.health import QUALITY_WORDS, Seen, account_status, payment_method
from tidegate.policy.readiness import remarks


class Words(NamedTuple):
    """What a state means for the business, and what to do about it; nothing to do is an empty `do`."""

    meaning: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """One metric, the code of its state, and the words for that."""

    metric: str
    code: str
    meaning: str
    do: str


@dataclass(frozen=True, slots=True)
class Money:
    """What is left to spend; None where it is not configured. `balance_micros`: millionths of the budget's currency."""

    included: int | None = None
    balance_micros: int | None = None


_WAIT: Final = "wait: it is decided by Meta; ask support when it takes longer than two weeks"
_VERIFY: Final = "verify the business in Meta's Security Center"

WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "quality.good": Words("users welcome your messages: Meta may raise the limit"),
        "quality.fair": Words(
            "more users than usual block or report your messages: the limit is not raised meanwhile",
            "find the template or campaign behind it (sent_before in GET /quality), and send less of it",
        ),
        "quality.poor": Words(
            "many users block or report your messages: what you begin is stopped, lest Meta restricts the account",
            "end the campaign behind it, write only to who asked for it, and wait: Meta looks at the last 7 days",
        ),
        "quality.unknown": Words("Meta has not rated the number yet, or it was not read yet"),
        "account_status.healthy": Words("nothing that Meta said stands in the way of your messages"),
        "account_status.at_risk": Words(
            "something is wrong that does not stop all messages yet",
            "see what is open in GET /standing, and end its cause before Meta restricts the account",
        ),
        "account_status.restricted": Words(
            "you can't begin conversations by this number now",
            "see what is open in GET /standing: each breaker says since when, until when and what proves its end",
        ),
        "messaging_limit.limited": Words("so many users a day can be written to first, by all numbers together"),
        "messaging_limit.unlimited": Words("as many users can be written to first as the throughput lets through"),
        "payment_method.ok": Words("Meta charged for messages after it had refused to: payment works"),
        "payment_method.missing": Words(
            "Meta refuses messages that cost something, for it can't charge for them (131042)",
            "add or renew the payment method in WhatsApp Manager, and check currency and time zone of the account",
        ),
        "payment_method.unknown": Words("no message was refused for want of a payment method"),
        "included_conversations.left": Words("replies in the service window cost nothing while any are left"),
        "included_conversations.used_up": Words(
            "replies are charged until the month ends", "plan for their price: see rules.budget"
        ),
        "included_conversations.not_configured": Words("not counted: Meta tells none, and rules.budget names none"),
        "wallet_balance.left": Words("messages are paid from the wallet while it lasts"),
        "wallet_balance.used_up": Words(
            "messages that cost something are refused or wait (budget)", "top the wallet up"
        ),
        "wallet_balance.not_configured": Words("no wallet is kept: rules.budget asks for none"),
        "daily_limit.enough": Words("marketing can go: places are left for it"),
        "daily_limit.nearly_used": Words(
            "less than a tenth of the limit is left for marketing: messages to new users will soon wait",
            "put off what can wait; GET /portfolios/{id}/capacity says when places come free",
        ),
        "daily_limit.used_up": Words(
            "marketing to new users waits until places come free; what is reserved goes on",
            "wait, or ask GET /portfolios/{id}/upgrade what the next limit takes",
        ),
        "daily_limit.unlimited": Words("no count of users bounds what can be sent"),
        "campaign_readiness.ready": Words("a campaign may start"),
        "campaign_readiness.not_ready": Words(
            "a campaign would be refused or held", "end what its reasons name, or wait until they are over"
        ),
        "review.approved": Words("Meta has looked into the account and approved it"),
        "review.pending": Words("Meta is looking into the account", _WAIT),
        "review.deferred": Words("Meta has put its decision on the account off", _WAIT),
        "review.rejected": Words(
            "Meta has rejected the account: nothing can be sent", "appeal in Meta's Business Support Home"
        ),
        "review.unknown": Words("Meta's review of the account was not read yet"),
        "verification.verified": Words(
            "the business is verified: its limits can be raised, and it may have more numbers"
        ),
        "verification.not_verified": Words(
            "without verification limits grow by use alone, and numbers are few", _VERIFY
        ),
        "verification.pending": Words("Meta is verifying the business", _WAIT),
        "verification.pending_submission": Words("the verification was begun and not handed in", _VERIFY),
        "verification.pending_need_more_info": Words(
            "Meta needs more to verify the business", "hand in what the Security Center asks for"
        ),
        "verification.failed": Words("Meta could not verify the business", "check name and documents, and try again"),
        "verification.rejected": Words("Meta has rejected the verification", "check name and documents, and try again"),
        "verification.ineligible": Words("Meta does not verify this business", "ask Meta's support why"),
        "verification.expired": Words("the verification is over: limits may fall back", _VERIFY),
        "verification.revoked": Words("Meta has taken the verification back", "appeal in Meta's Business Support Home"),
        "verification.unknown": Words("whether the business is verified was not read yet"),
    }
)
"""The words for every code."""

METRICS: Final = tuple(dict.fromkeys(code.partition(".")[0] for code in WORDS))

_NEARLY: Final = 0.1


def advice_of(seen: Seen, money: Money) -> tuple[Advice, ...]:
    """Every metric of a number's health, and what Meta found of its account, in the order of the page."""
    return tuple(_advice(metric, state) for metric, state in _states(seen, money))


def _states(seen: Seen, money: Money) -> Iterator[tuple[str, str]]:
    standing = seen.standing
    account = standing.account(seen.waba)
    yield "quality", QUALITY_WORDS[standing.number(seen.number).quality].lower()
    yield "account_status", account_status(seen).value.lower().replace(" ", "_")
    yield "messaging_limit", "unlimited" if standing.limit == UNLIMITED else "limited"
    yield "payment_method", payment_method(seen).value
    yield "included_conversations", _left(money.included)
    yield "wallet_balance", _left(money.balance_micros)
    yield "daily_limit", _daily(seen)
    ready = not any(remark.blocks for remark in remarks(seen))
    yield "campaign_readiness", "ready" if ready else "not_ready"
    yield "review", account.review.value.lower()
    yield "verification", account.verification.value


def _advice(metric: str, state: str) -> Advice:
    code = f"{metric}.{state}"
    return Advice(metric, code, *WORDS[code])


def _left(amount: int | None) -> str:
    return "not_configured" if amount is None else "left" if amount > 0 else "used_up"


def _daily(seen: Seen) -> str:
    left = available(seen.standing.limit, seen.used, seen.standing.rules)[Category.MARKETING]
    if left is None:
        return "unlimited"
    if not left:
        return "used_up"
    return "nearly_used" if left < _NEARLY * seen.standing.limit else "enough"
