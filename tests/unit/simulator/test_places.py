"""The count of a portfolio's users at boundary times, against a model that keeps everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.simulator.places import DAY_MS, UNLIMITED, Places


@pytest.mark.parametrize(
    ("age_ms", "counted"),
    [
        pytest.param(0, True, id="a user counts at the instant of delivery"),
        pytest.param(1, True, id="and 1 ms later"),
        pytest.param(DAY_MS - 1, True, id="and 24 h less 1 ms later"),
        pytest.param(DAY_MS, False, id="but not at 24 h"),
        pytest.param(DAY_MS + 1, False, id="nor after"),
    ],
)
def test_a_delivered_user_counts_for_24_hours(age_ms, counted):
    places = Places(10, 0)
    places.start("ann", 5)
    places.settle("ann", 1_000, delivered=True)

    assert places.is_delivered("ann", 1_000 + age_ms) is counted
    assert places.is_committed("ann", 1_000 + age_ms) is counted
    assert places.committed(1_000 + age_ms) == places.delivered(1_000 + age_ms) == counted


def test_a_user_with_a_message_on_its_way_is_committed_but_not_delivered():
    places = Places(10, 0)
    places.start("ann", 0)
    assert (places.committed(40 * DAY_MS), places.delivered(40 * DAY_MS)) == (1, 0)


def test_a_failed_message_gives_its_place_back_unless_another_holds_it():
    places = Places(10, 0)
    places.start("ann", 0)
    places.start("ann", 0)
    places.settle("ann", 1, delivered=False)
    assert places.committed(1) == 1
    places.settle("ann", 2, delivered=False)
    assert places.committed(2) == 0


def test_a_second_delivery_prolongs_the_stay():
    places = Places(10, 0)
    for at_ms in (0, 1_000):
        places.start("ann", at_ms)
        places.settle("ann", at_ms, delivered=True)
    assert places.is_delivered("ann", DAY_MS)
    assert not places.is_delivered("ann", DAY_MS + 1_000)


def test_settling_what_never_started_is_a_fault():
    places = Places(10, 0)
    with pytest.raises(KeyError):
        places.settle("ann", 0, delivered=True)
    places.start("ann", 0)
    places.settle("ann", 0, delivered=True)
    with pytest.raises(KeyError):
        places.settle("ann", 0, delivered=True)


@pytest.mark.parametrize(
    ("since_ms", "largest"),
    [
        pytest.param(300, 250, id="now only the limit in force counts"),
        pytest.param(299, 250, id="since then the same"),
        pytest.param(200, 250, id="since it was set the same"),
        pytest.param(199, 2_000, id="1 ms before it was set the one before counts too"),
        pytest.param(0, 2_000, id="the largest of all since the beginning"),
    ],
)
def test_the_largest_limit_of_a_span(since_ms, largest):
    places = Places(50, 0)
    places.set_limit(2_000, 100)
    places.set_limit(250, 200)
    assert places.largest_limit(since_ms) == largest


def test_unlimited_is_larger_than_any_limit():
    places = Places(UNLIMITED, 0)
    assert places.largest_limit(0) == UNLIMITED
    places.set_limit(250, 100)
    assert places.largest_limit(99) == UNLIMITED
    assert places.largest_limit(100) == 250


def test_use_is_the_time_average_of_committed_users_over_the_limit():
    places = Places(2, 0)
    places.start("ann", 100)
    places.start("bob", 200)
    places.settle("bob", 300, delivered=False)
    assert places.use(0, 400, 400) == pytest.approx((0 * 100 + 0.5 * 100 + 1 * 100 + 0.5 * 100) / 400)
    assert places.use(100, 200, 400) == pytest.approx(0.5)
    assert places.use(-100, 100, 400) == 0
    assert places.use(0, 10_000, 400) == places.use(0, 400, 400)
    assert places.use(300, 300, 400) == 0


def test_the_use_of_a_share_counts_nothing_above_it():
    places = Places(4, 0)
    for user, at_ms in (("ann", 100), ("bob", 200), ("cid", 300)):
        places.start(user, at_ms)
    assert places.use(0, 400, 400, 0.5) == pytest.approx((0 * 100 + 0.25 * 100 + 0.5 * 200) / 400)
    assert places.use(150, 250, 400, 0.5) == pytest.approx((0.25 * 50 + 0.5 * 50) / 100)
    assert places.use(-100, 150, 400, 0.5) == pytest.approx(0.25 * 50 / 250)
    assert places.use(0, 400, 400, 0.99) == places.use(0, 400, 400)


def test_an_expiry_is_used_up_to_its_own_time_not_to_the_next_look():
    places = Places(1, 0)
    places.start("ann", 0)
    places.settle("ann", 0, delivered=True)
    assert places.use(0, 2 * DAY_MS, 2 * DAY_MS) == pytest.approx(0.5)


def test_an_overrun_hides_no_waste_and_no_limit_is_never_used():
    places = Places(2, 0)
    for user in "abcd":
        places.start(user, 0)
    assert places.use(0, 100, 100) == 1
    places.set_limit(UNLIMITED, 100)
    assert places.use(100, 200, 200) == 0
    places.set_limit(0, 200)
    assert places.use(200, 300, 300) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, DAY_MS - 1, DAY_MS, DAY_MS + 1, DAY_MS // 2]),
        st.sampled_from("abc"),
        st.sampled_from(["start", "deliver", "fail"]),
    ),
    max_size=40,
)


@given(STEPS)
def test_counts_equal_those_of_a_model_that_keeps_everything(steps):
    places, now_ms = Places(10, 0), 0
    on_their_way: list[str] = []
    deliveries: list[tuple[int, str]] = []
    for pause_ms, user, verb in steps:
        now_ms += pause_ms
        if verb == "start":
            places.start(user, now_ms)
            on_their_way.append(user)
        elif user in on_their_way:
            places.settle(user, now_ms, delivered=verb == "deliver")
            on_their_way.remove(user)
            if verb == "deliver":
                deliveries.append((now_ms, user))
        delivered = {name for at_ms, name in deliveries if now_ms - DAY_MS < at_ms <= now_ms}
        assert places.delivered(now_ms) == len(delivered)
        assert places.committed(now_ms) == len(delivered | set(on_their_way))
