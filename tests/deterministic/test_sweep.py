"""A node killed at one step after the other of a short run. The long set takes every step; these are some of them."""

from __future__ import annotations

import pytest

from tests.deterministic.sweep import killed_at, steps, sweep

pytestmark = pytest.mark.impatient

SHARES = [share / 14 for share in range(14)]


@pytest.fixture(scope="module")
def whole() -> range:
    """All steps of the node that is killed."""
    return steps()


@pytest.mark.parametrize("share", SHARES, ids=[f"{share:.0%} of the run" for share in SHARES])
def test_every_promise_is_kept_when_a_node_dies_after(share: float, whole: range) -> None:
    step = whole[int(len(whole) * share)]
    result = killed_at(step)
    assert result.violations == (), f"killed at step {step}"
    assert result.crashes == ()


def test_a_copy_of_the_run_goes_on_as_a_run_of_its_own_would(whole: range) -> None:
    every = len(whole) // 2
    found = dict(sweep(every, jobs=2))
    undisturbed = found.pop(0)
    assert undisturbed.is_clean
    assert found == {step: killed_at(step) for step in whole if step % every == 0}
    assert {result.digest for result in found.values()} != {undisturbed.digest}
