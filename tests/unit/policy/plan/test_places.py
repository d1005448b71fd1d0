"""Places in virtual time: taken, renewed and freed by the second."""

from __future__ import annotations

from tests.factories import NOW_MS
from tidegate.policy.capacity import Release
from tidegate.policy.plan.places import Places


def seconds(count: int) -> int:
    return NOW_MS + 1000 * count


def test_a_place_is_free_at_its_second_and_not_before() -> None:
    places = Places(3, [Release(seconds(10), 2)])

    places.release(seconds(10) - 1)
    assert (places.used, places.next_ms) == (3, seconds(10))

    places.release(seconds(10))
    assert (places.used, places.next_ms) == (1, None)


def test_a_release_within_a_second_comes_at_its_end() -> None:
    places = Places(1, [Release(seconds(10) + 1, 1)])

    places.release(seconds(10) + 1)
    assert places.used == 1

    places.release(seconds(11))
    assert places.used == 0


def test_what_is_taken_ends_evenly_between_two_times() -> None:
    places = Places(0, [])

    places.take(10, seconds(100), seconds(105))

    held = []
    for second in range(100, 106):
        places.release(seconds(second))
        held.append(places.used)
    assert held == [10, 8, 6, 4, 2, 0]


def test_to_take_none_takes_none() -> None:
    places = Places(0, [])

    places.take(0, seconds(100), seconds(105))

    assert (places.used, places.next_ms) == (0, None)


def test_fewer_than_there_are_seconds_end_as_late_as_the_last() -> None:
    places = Places(0, [])

    places.take(1, seconds(100), seconds(105))

    places.release(seconds(104))
    assert places.used == 1
    places.release(seconds(105))
    assert places.used == 0


def test_kept_places_never_come_free_whether_known_before_or_taken_later() -> None:
    places = Places(10, [Release(seconds(1), 5), Release(seconds(2), 5)], kept=4)
    places.keep(2)

    places.release(seconds(1))
    assert places.used == 9
    places.release(seconds(2))
    assert places.used == 6


def test_more_is_kept_than_comes_free() -> None:
    places = Places(3, [Release(seconds(1), 2)], kept=3)

    places.release(seconds(9))

    assert (places.used, places.next_ms) == (3, None)


def test_who_is_written_to_again_holds_the_place_for_longer() -> None:
    places = Places(4, [Release(seconds(1), 1), Release(seconds(2), 3)])

    places.renew(2, seconds(50), seconds(50))

    places.release(seconds(2))
    assert places.used == 2
    places.release(seconds(51))
    assert places.used == 0


def test_of_those_whose_place_has_no_known_end_nothing_changes() -> None:
    places = Places(4, [])

    places.renew(2, seconds(50), seconds(60))

    assert (places.used, places.next_ms) == (4, None)
