"""What trials say together, and when the promise is kept."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from rich.console import Console

from loadtest.guarded.lists import Audience
from loadtest.guarded.table import Verdict
from loadtest.guarded.trial import FALSE_STOP_MS, Holds, Result, Trial

HOUR_MS = 3_600_000


def result(audience: Audience, guarded: bool, seed: int = 1, **more: object) -> Result:
    made = Result(
        trial=Trial(audience, seed, guarded),
        accepted=1_000,
        harmful=100,
        restricted=False,
        held_for_spam=False,
        penalties={},
        refused={},
        fates={},
        took_ms=HOUR_MS,
        finished=True,
        real_s=1.0,
    )
    return replace(made, **more)


def kept(seed: int) -> list[Result]:
    return [
        result(Audience.BOUGHT, True, seed, harmful=20, stopped_at_ms=2 * HOUR_MS, sent_before_stop=150),
        result(Audience.BOUGHT, False, seed, restricted=True),
        result(Audience.HEALTHY, True, seed, harmful=3),
        result(Audience.HEALTHY, False, seed, harmful=3),
    ]


def test_a_promise_is_kept_where_four_fifths_are_cut_and_nobody_is_restricted_or_stopped() -> None:
    assert Verdict([*kept(1), *kept(2)]).kept


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"harmful": 21}, id="one seed with less than four fifths cut"),
        pytest.param({"restricted": True}, id="a number restricted although guarded"),
    ],
)
def test_one_bad_seed_breaks_the_promise(broken: dict[str, object]) -> None:
    bad = [replace(r, **broken) if r.trial.guarded and r.trial.audience is Audience.BOUGHT else r for r in kept(2)]
    assert not Verdict([*kept(1), *bad]).kept


def test_one_healthy_campaign_in_fifty_may_be_stopped_and_no_more() -> None:
    def stopped(seeds: int) -> Verdict:
        found = [r for seed in range(50) for r in kept(seed)]
        return Verdict(
            [
                replace(r, longest_hold_ms=FALSE_STOP_MS + 1)
                if r.trial.seed < seeds and r.trial.guarded and r.trial.audience is Audience.HEALTHY
                else r
                for r in found
            ]
        )

    assert stopped(1).kept
    assert stopped(1).falsely_stopped == 0.02
    assert not stopped(2).kept


@pytest.mark.parametrize(
    ("audience", "guarded", "held_ms", "is_false"),
    [
        pytest.param(Audience.HEALTHY, True, FALSE_STOP_MS + 1, True, id="a healthy campaign held for longer"),
        pytest.param(Audience.HEALTHY, True, FALSE_STOP_MS, False, id="held for no longer"),
        pytest.param(Audience.BOUGHT, True, FALSE_STOP_MS + 1, False, id="a bad one is rightly stopped"),
        pytest.param(Audience.HEALTHY, False, FALSE_STOP_MS + 1, False, id="past the gateway nothing of ours stops"),
    ],
)
def test_what_counts_as_a_false_stop(audience: Audience, guarded: bool, held_ms: int, is_false: bool) -> None:
    assert result(audience, guarded, longest_hold_ms=held_ms).falsely_stopped is is_false


def test_nothing_is_promised_of_what_was_not_tried() -> None:
    assert not Verdict([]).kept
    assert not Verdict([r for r in kept(1) if r.trial.audience is Audience.BOUGHT]).kept


def test_the_table_shows_cut_restrictions_stops_and_times() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(Verdict([*kept(1), *kept(2)]).table())
    shown = " ".join(capture.get().split())
    for told in ("80.0%", "0 of 2", "2 of 2", "2.0, 2.0", "150", "0.0%"):
        assert told in shown


def test_a_line_of_the_record_reads_back() -> None:
    line = orjson.loads(orjson.dumps(kept(1)[0].to_json()))
    assert (line["trial"]["audience"], line["trial"]["guarded"], line["harmful"]) == ("bought", True, 20)
    assert line["falsely_stopped"] is False


def test_holds_tell_the_longest_stretch_for_quality_and_when_the_first_began() -> None:
    holds = Holds()
    for at_ms, reason, for_quality in (
        (0, None, False),
        (10, "warm_up", False),
        (20, "number_standing", True),
        (30, "number_standing", True),
        (40, None, False),
        (50, "template_paused", True),
    ):
        holds.look(at_ms, reason, 10, sent=7, for_quality=for_quality)
    assert (holds.longest_ms, holds.first_at_ms, holds.first_reason, holds.sent_before) == (
        20,
        20,
        "number_standing",
        7,
    )
    assert dict(holds.by_reason_ms) == {"warm_up": 10, "number_standing": 20, "template_paused": 10}
