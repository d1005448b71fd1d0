"""Moving windows of a day and a week, to the millisecond."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.frequency import DAY_MS, WEEK_MS, FrequencyCap, next_allowed_ms, trim

NOW = 1_795_251_600_000
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("cap", "ago", "wait"),
    [
        pytest.param(FrequencyCap(1, None), [], None, id="nobody has written yet"),
        pytest.param(FrequencyCap(1, None), [0], DAY_MS, id="one a day, sent now: a day later"),
        pytest.param(FrequencyCap(1, None), [DAY_MS - 1], 1, id="a day less a millisecond ago still counts"),
        pytest.param(FrequencyCap(1, None), [DAY_MS], None, id="exactly a day ago counts no longer"),
        pytest.param(FrequencyCap(2, None), [HOUR], None, id="one of two is left"),
        pytest.param(FrequencyCap(2, None), [HOUR, 3 * HOUR], DAY_MS - 3 * HOUR, id="the older of the two leaves"),
        pytest.param(FrequencyCap(2, None), [HOUR, 2 * HOUR, 3 * HOUR], DAY_MS - 2 * HOUR,
                     id="more than a cap that was lowered: until one fewer than the cap is left"),
        pytest.param(FrequencyCap(None, 2), [HOUR, 6 * DAY_MS], DAY_MS, id="a week's window"),
        pytest.param(FrequencyCap(None, 2), [HOUR, WEEK_MS], None, id="exactly a week ago counts no longer"),
        pytest.param(FrequencyCap(None, 2), [HOUR, WEEK_MS - 1], 1, id="a millisecond less does"),
        pytest.param(FrequencyCap(1, 3), [HOUR, 2 * DAY_MS, 6 * DAY_MS], DAY_MS, id="both full: the week ends later"),
        pytest.param(FrequencyCap(1, 3), [HOUR, 6 * DAY_MS, WEEK_MS - HOUR], DAY_MS - HOUR,
                     id="both full: the day ends later"),
        pytest.param(FrequencyCap(2, 3), [HOUR, 2 * DAY_MS, 6 * DAY_MS], DAY_MS, id="only the week is full"),
        pytest.param(FrequencyCap(1, 9), [HOUR, 2 * DAY_MS], DAY_MS - HOUR, id="only the day is full"),
        pytest.param(FrequencyCap(1, None), [-HOUR], DAY_MS + HOUR, id="one from the future counts"),
        pytest.param(FrequencyCap(), [0] * 1000, None, id="no cap"),
    ],
)  # fmt: skip
def test_when_the_next_one_may_go(cap: FrequencyCap, ago: list[int], wait: int | None) -> None:
    expected = None if wait is None else NOW + wait

    for order in list(permutations(ago))[:24] if len(ago) < 5 else [ago]:
        assert next_allowed_ms([NOW - ms for ms in order], cap, NOW) == expected


EDGES = [0, 1, HOUR, DAY_MS - 1, DAY_MS, DAY_MS + 1, 3 * DAY_MS, WEEK_MS - 1, WEEK_MS, WEEK_MS + 1]
CAPS = st.builds(FrequencyCap, st.none() | st.integers(1, 4), st.none() | st.integers(1, 6))


def within(cap: FrequencyCap, sent: list[int], at_ms: int) -> bool:
    """The cap's law, spelled out: one more at this time, and no window that ends with it holds too many."""
    return all(
        most is None or sum(at_ms - window < ms for ms in sent) + 1 <= most
        for window, most in ((DAY_MS, cap.per_day), (WEEK_MS, cap.per_week))
    )


@settings(deadline=None)
@given(CAPS, st.lists(st.sampled_from(EDGES), max_size=12))
def test_the_answer_is_the_first_moment_that_the_cap_allows(cap: FrequencyCap, ago: list[int]) -> None:
    sent = [NOW - ms for ms in ago]
    answer = next_allowed_ms(sent, cap, NOW)

    assert (answer is None) == within(cap, sent, NOW)
    if answer is not None:
        assert answer > NOW
        assert within(cap, sent, answer)
        assert not within(cap, sent, answer - 1)


@settings(deadline=None)
@given(CAPS, st.lists(st.sampled_from(EDGES), max_size=12))
def test_what_is_trimmed_makes_no_difference(cap: FrequencyCap, ago: list[int]) -> None:
    sent = [NOW - ms for ms in ago]

    assert next_allowed_ms(trim(sent, NOW), cap, NOW) == next_allowed_ms(sent, cap, NOW)


def test_only_what_a_window_still_holds_is_remembered() -> None:
    sent = [NOW, NOW - WEEK_MS, NOW - WEEK_MS + 1, NOW + 5, NOW - DAY_MS]

    assert trim(sent, NOW) == (NOW - WEEK_MS + 1, NOW - DAY_MS, NOW, NOW + 5)
    assert trim([], NOW) == ()


@pytest.mark.parametrize(("per_day", "per_week"), [(0, None), (None, 0), (-1, 5), (2, -2)])
def test_a_cap_below_one_is_a_mistake(per_day: int | None, per_week: int | None) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FrequencyCap(per_day, per_week)
