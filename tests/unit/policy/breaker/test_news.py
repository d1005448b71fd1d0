"""What is worth another epoch, and what only repeats what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.policy.breaker.specimens import (
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    after,
    make_throttle,
    open_since,
    told,
    tripped,
)
from tidegate.policy.breaker import Breaker, Kind, State, tells_nothing

OPEN = open_since()
CLOSED = after((NOW_MS + HOUR_MS, told(Kind.PROOF, NOW_MS + HOUR_MS)), breaker=OPEN)
HALF_OPEN = after((NOW_MS + HOUR_MS, told(Kind.TIME_UP, NOW_MS + HOUR_MS)), breaker=replace(OPEN, probes=3))
SLOWED = open_since(grip=make_throttle())


@pytest.mark.parametrize(
    ("before", "then"),
    [
        pytest.param(None, CLOSED, id="a breaker that never was, and is not opened"),
        pytest.param(OPEN, open_since(NOW_MS + 999), id="the same bad news from another send of that second"),
        pytest.param(OPEN, OPEN, id="nothing at all"),
        pytest.param(
            CLOSED, replace(CLOSED, proven_at_ms=CLOSED.proven_at_ms + HOUR_MS - 1), id="one more proof within the hour"
        ),
    ],
)
def test_what_is_known_is_not_written_again(before: Breaker | None, then: Breaker) -> None:
    assert tells_nothing(before, then)


@pytest.mark.parametrize(
    ("before", "then"),
    [
        pytest.param(None, OPEN, id="it opens for the first time"),
        pytest.param(CLOSED, OPEN, id="it opens again"),
        pytest.param(OPEN, CLOSED, id="it closes"),
        pytest.param(OPEN, HALF_OPEN, id="it lets probes through"),
        pytest.param(OPEN, open_since(NOW_MS + 1_000), id="bad news of a second later, which makes it longer"),
        pytest.param(OPEN, replace(OPEN, until_ms=None), id="it has no end any more"),
        pytest.param(OPEN, replace(OPEN, until_ms=NOW_MS + 3 * HOUR_MS), id="Meta names a later end"),
        pytest.param(HALF_OPEN, replace(HALF_OPEN, probes_ok=1), id="a probe went well"),
        pytest.param(OPEN, replace(OPEN, failures=1), id="a probe failed"),
        pytest.param(OPEN, replace(OPEN, by_hand=True), id="a hand holds it"),
        pytest.param(
            SLOWED,
            after((NOW_MS + MINUTE_MS, tripped(NOW_MS + MINUTE_MS, make_throttle())), breaker=SLOWED),
            id="a throttle is cut again",
        ),
        pytest.param(CLOSED, replace(CLOSED, proven_at_ms=CLOSED.proven_at_ms + HOUR_MS), id="a proof an hour later"),
        pytest.param(
            CLOSED, replace(CLOSED, event_at_ms=CLOSED.event_at_ms + 1), id="old news that it did not know of"
        ),
    ],
)
def test_what_changes_it_is_written(before: Breaker | None, then: Breaker) -> None:
    assert not tells_nothing(before, then)


def test_the_specimens_are_in_the_states_that_they_are_named_by() -> None:
    assert (OPEN.state, CLOSED.state, HALF_OPEN.state) == (State.OPEN, State.CLOSED, State.HALF_OPEN)
