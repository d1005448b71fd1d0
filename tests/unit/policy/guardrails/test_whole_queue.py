"""What was queued does not go while the store may have lost that it went."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_standing
from tidegate.policy.decide import decide
from tidegate.policy.facts import Terms
from tidegate.policy.guardrails.whole_queue import whole_queue
from tidegate.policy.rules import Rules
from tidegate.policy.verdict import Queue, Reason


@pytest.mark.parametrize(
    ("queued", "held_until_ms", "objects"),
    [
        pytest.param(True, 0, False, id="the books are whole"),
        pytest.param(True, NOW_MS, False, id="the wait is over now"),
        pytest.param(True, NOW_MS + 1, True, id="it is not over"),
        pytest.param(False, NOW_MS + 1, False, id="what comes directly was never queued"),
    ],
)
def test_when_it_objects(queued: bool, held_until_ms: int, objects: bool) -> None:
    objection = whole_queue(make_case(queued=queued), make_standing(held_until_ms=held_until_ms), NOW_MS)

    assert (objection is not None) is objects
    if objection is not None:
        assert (objection.reason, objection.until_ms) == (Reason.STORE_UNAVAILABLE, NOW_MS + 1)
        assert not objection.final


@pytest.mark.parametrize("to_group", [pytest.param(False, id="to a user"), pytest.param(True, id="to a group")])
def test_it_stays_queued_whatever_it_is(to_group: bool) -> None:
    case = make_case(queued=True, to_group=to_group)

    verdict = decide(case, make_standing(held_until_ms=NOW_MS + 1), Rules(), NOW_MS)

    assert isinstance(verdict, Queue)
    assert verdict.until_ms == NOW_MS + 1
    assert isinstance(decide(case, make_standing(), Rules(), NOW_MS), Terms)
