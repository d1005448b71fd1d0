"""A campaign's life is one table, and whatever it does not name changes nothing."""

from __future__ import annotations

import pytest

from tidegate.policy.campaign.phase import LIVE, OVER, STOPPED, TABLE, Event, Phase, after


@pytest.mark.parametrize(
    ("phase", "event", "expected"),
    [
        pytest.param(Phase.DRAFT, Event.START, Phase.SCHEDULED, id="a draft that is started waits for its time"),
        pytest.param(Phase.DRAFT, Event.CANCEL, Phase.CANCELLED, id="a draft has nothing in the queue to be swept"),
        pytest.param(Phase.SCHEDULED, Event.DUE, Phase.RUNNING, id="it runs when its time has come"),
        pytest.param(Phase.RUNNING, Event.STEP_GONE, Phase.WAITING, id="a step that is gone waits for its gate"),
        pytest.param(Phase.WAITING, Event.PASSED, Phase.RUNNING, id="a gate that passes begins the next step"),
        pytest.param(Phase.WAITING, Event.PASSED_LAST, Phase.FINISHED, id="the last gate ends it"),
        pytest.param(Phase.WAITING, Event.FAILED, Phase.HALTED, id="a gate that fails halts it"),
        pytest.param(Phase.RUNNING, Event.FAILED, Phase.HALTED, id="bad news halts it in the middle of a step"),
        pytest.param(Phase.RUNNING, Event.PAUSE, Phase.PAUSED, id="whoever runs it may pause it"),
        pytest.param(Phase.HALTED, Event.PAUSE, Phase.HALTED, id="what is halted stays so"),
        pytest.param(Phase.PAUSED, Event.RESUME, Phase.SCHEDULED, id="what was paused is looked at anew"),
        pytest.param(Phase.HALTED, Event.RESUME, Phase.SCHEDULED, id="what was halted may be resumed"),
        pytest.param(Phase.HALTED, Event.CANCEL, Phase.CANCELLING, id="what was halted may be cancelled"),
        pytest.param(Phase.CANCELLING, Event.SWEPT, Phase.CANCELLED, id="cancelled once its queue is swept"),
        pytest.param(Phase.PAUSED, Event.DEADLINE, Phase.FINISHED, id="the deadline ends what is paused too"),
        pytest.param(Phase.RUNNING, Event.START, None, id="what runs can't be started"),
        pytest.param(Phase.RUNNING, Event.RESUME, None, id="nor resumed"),
        pytest.param(Phase.CANCELLING, Event.RESUME, None, id="a cancellation can't be taken back"),
        pytest.param(Phase.CANCELLING, Event.DEADLINE, Phase.CANCELLED, id="what was not swept has expired"),
        pytest.param(Phase.DRAFT, Event.DEADLINE, None, id="a draft waits for whoever made it"),
    ],
)
def test_where_an_event_leads(phase: Phase, event: Event, expected: Phase | None) -> None:
    assert after(phase, event) is expected


def test_what_is_over_stays_so() -> None:
    assert not [move for move in TABLE if move[0] in OVER]


def test_whatever_is_live_can_be_cancelled_and_whatever_is_cancelled_ends() -> None:
    ends = {phase: after(phase, Event.CANCEL) or after(phase, Event.SWEPT) for phase in LIVE}

    assert set(ends.values()) == {Phase.CANCELLING, Phase.CANCELLED}


def test_every_phase_can_be_reached_from_a_draft() -> None:
    reached = {Phase.DRAFT}
    for _ in Phase:
        reached |= {to for (phase, _), to in TABLE.items() if phase in reached}

    assert reached == set(Phase)


def test_nothing_that_is_stopped_is_running() -> None:
    assert {Phase.RUNNING, Phase.WAITING, Phase.SCHEDULED, Phase.FINISHED}.isdisjoint(STOPPED)
