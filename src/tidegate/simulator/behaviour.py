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

    Shares are of deliveries. `block_share` may be given per template name in `by_template`. A score needs
    `least_sample` (recency-weighted) deliveries; below it is UNKNOWN. Meta publishes no threshold: these are
    the simulator's own. The pauses are Meta's (template pausing): 3 h, 6 h, then disabled.
    """

    block_share: float = 0.0
    stop_share: float = 0.0
    by_template: tuple[tuple[str, float], ...] = ()
    least_sample: float = 50.0
    yellow_share: float = 0.02
    red_share: float = 0.05
    spam_share: float = 0.15
    spam_hold_ms: int = HOUR_MS
    half_life_ms: int = 2 * DAY_MS

    @property
    def quiet(self) -> bool:
        """Say whether nobody ever reacts, so that nothing needs counting."""
        return not (self.block_share or self.stop_share or any(share for _, share in self.by_template))

    def blocks(self, template: str) -> float:
        """Give the share of deliveries of this template that get the number blocked."""
        return dict(self.by_template).get(template, self.block_share)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One way for the platform to behave; `scenarios` names some.

    Shares are probabilities of 0 to 1. `failure_codes` are (code, weight). `outages` are (from, to) in ms
    after the world's start, during which sends are answered 503, code 2. `throughput_share` scales each
    number's messages per second. `grace_ms` is how long after a limit or a template changed the violation
    report still accepts the older state, since nobody can obey what he has not been told.
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
    grace_ms: int = 0
