"""A short run of what `python -m tests.badinput.fuzz` does at length; how long a loop stalls is asked there."""

from __future__ import annotations

from tests.badinput.fuzz import fuzzed
from tests.badinput.mutations import make_input
from tests.badinput.seeds import planes
from tests.badinput.stage import a_stage

INPUTS = 600


def test_no_mutated_request_is_answered_with_a_fault_or_not_at_all() -> None:
    with a_stage(clock=False) as stage:
        found = fuzzed(stage, seed=5, inputs=INPUTS, again=False)

    assert not found.bad
    assert found.inputs == INPUTS
    # Not all are refused for the same reason, and some get as far as Meta.
    assert min(found.statuses[status] for status in ("200", "400", "401", "404", "405")) > INPUTS // 100


def test_a_number_names_the_same_input_in_every_process() -> None:
    told = [make_input(plane, 5, 17).raw for plane in planes()]

    assert told == [make_input(plane, 5, 17).raw for plane in planes()]
    assert len({make_input(planes()[0], 5, number).raw for number in range(200)}) > 195
