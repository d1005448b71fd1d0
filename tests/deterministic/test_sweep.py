"""A node killed at one step after the other of a short run. The long set takes every step; these are some of them."""

from __future__ import annotations

import pytest

from tests.deterministic.run import Result
from tests.deterministic.sweep import killed_at, steps, sweep

pytestmark = pytest.mark.impatient

POINTS = 14


@pytest.fixture(scope="module")
def found() -> dict[int, Result]:
    """What came of the run by the step at which the node was killed; 0: at none."""
    return dict(sweep(len(steps()) // POINTS, jobs=1))


@pytest.mark.parametrize("point", range(POINTS), ids=[f"{point} of {POINTS} parts" for point in range(POINTS)])
def test_every_promise_is_kept_when_a_node_dies_after(point: int, found: dict[int, Result]) -> None:
    step = sorted(found)[1:][point]
    assert found[step].violations == (), f"killed at step {step}"
    assert found[step].crashes == ()


def test_a_copy_of_the_run_goes_on_as_a_run_of_its_own_would(found: dict[int, Result]) -> None:
    assert found[0].is_clean
    for step in sorted(found)[POINTS // 3 :: POINTS // 2]:
        assert found[step] == killed_at(step)
        assert found[step].digest != found[0].digest
