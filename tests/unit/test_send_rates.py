"""How fast a number sends, by what was counted of it."""

import pytest

from tidegate.send_rates import Rate, Reading, rate_of


def every_second(*counts: int) -> list[Reading]:
    return [Reading(1_000.0 * nth, {7: count}) for nth, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("readings", "rate"),
    [
        pytest.param(every_second(500), None, id="one look says nothing"),
        pytest.param(every_second(500, 512), Rate(12.0, 1.0), id="two looks tell what came between them"),
        pytest.param(
            every_second(0, 1_000, 1_000, 1_010, 1_020, 1_030, 1_040),
            Rate(8.0, 5.0),
            id="of many looks the latest that is five seconds old counts: what was before is over",
        ),
        pytest.param(
            [Reading(0.0, {7: 500}), Reading(30_000.0, {7: 800})], Rate(10.0, 30.0), id="who looks seldom gets a mean"
        ),
        pytest.param(
            [Reading(0.0, {7: 500}), Reading(10_000.0, {7: 520, 8: 30})], Rate(5.0, 10.0), id="midnight lies between"
        ),
        pytest.param(
            [Reading(0.0, {7: 500, 8: 30}), Reading(10_000.0, {8: 130})], Rate(10.0, 10.0), id="midnight was long ago"
        ),
        pytest.param(
            [Reading(0.0, {9: 100}), Reading(10_000.0, {7: 800})], Rate(0.0, 10.0), id="the clock was set back"
        ),
        pytest.param(
            [Reading(0.0, {7: 500}), Reading(10_000.0, {7: 3})], Rate(0.0, 10.0), id="the store has lost the count"
        ),
    ],
)
def test_the_rate_is_what_was_counted_between_two_looks(readings: list[Reading], rate: Rate | None) -> None:
    assert rate_of(readings) == rate
