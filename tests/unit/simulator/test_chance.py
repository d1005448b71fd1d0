"""The seeded chance is one to one, even, and the same everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidegate.simulator.chance import Chance, mix, unmix

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS)
def test_unmix_undoes_mix_for_every_number(number):
    assert unmix(mix(number)) == number


def test_draws_are_those_of_splitmix64():
    # the reference sequence of SplitMix64 from state 0, which is the seed that mixes to 0
    chance = Chance(0)
    assert [int(chance() * 2**53) for _ in range(2)] == [0xE220A8397B1DCDAF >> 11, 0x6E789E6AA1B965F4 >> 11]


def test_streams_of_one_seed_differ_and_repeat():
    first, again, other = Chance(7, 1), Chance(7, 1), Chance(7, 2)
    assert [first() for _ in range(5)] == [again() for _ in range(5)]
    assert first() != other()


def test_a_share_is_hit_about_as_often_as_it_says():
    chance = Chance(3)
    assert 900 < sum(chance.hits(0.1) for _ in range(10_000)) < 1_100


def test_an_impossible_event_takes_a_draw_too():
    some, none = Chance(5), Chance(5)
    assert not none.hits(0.0)
    some.hits(0.5)
    assert some() == none()
