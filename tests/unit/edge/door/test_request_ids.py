"""Ids of requests."""

from collections import Counter
from uuid import RFC_4122, UUID

from tidegate.edge.door.request_ids import RequestIds


def test_each_is_a_uuid_of_chance_and_none_comes_twice() -> None:
    ids = RequestIds()
    made = [ids.new() for _ in range(1_000)]

    assert len(set(made)) == 1_000
    assert {(UUID(one).version, UUID(one).variant, str(UUID(one)) == one) for one in made} == {(4, RFC_4122, True)}


def test_every_digit_comes_as_often_as_every_other() -> None:
    ids = RequestIds()
    made = [ids.new().replace("-", "") for _ in range(2_000)]
    of_chance = Counter(digit for one in made for digit in one[:12] + one[13:16] + one[17:])
    variants = Counter(one[16] for one in made)

    # 60,000 digits of 16 kinds: 3,750 of each, give or take 60; of 2,000 variants 500, give or take 20.
    assert set(of_chance) == set("0123456789abcdef")
    assert all(abs(count - 3_750) < 480 for count in of_chance.values())
    assert set(variants) == set("89ab")
    assert all(abs(count - 500) < 160 for count in variants.values())
