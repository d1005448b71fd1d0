"""Times in classes: they add up, and quantiles are wrong by less than a fifth."""

from __future__ import annotations

from collections import Counter
from math import log

from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy.kpi.times import LAST_CLASS, Times, begins_ms, times_of


def classes(times_ms: list[int]) -> Times:
    """As the store counts them."""
    found = Counter(0 if ms < 1000 else min(LAST_CLASS, 1 + int(4 * log(ms / 1000) / log(2))) for ms in times_ms)
    return Times(found, sum(times_ms))


def test_a_class_begins_where_the_one_before_it_ends() -> None:
    assert [round(begins_ms(number)) for number in (0, 1, 2, 5, 9)] == [0, 1000, 1189, 2000, 4000]


@given(
    times_ms=st.lists(st.integers(1_000, 7 * 86_400_000), min_size=1, max_size=60),
    share=st.sampled_from([0.05, 0.5, 0.95, 1.0]),
)
def test_a_quantile_is_wrong_by_less_than_a_fifth(times_ms: list[int], share: float) -> None:
    rank = share * len(times_ms)
    true_ms = sorted(times_ms)[max(0, -int(-rank // 1) - 1)]

    told_ms = classes(times_ms).quantile_ms(share)

    assert told_ms is not None
    assert true_ms / 1.2 < told_ms < true_ms * 1.2


@given(times_ms=st.lists(st.integers(0, 999), min_size=1, max_size=20))
def test_below_a_second_it_is_wrong_by_less_than_a_second(times_ms: list[int]) -> None:
    told_ms = classes(times_ms).quantile_ms(0.5)

    assert told_ms is not None
    assert 0 <= told_ms <= 1_000


def test_of_the_longest_only_the_beginning_of_their_class_is_told() -> None:
    assert classes([100 * 86_400_000]).quantile_ms(0.5) == begins_ms(LAST_CLASS)


def test_of_none_nothing_is_told() -> None:
    none = Times({3: 0})

    assert (none.count, none.mean_ms, none.quantile_ms(0.5)) == (0, None, None)


def test_the_fields_of_one_kind_are_read_and_no_others() -> None:
    fields = {"deliver.0": 2, "deliver.7": 1, "deliver.ms": 4_500, "response.7": 9, "delivered": 3, "deliver.x": 1}

    told = times_of(fields, "deliver")

    assert (told.classes, told.count, told.mean_ms) == ({0: 2, 7: 1}, 3, 1_500)
    assert times_of(fields, "handling") == Times({}, 0)
