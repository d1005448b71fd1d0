"""What tidegate answers to a send, and why: verdicts, reasons and the objections that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a send was queued or refused. Public and append-only: callers switch on these strings."""

    MESSAGING_LIMIT = "messaging_limit"
    CATEGORY_RESERVE = "category_reserve"
    WARM_UP = "warm_up"
    SERVICE_WINDOW_CLOSED = "service_window_closed"
    THROUGHPUT = "throughput"
    PAIR_RATE = "pair_rate"
    TEMPLATE_PAUSED = "template_paused"
    TEMPLATE_DISABLED = "template_disabled"
    TEMPLATE_UNKNOWN = "template_unknown"
    NUMBER_STANDING = "number_standing"
    ACCOUNT_RESTRICTED = "account_restricted"
    ACCOUNT_LOCKED = "account_locked"
    QUIET_HOURS = "quiet_hours"
    FREQUENCY_CAP = "frequency_cap"
    USER_MARKETING_LIMIT = "user_marketing_limit"
    OPTED_OUT = "opted_out"
    NO_OPT_IN = "no_opt_in"
    RECIPIENT_SUPPRESSED = "recipient_suppressed"
    BUDGET = "budget"
    EXPIRED = "expired"
    CAMPAIGN_HALTED = "campaign_halted"
    PAUSED_BY_OPERATOR = "paused_by_operator"
    STORE_UNAVAILABLE = "store_unavailable"
    INVALID_RECIPIENT = "invalid_recipient"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    SCHEDULED = "scheduled"
    UPSTREAM_THROTTLED = "upstream_throttled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    NOT_GRANTED = "not_granted"
    LIMIT_SHARE = "limit_share"

    @property
    def code(self) -> int:
        """The Graph error code that a refusal for this reason carries."""
        return CODES[self]


CODES: dict[Reason, int] = {
    Reason.MESSAGING_LIMIT: 131048,
    Reason.CATEGORY_RESERVE: 131048,
    Reason.WARM_UP: 131048,
    Reason.SERVICE_WINDOW_CLOSED: 131047,
    Reason.THROUGHPUT: 130429,
    Reason.PAIR_RATE: 131056,
    Reason.TEMPLATE_PAUSED: 132015,
    Reason.TEMPLATE_DISABLED: 132016,
    Reason.TEMPLATE_UNKNOWN: 132001,
    Reason.NUMBER_STANDING: 131048,
    Reason.ACCOUNT_RESTRICTED: 368,
    Reason.ACCOUNT_LOCKED: 131031,
    Reason.QUIET_HOURS: 131049,
    Reason.FREQUENCY_CAP: 131049,
    Reason.USER_MARKETING_LIMIT: 131049,
    Reason.OPTED_OUT: 131050,
    Reason.NO_OPT_IN: 131050,
    Reason.RECIPIENT_SUPPRESSED: 131026,
    Reason.BUDGET: 131042,
    Reason.EXPIRED: 131000,
    Reason.CAMPAIGN_HALTED: 131048,
    Reason.PAUSED_BY_OPERATOR: 131048,
    Reason.STORE_UNAVAILABLE: 2,
    Reason.INVALID_RECIPIENT: 100,
    Reason.UPSTREAM_UNAVAILABLE: 2,
    # The next three never refuse a send: they say why one is held or in doubt.
    Reason.SCHEDULED: 131000,
    Reason.UPSTREAM_THROTTLED: 130429,
    Reason.OUTCOME_UNKNOWN: 131000,
    # Graph's own words for it: "Application does not have permission for this action".
    Reason.NOT_GRANTED: 10,
    Reason.LIMIT_SHARE: 131048,
}


@dataclass(frozen=True, slots=True)
class Objection:
    """One guardrail's no.

    `until_ms` is the store's time from which it would no longer object, None when that is unknown.
    `final` objections are never answered by queueing; `pacing` ones may be waited for. `shadow`: of a rule that only
    tells. `spread_ms`: while sends go one by one, how far apart these are, so that not all who wait ask at once.
    """

    reason: Reason
    detail: str
    until_ms: int | None = None
    final: bool = False
    pacing: bool = False
    shadow: bool = False
    spread_ms: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Go: the place is taken, the intent is written. There is one."""


SEND: Final = Send()


@dataclass(frozen=True, slots=True)
class Wait:
    """Not this instant: its turn (throughput, pair) comes at `until_ms`, soon enough to wait for it."""

    objection: Objection
    until_ms: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Later: kept in the send queue; asked again at `until_ms`, or when something changes."""

    reason: Reason
    detail: str
    until_ms: int | None = None
    needs_place: bool = False
    spread_ms: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """No: answered in Graph's error shape with the reason's code."""

    reason: Reason
    detail: str
    until_ms: int | None = None
    pacing: bool = False


Verdict = Send | Wait | Queue | Reject
