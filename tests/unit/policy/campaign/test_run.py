"""How far a campaign is survives being written down, and moves by the table only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import NOW_MS
from tidegate.policy.campaign.phase import Event, Phase
from tidegate.policy.campaign.run import Run

RUNNING = Run(Phase.RUNNING, step=1, cursor=(2, 0), since_ms=NOW_MS, started_ms=NOW_MS - 9, step_began_ms=NOW_MS)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(Run(), id="a draft"),
        pytest.param(RUNNING, id="one in the middle of a step"),
        pytest.param(replace(RUNNING, phase=Phase.PAUSED, reason="wrong price", by="ops"), id="one that was paused"),
        pytest.param(
            replace(RUNNING, phase=Phase.HALTED, evidence={"metric": "opt_out"}, verdicts={"0": {"said": "pass"}}),
            id="one that a gate halted",
        ),
    ],
)
def test_what_was_written_is_read_again(run: Run) -> None:
    assert Run.from_json(run.to_json()) == run


def test_a_draft_is_written_as_its_state_alone() -> None:
    assert Run().to_json() == {"state": "draft"}


def test_a_phase_that_a_newer_release_wrote_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="resting"):
        Run.from_json({"state": "resting"})


def test_a_stop_tells_who_and_why_until_it_is_over() -> None:
    paused = RUNNING.moved(Event.PAUSE, NOW_MS + 5, reason="wrong price", by="ops")
    assert paused is not None
    assert (paused.phase, paused.since_ms, paused.reason, paused.by) == (Phase.PAUSED, NOW_MS + 5, "wrong price", "ops")

    resumed = paused.moved(Event.RESUME, NOW_MS + 9)
    assert resumed == replace(RUNNING, phase=Phase.SCHEDULED, since_ms=NOW_MS + 9, resumed_ms=NOW_MS + 9)


def test_whoever_lets_a_halted_campaign_go_on_takes_over_from_its_gate() -> None:
    halted = replace(RUNNING, phase=Phase.HALTED, evidence={"metric": "opt_out"}, verdicts={"0": {"outcome": "pass"}})

    resumed = halted.moved(Event.RESUME, NOW_MS, by="ops")

    assert resumed is not None
    assert (halted.is_waived, resumed.is_waived) == (False, True)
    assert resumed.verdicts == {"0": {"outcome": "pass"}, "1": {"outcome": "waived", "by": "ops"}}


def test_a_cancellation_is_somebody_s_to_its_end() -> None:
    cancelling = RUNNING.moved(Event.CANCEL, NOW_MS, reason="wrong list", by="shop")
    assert cancelling is not None

    cancelled = cancelling.moved(Event.SWEPT, NOW_MS + 5)

    assert cancelled == replace(cancelling, phase=Phase.CANCELLED, since_ms=NOW_MS + 5)


def test_what_can_not_happen_moves_nothing() -> None:
    assert RUNNING.moved(Event.RESUME, NOW_MS) is None


def test_a_pause_of_what_is_halted_keeps_the_evidence() -> None:
    halted = replace(RUNNING, phase=Phase.HALTED, evidence={"metric": "opt_out"})

    assert halted.moved(Event.PAUSE, NOW_MS + 5, reason="to be sure", by="ops") == halted
