"""What a decision may look at."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_service_case, make_terms
from tidegate.policy.facts import Case, Facts, Terms


@pytest.mark.parametrize(
    ("case", "counts", "needs_window"),
    [
        pytest.param(make_case(), True, False, id="a template counts and needs no window"),
        pytest.param(make_case(template=None), True, False, id="a direct send has a category: it counts too"),
        pytest.param(make_service_case(), False, True, id="a free-form message needs a window and does not count"),
        pytest.param(make_case(to_group=True), False, False, id="a template to a group passes uncounted"),
        pytest.param(make_service_case(to_group=True), False, False, id="groups have no window"),
    ],
)
def test_what_a_send_asks_for(case: Case, counts: bool, needs_window: bool) -> None:
    assert (case.counts, case.needs_window) == (counts, needs_window)


@pytest.mark.parametrize(
    ("ends_in_ms", "margin_ms", "open_"),
    [
        pytest.param(1, 0, True, id="it ends in a millisecond"),
        pytest.param(0, 0, False, id="it ends now"),
        pytest.param(10_001, 10_000, True, id="it outlasts the margin by a millisecond"),
        pytest.param(10_000, 10_000, False, id="it ends with the margin"),
    ],
)
def test_when_a_window_is_open(ends_in_ms: int, margin_ms: int, open_: bool) -> None:
    assert make_facts(window_ends_ms=NOW_MS + ends_in_ms).window_open(margin_ms) is open_


@pytest.mark.parametrize(
    ("facts", "terms", "needs"),
    [
        pytest.param(make_facts(), make_terms(), True, id="a new user outside a window"),
        pytest.param(make_facts(counted=True), make_terms(), False, id="a user who holds a place"),
        pytest.param(make_facts(window_ends_ms=NOW_MS + 1), make_terms(), False, id="a user with an open window"),
        pytest.param(make_facts(), make_terms(counts=False), False, id="a send that does not count"),
    ],
)
def test_who_needs_a_place(facts: Facts, terms: Terms, needs: bool) -> None:
    assert facts.needs_place(terms) is needs


def test_what_a_record_shows_tells_of_nobody() -> None:
    case = make_case(recipient=b"r" * 16, digits="16505551234", zones=("Europe/Berlin",))
    facts = make_facts(user_record=b"consents of somebody")

    assert repr(case).startswith("Case(portfolio=")
    assert not any(word in repr(case) for word in ("rrrr", "16505551234", "Berlin"))
    assert repr(facts).startswith("Facts(now_ms=")
    assert "somebody" not in repr(facts)
