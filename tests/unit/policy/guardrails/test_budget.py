"""Messages cost no more than was set aside."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_objection, make_terms
from tidegate.policy.facts import Tally
from tidegate.policy.guardrails.budget import budget
from tidegate.policy.verdict import Reason


def tally(name: str, until_ms: int | None) -> Tally:
    return Tally(name, 30, 100, False, 0, make_objection(reason=Reason.BUDGET, detail=name, until_ms=until_ms))


MONTH, WALLET = tally("spend:USD:waba:1:month:0", NOW_MS + 10), tally("spend:USD:wallet:1", None)


@pytest.mark.parametrize(
    ("stood", "speaks"),
    [
        pytest.param((70, 70), None, id="both have room"),
        pytest.param((71, 70), MONTH, id="the period's is spent"),
        pytest.param((70, 71), WALLET, id="the wallet is empty"),
        pytest.param((71, 71), WALLET, id="of both the one that no time fills"),
    ],
)
def test_when_it_objects(stood: tuple[int, int], speaks: Tally | None) -> None:
    objection = budget(make_case(), make_terms(tallies=(MONTH, WALLET)), make_facts(tallied=stood))

    assert objection == (speaks and speaks.objection)


def test_recipients_are_not_its_affair() -> None:
    terms = make_terms(tallies=(MONTH._replace(name="warm:number:1:0"),))

    assert budget(make_case(), terms, make_facts(tallied=(100,))) is None
