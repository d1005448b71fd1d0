"""Random bytes in small portions."""

from __future__ import annotations

import pytest

from tidegate.entropy import Entropy


def test_no_portion_is_handed_out_twice() -> None:
    entropy = Entropy(12)

    portions = [entropy.take() for _ in range(2_000)]

    assert {len(portion) for portion in portions} == {12}
    assert len(set(portions)) == 2_000


@pytest.mark.parametrize("size", [1, 10, 4_095, 4_096])
def test_a_portion_has_its_size_however_many_are_fetched_at_a_time(size: int) -> None:
    entropy = Entropy(size)

    assert {len(entropy.take()) for _ in range(5_000)} == {size}
