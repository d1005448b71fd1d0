"""What early warning measures: the events that are counted for each send, and the rates that are made of them.

Meta grades a template by blocks, reports and read rates of the last days ("Template quality"), and tells neither
blocks nor reports. What a business does see of them: opt-outs, messages that Meta chose not to deliver, messages
that nobody got, messages that nobody read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.cloudapi.error_codes import Action, Scope, lookup

HOUR_MS: Final = 3_600_000


class Counter(StrEnum):
    """What is counted of a send, at most once each, under the hour in which Meta accepted it."""

    SENT = "sent"
    """Meta accepted it."""
    DELIVERED = "delivered"
    """A `delivered` status, or a `read` one that came without."""
    READ = "read"
    FAILED = "failed"
    """A `failed` status that speaks of this message, its template or its recipient."""
    WITHHELD = "withheld"
    """A `failed` status with one of WITHHELD_CODES."""
    DROPPED = "dropped"
    """A `failed` status that another rule answers: a pause, a restriction, an opt-out, a throttle."""
    OPTED_OUT = "opted_out"
    """A stop word, a stop button, a `user_preferences` stop or a 131050 that answers this send."""
    REPLIED = "replied"
    """The user wrote something else, or tapped a button, when this was the last send that they got."""


WITHHELD_CODES: Final = frozenset({130472, 131026, 131049})
"""`failed` after acceptance, and the user never saw it: undeliverable (131026), held back by Meta for the user's good
(131049, 130472). Source: Meta, "Error codes", "Per-user marketing template message limits", "Experiments"."""

COUNTS_WITHIN_MS: Final = {
    Counter.SENT: 0,
    Counter.DELIVERED: 24 * HOUR_MS,
    Counter.READ: 24 * HOUR_MS,
    Counter.FAILED: 24 * HOUR_MS,
    Counter.WITHHELD: 24 * HOUR_MS,
    Counter.DROPPED: 24 * HOUR_MS,
    Counter.OPTED_OUT: 72 * HOUR_MS,
    Counter.REPLIED: 24 * HOUR_MS,
}
"""How long after acceptance an event still counts, by Meta's times of both. Without an end the rates of old sends,
which the baseline is made of, would have had more time to grow than those that are judged."""


def counts(counter: Counter, accepted_at_ms: int, event_at_ms: int) -> bool:
    """Whether an event came soon enough after its send to be counted. A skew of clocks backwards does not matter."""
    return counter is Counter.SENT or event_at_ms - accepted_at_ms <= COUNTS_WITHIN_MS[counter]


def counters_of_error(code: int) -> tuple[Counter, ...]:
    """What a `failed` status with this code counts as."""
    if code == 131050:
        return Counter.OPTED_OUT, Counter.DROPPED
    if code in WITHHELD_CODES:
        return (Counter.WITHHELD,)
    meaning = lookup(code, in_status=True)
    of_this_send = meaning.scope in {Scope.MESSAGE, Scope.RECIPIENT, Scope.TEMPLATE}
    if of_this_send and meaning.action in {Action.NONE, Action.SUPPRESS}:
        return (Counter.FAILED,)
    return (Counter.DROPPED,)


class Metric(StrEnum):
    """A rate of bad outcomes that early warning compares with its baseline."""

    FAILURE = "failure"
    """Failed sends, of those that Meta accepted."""
    BLOCK_PROXY = "block_proxy"
    """Withheld sends, of those that Meta accepted: what rises when users block and Meta holds back."""
    OPT_OUT = "opt_out"
    """Opt-outs, of the sends that Meta accepted."""
    UNDELIVERED = "undelivered"
    """Sends of which nothing was heard within a day, of those that Meta accepted. A blocked business hears nothing."""
    UNREAD = "unread"
    """Sends not read within a day, of those delivered: one less the read rate."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a metric is made of counters, and what is believed of it before anything was measured.

    Of the sends that `whole` counts the bad ones are those that `bad` counts; or, where `bad` is empty, those that
    none of `good` counts. Rates are shares of `whole`, 0 to 1. Meta publishes no thresholds: the rates are ours.
    """

    whole: Counter
    bad: tuple[Counter, ...]
    good: tuple[Counter, ...]
    floor: float
    """No baseline is taken to be lower: four times next to nothing is next to nothing."""
    assumed: float
    """The fleet's rate while there is no history at all."""
    ceiling: float
    """No baseline is taken to be higher: what has always been awful is not healthy."""

    @property
    def is_silence(self) -> bool:
        """Whether bad means that nothing was heard: judged only once the time for it is over, and never a stop.

        Nothing is also heard when webhooks do not arrive.
        """
        return not self.bad

    def tally(self, count: Callable[[Counter], int]) -> Tally:
        """Sends by their outcome, from the counts of some.

        What is told of more sends than were counted belongs to some whose count is lost.
        """
        whole = max(0, count(self.whole))
        if not whole:
            return Tally()
        told = min(whole, sum(max(0, count(counter)) for counter in self.bad or self.good))
        return Tally(told, whole - told) if self.is_silence else Tally(whole - told, told)


RECIPES: Final = {
    Metric.FAILURE: Recipe(Counter.SENT, (Counter.FAILED,), (), floor=0.005, assumed=0.02, ceiling=0.20),
    Metric.BLOCK_PROXY: Recipe(Counter.SENT, (Counter.WITHHELD,), (), floor=0.01, assumed=0.05, ceiling=0.35),
    Metric.OPT_OUT: Recipe(Counter.SENT, (Counter.OPTED_OUT,), (), floor=0.002, assumed=0.005, ceiling=0.05),
    Metric.UNDELIVERED: Recipe(
        Counter.SENT,
        (),
        (Counter.DELIVERED, Counter.FAILED, Counter.WITHHELD, Counter.DROPPED),
        floor=0.02,
        assumed=0.10,
        ceiling=0.50,
    ),
    Metric.UNREAD: Recipe(Counter.DELIVERED, (), (Counter.READ,), floor=0.10, assumed=0.50, ceiling=0.90),
}
NO_REPLY: Final = Recipe(Counter.SENT, (), (Counter.REPLIED,), floor=0.20, assumed=0.97, ceiling=0.999)
"""Sends that nobody answered within a day: no sign of a bad template, so that only a campaign's gate looks at it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sends by their outcome. Tallies add up, in any order."""

    good: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if self.good < 0 or self.bad < 0:
            raise ValueError("a tally counts from 0 upwards")

    @property
    def sends(self) -> int:
        """How many there were."""
        return self.good + self.bad

    @property
    def rate(self) -> float:
        """Share of bad ones; 0 when there were none at all."""
        return self.bad / self.sends if self.sends else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.good + other.good, self.bad + other.bad)
