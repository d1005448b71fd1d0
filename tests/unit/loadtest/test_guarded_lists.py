"""The people on the two lists: drawn by the seed, around what is assumed of them."""

from __future__ import annotations

from statistics import median

import pytest

from loadtest.guarded.lists import Audience, audience

SEEDS = range(1, 202)


def test_the_same_seed_gives_the_same_people_and_another_one_others() -> None:
    assert audience(Audience.BOUGHT, 7) == audience(Audience.BOUGHT, 7)
    assert audience(Audience.BOUGHT, 7) != audience(Audience.BOUGHT, 8)


@pytest.mark.parametrize(
    ("who", "absent", "dislike", "stop", "read"),
    [(Audience.BOUGHT, 0.15, 0.10, 0.03, 0.35), (Audience.HEALTHY, 0.01, 0.003, 0.005, 0.70)],
    ids=["a bought list", "a healthy list"],
)
def test_shares_lie_around_what_is_assumed(
    who: Audience, absent: float, dislike: float, stop: float, read: float
) -> None:
    lists = [audience(who, seed) for seed in SEEDS]
    dislikes = [people.reactions.averse_share + people.reactions.block_share for people in lists]
    assert median(people.absent_share for people in lists) == pytest.approx(absent, rel=0.15)
    assert median(dislikes) == pytest.approx(dislike, rel=0.15)
    assert median(people.reactions.stop_share for people in lists) == pytest.approx(stop, rel=0.15)
    assert median(people.read_share for people in lists) == pytest.approx(read, rel=0.15)
    assert max(dislikes) > 1.5 * dislike > min(dislikes)


def test_both_lists_are_judged_by_the_same_platform() -> None:
    bought, healthy = (audience(who, 1) for who in Audience)
    assert bought.ladder == healthy.ladder
    for threshold in ("least_sample", "yellow_share", "red_share", "spam_share", "half_life_ms", "delay"):
        assert getattr(bought.reactions, threshold) == getattr(healthy.reactions, threshold)
