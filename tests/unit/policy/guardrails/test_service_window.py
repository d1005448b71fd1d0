"""Free-form messages go only inside the customer service window."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_service_case, make_terms
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.service_window import service_window
from tidegate.policy.verdict import Reason

FREE_FORM = make_service_case()
MARGIN_MS = 10_000


@pytest.mark.parametrize(
    ("case", "ends_in_ms", "objects"),
    [
        pytest.param(FREE_FORM, -NOW_MS, True, id="no window was ever open"),
        pytest.param(FREE_FORM, -1, True, id="it closed a millisecond ago"),
        pytest.param(FREE_FORM, 0, True, id="it closes now"),
        pytest.param(FREE_FORM, MARGIN_MS, True, id="it closes exactly a margin from now"),
        pytest.param(FREE_FORM, MARGIN_MS + 1, False, id="it stays open for more than the margin"),
        pytest.param(make_case(), -1, False, id="a template needs no window"),
        pytest.param(make_case(template=None), -1, False, id="a direct send has a category and needs no window"),
        pytest.param(make_service_case(to_group=True), -1, False, id="groups have no window"),
    ],
)
def test_when_it_objects(case: Case, ends_in_ms: int, objects: bool) -> None:
    terms, facts = make_terms(window_margin_ms=MARGIN_MS), make_facts(window_ends_ms=NOW_MS + ends_in_ms)

    objection = service_window(case, terms, facts)

    assert (objection is not None) is objects
    if objection is not None:
        assert (objection.reason, objection.final) == (Reason.SERVICE_WINDOW_CLOSED, True)
