"""What is young reaches a few new recipients a day."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_objection, make_terms
from tidegate.policy.facts import Tally
from tidegate.policy.guardrails.warm_up import warm_up
from tidegate.policy.verdict import Reason


def tally(name: str, until_ms: int) -> Tally:
    objection = make_objection(reason=Reason.WARM_UP, until_ms=until_ms)
    return Tally(name, 1, 50, True, NOW_MS * 2, objection)


NUMBER, TEMPLATE = tally("warm:number:1:0", NOW_MS + 10), tally("warm:template:1:en:x:3", NOW_MS + 20)


@pytest.mark.parametrize(
    ("stood", "until_ms"),
    [
        pytest.param((49, 49), None, id="both have room"),
        pytest.param((50, 49), NOW_MS + 10, id="the number has none"),
        pytest.param((49, 50), NOW_MS + 20, id="the template has none"),
        pytest.param((50, 50), NOW_MS + 20, id="of two the one that lasts longer"),
    ],
)
def test_when_it_objects(stood: tuple[int, int], until_ms: int | None) -> None:
    objection = warm_up(make_case(), make_terms(tallies=(NUMBER, TEMPLATE)), make_facts(tallied=stood))

    assert (objection and objection.until_ms) == until_ms


def test_money_is_not_its_affair() -> None:
    terms = make_terms(tallies=(NUMBER._replace(name="spend:USD:wallet:1"),))

    assert warm_up(make_case(), terms, make_facts(tallied=(50,))) is None
