"""Random bytes in small portions."""

from __future__ import annotations

import pytest

from tidegate.entropy import Entropy


def test_no_portion_is_handed_out_twice() -> None:
    entropy = Entropy()

    portions = [entropy.take(12) for _ in range(2_000)]

    assert {len(portion) for portion in portions} == {12}
    assert len(set(portions)) == 2_000


@pytest.mark.parametrize("count", [1, 10, 4_095, 4_096])
def test_a_portion_has_as_many_as_were_asked_for_wherever_the_pool_ends(count: int) -> None:
    entropy = Entropy()

    assert [len(entropy.take(count)) for _ in range(5)] == [count] * 5
