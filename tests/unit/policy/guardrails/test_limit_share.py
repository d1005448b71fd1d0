"""An app takes no more of the messaging limit than its share."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_facts, make_objection, make_share, make_terms
from tidegate.policy.facts import Facts, Tally
from tidegate.policy.grant import Grant
from tidegate.policy.guardrails.limit_share import SPREAD_MS, limit_share
from tidegate.policy.verdict import Reason

CASE = make_case(grant=Grant("checkout", limit_share=0.25))
SHARE = make_share("checkout", 475)
FULL = make_facts(tallied=(475,))


@pytest.mark.parametrize(
    ("tally", "facts", "objects"),
    [
        pytest.param(SHARE, make_facts(tallied=(474,)), False, id="one place is left"),
        pytest.param(SHARE, FULL, True, id="all are taken"),
        pytest.param(SHARE, make_facts(tallied=(476,)), True, id="a late delivery took one more"),
        pytest.param(SHARE, make_facts(tallied=(475,), counted=True), False, id="the recipient is counted already"),
        pytest.param(SHARE, make_facts(tallied=(475,), window_ends_ms=NOW_MS + DAY_MS), False, id="an open window"),
        pytest.param(make_share("checkout", -1), FULL, False, id="there is no limit"),
        pytest.param(make_share("checkout", 0), make_facts(tallied=(0,)), True, id="a share of no place"),
        pytest.param(SHARE._replace(of_places=False), FULL, False, id="another allowance is not its affair"),
    ],
)
def test_when_it_objects(tally: Tally, facts: Facts, objects: bool) -> None:
    assert (limit_share(CASE, make_terms(tallies=(tally,)), facts) is not None) is objects


def test_what_it_says() -> None:
    facts = make_facts(tallied=(475,), share_at_ms=NOW_MS + 5)

    objection = limit_share(CASE, make_terms(tallies=(SHARE,)), facts)

    assert objection == make_objection(
        reason=Reason.LIMIT_SHARE,
        detail="the 475 places that the app checkout may have of the messaging limit are taken",
        until_ms=NOW_MS + 5,
        spread_ms=SPREAD_MS,
    )
