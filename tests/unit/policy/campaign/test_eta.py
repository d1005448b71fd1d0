"""A guess at a campaign's end is never earlier than throughput, limit and pace allow."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS
from tidegate.policy.campaign.eta import Pace, done_at_ms

FREE = Pace(left=8_000, gone=0, elapsed_ms=0, per_second=80, free=0, a_day=-1)


@pytest.mark.parametrize(
    ("pace", "takes_ms"),
    [
        pytest.param(FREE, 100_000, id="as fast as its numbers may send"),
        pytest.param(FREE._replace(left=1), 13, id="a last row takes its turn"),
        pytest.param(FREE._replace(left=0), 0, id="nothing is left"),
        pytest.param(FREE._replace(soak_ms=3_600_000), 3_700_000, id="the gates ahead take their time"),
        pytest.param(FREE._replace(a_day=10_000, free=8_000), 100_000, id="there are places for all that is left"),
        pytest.param(FREE._replace(a_day=10_000, free=7_999), DAY_MS, id="one that has none waits for the next day"),
        pytest.param(FREE._replace(a_day=2_000, free=-5), 4 * DAY_MS, id="a small limit takes days"),
        pytest.param(FREE._replace(gone=800, elapsed_ms=60_000), 600_000, id="it goes slower than it might"),
        pytest.param(FREE._replace(gone=49, elapsed_ms=60_000), 100_000, id="a few rows are no pace"),
        pytest.param(FREE._replace(gone=800, elapsed_ms=59_999), 100_000, id="neither is less than a minute"),
    ],
)
def test_how_long_it_takes(pace: Pace, takes_ms: int) -> None:
    assert done_at_ms(pace, NOW_MS) == NOW_MS + takes_ms


@pytest.mark.parametrize(
    "pace",
    [
        pytest.param(FREE._replace(per_second=0), id="no number may send"),
        pytest.param(FREE._replace(a_day=0), id="there is no place for it at all"),
    ],
)
def test_what_never_ends_has_no_end(pace: Pace) -> None:
    assert done_at_ms(pace, NOW_MS) is None
