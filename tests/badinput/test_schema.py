"""A short run of `python -m tests.badinput.schema`: the edges of what the description allows, and beyond them."""

from __future__ import annotations

from tests.badinput.schema import described_calls
from tests.badinput.stage import a_stage


def test_no_call_made_from_the_description_is_answered_otherwise_than_described() -> None:
    with a_stage(clock=False) as stage:
        code, told = described_calls(stage, examples=1, seed=1, phases="coverage", seconds=20)
        stage.left()
        stage.check_log()

    assert code == 0, told[-6_000:]
