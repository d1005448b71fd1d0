"""How the imitated platform behaves: delays, failures, lost and doubled webhooks, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of delays: pieces of (share of all cases reached, longest delay of the piece in ms).

    `Delay(((0.9, 2_000), (1.0, 60_000)))`: nine in ten within 2 s, the rest evenly between 2 s and 60 s.
    Shares rise and end at 1.0; delays never fall. The first piece begins at `least_ms`.
    """

    pieces: tuple[tuple[float, int], ...]
    least_ms: int = 0

    def __post_init__(self) -> None:
        shares = [share for share, _ in self.pieces]
        delays = [delay_ms for _, delay_ms in self.pieces]
        if not shares or shares[-1] != 1.0 or sorted(set(shares)) != shares or shares[0] < 0:
            raise ValueError("a delay's shares rise strictly and end at 1.0")
        if self.least_ms < 0 or sorted([self.least_ms, *delays]) != [self.least_ms, *delays]:
            raise ValueError("a delay's bounds are not negative and never fall")

    def ms(self, drawn: float) -> int:
        """Turn a draw from [0, 1) into a delay in ms."""
        low_share, low_ms = 0.0, self.least_ms
        for share, high_ms in self.pieces:
            if drawn < share:
                return low_ms + int((high_ms - low_ms) * (drawn - low_share) / (share - low_share))
            low_share, low_ms = share, high_ms
        return low_ms


def evenly(longest_ms: int) -> Delay:
    """Build the delay that is even between 0 and `longest_ms`."""
    return Delay(((1.0, longest_ms),))


def exactly(delay_ms: int) -> Delay:
    """Build the delay that is always the same."""
    return Delay(((1.0, delay_ms),), delay_ms)


NO_DELAY: Final = exactly(0)


class OverLimit(StrEnum):
    """What becomes of a delivery beyond the messaging limit; Meta documents neither code nor fate."""

    DELIVER = "deliver"
    DROP = "drop"
    FAIL = "fail"


class ClosedWindow(StrEnum):
    """How a free-form send outside a customer service window is turned down with 131047.

    Meta's error page marks the code as asynchronous: 200 first, then a `failed` status.
    """

    STATUS = "status"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class PairRate:
    """The pair rate limit of one business number and one user (Meta: "About the platform", rate limits).

    One message per `emission_ms`; up to `burst` within `burst_window_ms`, borrowed from the future: after a
    burst of N the next message may come N emissions after the burst began.
    """

    emission_ms: int = 6 * SECOND_MS
    burst: int = 45
    burst_window_ms: int = 6 * SECOND_MS


@dataclass(frozen=True, slots=True)
class Reactions:
    """What recipients do with delivered template messages outside a window, and what Meta does about it.

    `averse_share` of the users block or report whoever sends them a template, whatever it says; of the others
    `block_share` do so for a template, which may be given per template name in `by_template`. Of those who do
    not, `stop_share` stop the marketing, `stop_in_words_share` of them by writing STOP instead of by a tap.
    Whether somebody dislikes something hangs on him and on the template, not on when it is sent. Reactions
    come `delay` after the delivery.

    A score needs `least_sample` (recency-weighted) deliveries; below it is UNKNOWN. Meta publishes no
    threshold: these are the simulator's own. The pauses are Meta's (template pausing): 3 h, 6 h, then disabled.
    """

    averse_share: float = 0.0
    block_share: float = 0.0
    stop_share: float = 0.0
    stop_in_words_share: float = 0.0
    by_template: tuple[tuple[str, float], ...] = ()
    delay: Delay = NO_DELAY
    least_sample: float = 50.0
    yellow_share: float = 0.02
    red_share: float = 0.05
    spam_share: float = 0.15
    spam_hold_ms: int = HOUR_MS
    half_life_ms: int = 2 * DAY_MS

    @property
    def quiet(self) -> bool:
        """Say whether nobody ever reacts, so that nothing needs counting."""
        shares = (self.averse_share, self.block_share, self.stop_share, *(share for _, share in self.by_template))
        return not any(shares)

    def blocks(self, template: str) -> float:
        """Give the share of users, of those not averse to all, who block the number for this template."""
        return dict(self.by_template).get(template, self.block_share)


@dataclass(frozen=True, slots=True)
class Rung:
    """One restriction of an account: of its templates, or of its replies as well."""

    days: int
    replies_too: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """How an account whose messages are taken badly is punished, step by step.

    The steps are Meta's (policy enforcement): a warning, 1 and 3 days without templates, then 5, 7 and 30 days
    without any message. When a step is taken is not published; here: whenever `share` of at least
    `least_sample` deliveries since the last step were taken badly and no restriction is in force.
    """

    share: float = 0.08
    least_sample: float = 200.0
    rungs: tuple[Rung, ...] = (Rung(1, False), Rung(3, False), Rung(5, True), Rung(7, True), Rung(30, True))


@dataclass(frozen=True, slots=True)
class OldRegime:
    """The rules of before October 2025 (Meta, messaging limits of then).

    A number whose quality turns low is FLAGGED until it is better; if it is not within `flagged_ms`, its limit
    falls by a tier and it is connected again. A number that was not low for as long, and uses half of its limit,
    gets the next tier. At its limit it is RESTRICTED, replies apart, for the next 24 h.
    """

    flagged_ms: int = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way for the platform to behave; `scenarios` names some.

    Shares are probabilities of 0 to 1; `absent_share` of all users are not on WhatsApp. `failure_codes` are
    (code, weight). `outages` are (from, to) in ms after the world's start, during which sends are answered 503,
    code 2. `throughput_share` scales each number's messages per second. `grace_ms` is how long after a limit or a
    template changed the violation report still accepts the older state, since nobody can obey what he has not
    been told.
    """

    sent_delay: Delay = field(default=evenly(300))
    delivery_delay: Delay = field(default=Delay(((0.95, 2 * SECOND_MS), (1.0, 20 * SECOND_MS))))
    read_delay: Delay = field(default=evenly(10 * MINUTE_MS))
    read_share: float = 0.6
    failed_share: float = 0.0
    failure_codes: tuple[tuple[int, float], ...] = ((131026, 1.0),)
    silent_share: float = 0.0
    failed_after_delivered_share: float = 0.0
    delivered_skipped_share: float = 0.0
    experiment_share: float = 0.0
    absent_share: float = 0.0
    marketing_per_user: int | None = None
    webhook_delay: Delay = field(default=exactly(100))
    late_webhook_delay: Delay = field(default=evenly(10 * MINUTE_MS))
    reordered_share: float = 0.0
    duplicated_share: float = 0.0
    lost_share: float = 0.0
    outages: tuple[tuple[int, int], ...] = ()
    throughput_share: float = 1.0
    throughput_tolerance: float = 0.1
    pair_rate: PairRate = field(default=PairRate())
    over_limit: OverLimit = OverLimit.DELIVER
    closed_window: ClosedWindow = ClosedWindow.STATUS
    reactions: Reactions = field(default=Reactions())
    ladder: Ladder | None = None
    old_regime: OldRegime | None = None
    grace_ms: int = 0
