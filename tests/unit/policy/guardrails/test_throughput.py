"""A number does not send faster than Meta lets it."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_terms
from tidegate.policy.guardrails.throughput import throughput
from tidegate.policy.verdict import Reason


@pytest.mark.parametrize(
    ("emission_us", "turn_at_ms", "objects"),
    [
        pytest.param(12_500, NOW_MS + 1, True, id="the turn comes in a millisecond"),
        pytest.param(12_500, NOW_MS, False, id="the turn is now"),
        pytest.param(12_500, NOW_MS - 1, False, id="the turn came"),
        pytest.param(0, NOW_MS + 1, False, id="no pace is asked for"),
    ],
)
def test_when_it_objects(emission_us: int, turn_at_ms: int, objects: bool) -> None:
    terms = make_terms(throughput_emission_us=emission_us)

    objection = throughput(make_case(), terms, make_facts(throughput_at_ms=turn_at_ms))

    assert (objection is not None) is objects
    if objection is not None:
        assert (objection.reason, objection.until_ms) == (Reason.THROUGHPUT, turn_at_ms)
        assert (objection.final, objection.pacing) == (False, True)
