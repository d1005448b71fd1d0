"""Random bytes in small portions."""

from __future__ import annotations

from itertools import islice

import pytest

from tidegate.entropy import portions


def test_no_portion_is_handed_out_twice() -> None:
    taken = list(islice(portions(12), 2_000))

    assert {len(portion) for portion in taken} == {12}
    assert len(set(taken)) == 2_000


@pytest.mark.parametrize("size", [1, 10, 4_095, 4_096])
def test_a_portion_has_its_size_however_many_are_fetched_at_a_time(size: int) -> None:
    assert {len(portion) for portion in islice(portions(size), 5_000)} == {size}
