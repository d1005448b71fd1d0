"""Unique recipients never exceed the limit."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_facts, make_terms
from tidegate.policy.facts import Facts, Terms
from tidegate.policy.guardrails.messaging_limit import messaging_limit
from tidegate.policy.verdict import Reason

TERMS = make_terms(limit_places=100, category_places=85)


@pytest.mark.parametrize(
    ("terms", "facts", "objects"),
    [
        pytest.param(TERMS, make_facts(used=99), False, id="the last place is to be had"),
        pytest.param(TERMS, make_facts(used=100), True, id="one more is not"),
        pytest.param(TERMS, make_facts(used=101), True, id="nor when more are used than there are"),
        pytest.param(make_terms(limit_places=0), make_facts(), True, id="a limit of nothing lets nobody in"),
        pytest.param(make_terms(), make_facts(used=10**9), False, id="an unlimited portfolio is never full"),
        pytest.param(TERMS, make_facts(used=100, counted=True), False, id="who holds a place needs no other"),
        pytest.param(TERMS, make_facts(used=100, window_ends_ms=NOW_MS + 1), False, id="an open window needs no place"),
        pytest.param(TERMS, make_facts(used=100, window_ends_ms=NOW_MS), True, id="a window that ends now is not open"),
        pytest.param(
            make_terms(limit_places=100, category_places=85, window_margin_ms=10_000),
            make_facts(used=100, window_ends_ms=NOW_MS + 10_000),
            True,
            id="a window that ends within the margin counts as closed",
        ),
        pytest.param(
            make_terms(limit_places=100, category_places=85, counts=False),
            make_facts(used=100),
            False,
            id="what does not count passes",
        ),
    ],
)
def test_when_it_objects(terms: Terms, facts: Facts, objects: bool) -> None:
    assert (messaging_limit(make_case(), terms, facts) is not None) is objects


def test_it_says_how_many_and_until_when() -> None:
    objection = messaging_limit(make_case(), TERMS, make_facts(used=100, place_at_ms=NOW_MS + DAY_MS))

    assert objection is not None
    assert (objection.reason, objection.until_ms) == (Reason.MESSAGING_LIMIT, NOW_MS + DAY_MS)
    assert (objection.final, objection.pacing) == (False, False)
    assert "all 100 usable places" in objection.detail
