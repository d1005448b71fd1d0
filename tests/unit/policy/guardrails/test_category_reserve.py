"""The last free places are kept for the categories above."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_facts, make_service_case, make_terms
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Facts, Terms
from tidegate.policy.guardrails.category_reserve import category_reserve
from tidegate.policy.verdict import Reason

TERMS = make_terms(limit_places=100, category_places=85)


@pytest.mark.parametrize(
    ("used", "objects"),
    [
        pytest.param(84, False, id="the last place below the reserve is this category's"),
        pytest.param(85, True, id="from there on what is left is for those above"),
        pytest.param(99, True, id="the very last place too"),
        pytest.param(100, True, id="a full limit is no way around the reserve"),
        pytest.param(150, True, id="nor is a limit that was lowered below what is used"),
    ],
)
def test_where_the_reserve_begins(used: int, objects: bool) -> None:
    assert (category_reserve(make_case(), TERMS, make_facts(used=used)) is not None) is objects


@pytest.mark.parametrize(
    ("terms", "facts"),
    [
        pytest.param(make_terms(), make_facts(used=10**6), id="an unlimited portfolio reserves nothing"),
        pytest.param(
            make_terms(limit_places=100),
            make_facts(used=100),
            id="nothing is reserved above the first category, however full it is",
        ),
        pytest.param(TERMS, make_facts(used=85, counted=True), id="a recipient who holds a place needs none"),
        pytest.param(
            TERMS,
            make_facts(used=85, window_ends_ms=NOW_MS + 1),
            id="nor does one whose service window is open",
        ),
        pytest.param(
            make_terms(limit_places=100, category_places=85, counts=False),
            make_facts(used=85),
            id="nor does a send that does not count",
        ),
    ],
)
def test_who_passes(terms: Terms, facts: Facts) -> None:
    assert category_reserve(make_case(), terms, facts) is None


def test_it_says_for_whom_and_until_when() -> None:
    facts = make_facts(used=90, place_at_ms=NOW_MS + DAY_MS)

    objection = category_reserve(make_case(category=Category.UTILITY), TERMS, facts)

    assert objection is not None
    assert objection.reason is Reason.CATEGORY_RESERVE
    assert objection.until_ms == NOW_MS + DAY_MS
    assert not objection.final
    assert not objection.pacing
    assert "90 places" in objection.detail
    assert objection.detail.endswith("above utility")


def test_a_message_without_category_is_called_service() -> None:
    objection = category_reserve(make_service_case(), TERMS, make_facts(used=90))

    assert objection is not None
    assert objection.detail.endswith("above service")
