"""One user is not written to too often by one number."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_terms
from tidegate.policy.guardrails.pair_rate import BURST, EMISSION_MS, pair_rate
from tidegate.policy.verdict import Reason


@pytest.mark.parametrize(
    ("emission_ms", "turn_at_ms", "objects"),
    [
        pytest.param(6_000, NOW_MS + 1, True, id="the turn comes in a millisecond"),
        pytest.param(6_000, NOW_MS, False, id="the turn is now"),
        pytest.param(6_000, NOW_MS - 1, False, id="the turn came"),
        pytest.param(0, NOW_MS + 1, False, id="no pace is asked for"),
    ],
)
def test_when_it_objects(emission_ms: int, turn_at_ms: int, objects: bool) -> None:
    terms = make_terms(pair_emission_ms=emission_ms)

    objection = pair_rate(make_case(), terms, make_facts(pair_at_ms=turn_at_ms))

    assert (objection is not None) is objects
    if objection is not None:
        assert (objection.reason, objection.until_ms) == (Reason.PAIR_RATE, turn_at_ms)
        assert (objection.final, objection.pacing) == (False, True)


def test_the_pace_is_that_of_the_platform() -> None:
    assert (EMISSION_MS, BURST) == (6_000, 45)
