"""The gates' promise, on a few of the campaigns that `python -m loadtest gates` plays."""

from __future__ import annotations

import pytest

from loadtest.gate_trials import TRIALS, Told, Trial, play
from loadtest.gates import Row

BY_NAME = {trial.name: trial for trial in TRIALS}


@pytest.mark.parametrize("name", [trial.name for trial in TRIALS if not trial.is_good])
def test_a_bad_campaign_is_halted_before_a_quarter_was_sent(name: str) -> None:
    assert all(play(BY_NAME[name], seed).in_time for seed in (1, 2))


def test_a_good_campaign_is_sent_to_its_end_and_the_same_seed_plays_the_same() -> None:
    good = Trial("good")

    told = play(good, 1)

    assert (told.halted, told.sent, len(told.waited_ms)) == (None, 80_000, 3)
    assert play(BY_NAME["3 x opt-outs; Meta silent"], 2) == play(BY_NAME["3 x opt-outs; Meta silent"], 2)


def test_a_row_holds_as_promised() -> None:
    late, early, none = (
        Told("rates: read", 2, 20_000, 1, ()),
        Told("quality", 1, 4_000, 1, ()),
        Told(None, 3, 80_000, 1, (3_600_000,)),
    )
    good, bad = Trial("good"), Trial("bad", 0)

    assert Row(good, (none,) * 98 + (late,) * 2).holds
    assert not Row(good, (none,) * 97 + (late,) * 3).holds
    assert Row(bad, (early,) * 95 + (late,) * 5).holds
    assert not Row(bad, (early,) * 94 + (none,) * 6).holds
    told = Row(bad, (early, late)).to_json()
    assert (told["halted"], told["halted_before_a_quarter"]) == (2, 1)
