"""Message ids."""

from collections import Counter

import pytest

from tidegate.cloudapi.messages import unwrap_opaque, wrap_opaque
from tidegate.ids import MessageIds

IDS = MessageIds(["lucky-shrub", "other"])


def test_an_id_names_its_portfolio() -> None:
    assert IDS.portfolio(IDS.new("lucky-shrub", 1_795_176_000_000)) == "lucky-shrub"
    assert IDS.portfolio(IDS.new("other", 1_795_176_000_000)) == "other"


@pytest.mark.parametrize("text", ["", "wamid.HBgL", "tg00000000-" + "0" * 26, "tg\n", "tgzz"], ids=repr)
def test_what_is_no_id_of_ours_has_no_portfolio(text: str) -> None:
    assert IDS.portfolio(text) is None


def test_ids_sort_by_time_and_never_repeat() -> None:
    early = [IDS.new("other", 1_000) for _ in range(100)]
    late = IDS.new("other", 2_000)
    assert len(set(early)) == 100
    assert max(early) < late


def test_an_id_begins_with_its_time_whenever_and_however_it_is_made() -> None:
    at_ms = 1_795_176_000_003
    made = [MessageIds(["other"]).new("other", at_ms), IDS.new("lucky-shrub", at_ms), IDS.of("other", at_ms, "a row")]

    times = [int(message_id.partition("-")[2], 32) >> 82 for message_id in [*made, IDS.new("other", at_ms + 1)]]

    assert times == [at_ms, at_ms, at_ms, at_ms + 1]
    assert made[0].partition("-")[0] != made[1].partition("-")[0]


def test_the_time_of_an_id_is_told_to_the_millisecond_wherever_the_clock_goes() -> None:
    ids, steps = MessageIds(["other", "lucky-shrub"]), [*range(600), 255, 256, 0, 2**47]
    made = [(name, ids.new(name, 1_795_176_000_000 + step)) for step in steps for name in ("other", "lucky-shrub")]

    assert [int(one.partition("-")[2], 32) >> 82 for _, one in made[::2]] == [1_795_176_000_000 + s for s in steps]
    assert [int(one.partition("-")[2], 32) >> 82 for _, one in made[1::2]] == [1_795_176_000_000 + s for s in steps]
    assert [ids.portfolio(one) for _, one in made] == [name for name, _ in made]


def test_every_digit_of_chance_comes_as_often_as_every_other() -> None:
    chances = Counter(digit for _ in range(4_000) for digit in IDS.new("other", 1_000)[-16:])

    # 64,000 digits of 32 kinds: 2,000 of each, give or take 44; eight times as far off comes once in 10^15 runs.
    assert set(chances) == set("0123456789abcdefghijklmnopqrstuv")
    assert all(abs(count - 2_000) < 360 for count in chances.values())


def test_an_id_fits_into_the_opaque_data_that_meta_echoes() -> None:
    message_id = IDS.new("other", 1_795_176_000_000)
    wrapped = wrap_opaque(message_id, "0123456789abcdef")
    assert unwrap_opaque(wrapped) == (message_id, "0123456789abcdef")
    assert len(wrapped) < 128


def test_the_id_of_something_is_the_same_each_time_and_of_nothing_else() -> None:
    of_first = IDS.of("other", 1_795_176_000_000, "cmp-1 1")

    assert of_first == MessageIds(["other"]).of("other", 1_795_176_000_000, "cmp-1 1")
    assert IDS.portfolio(of_first) == "other"
    assert len({IDS.of("other", 1_795_176_000_000, f"cmp-1 {row}") for row in range(1_000)} | {of_first}) == 1_000
    assert IDS.of("lucky-shrub", 1_795_176_000_000, "cmp-1 1") != of_first


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        pytest.param(IDS.new("other", 1_795_176_000_000), True, id="an id of a portfolio that is here"),
        pytest.param("tg00000000-" + "0" * 26, True, id="an id of a portfolio that is not"),
        pytest.param("wamid.HBgL", False, id="an id of Meta's"),
        pytest.param("tg00000000-" + "0" * 26 + "\n", False, id="an id with something behind it"),
    ],
)
def test_an_id_of_ours_is_told_at_sight_whoever_made_it(text: str, is_one: bool) -> None:
    assert IDS.is_one(text) is is_one
