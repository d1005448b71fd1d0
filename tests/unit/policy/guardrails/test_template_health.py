"""A template that Meta would not send is not sent to Meta."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    NOW_MS,
    TEMPLATE,
    WABA,
    make_case,
    make_rules,
    make_service_case,
    make_standing,
    make_template,
)
from tests.unit.policy.breaker.specimens import HOUR_MS, make_grip, open_since
from tidegate.cloudapi.vocabulary import TemplateStatus
from tidegate.policy.breaker import Board, Grip
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.template_health import template_health
from tidegate.policy.reach import Scope
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Reason

GOES = {
    TemplateStatus.APPROVED,
    TemplateStatus.FLAGGED,
    TemplateStatus.REINSTATED,
    TemplateStatus.UNPAUSE,
}


def standing_with(status: TemplateStatus | None) -> Standing:
    template = make_template(status=status)
    return make_standing(templates={template.key: template})


@pytest.mark.parametrize("status", [pytest.param(status, id=status.value) for status in TemplateStatus])
def test_what_each_status_means(status: TemplateStatus) -> None:
    objection = template_health(make_case(), standing_with(status), NOW_MS)

    if status in GOES:
        assert objection is None
        return
    assert objection is not None
    match status:
        case TemplateStatus.PAUSED:
            assert (objection.reason, objection.final) == (Reason.TEMPLATE_PAUSED, False)
        case TemplateStatus.DISABLED:
            assert (objection.reason, objection.final) == (Reason.TEMPLATE_DISABLED, True)
        case _:
            assert (objection.reason, objection.final) == (Reason.TEMPLATE_UNKNOWN, True)
            assert status.value in objection.detail


def test_what_is_not_known_passes() -> None:
    assert template_health(make_case(), make_standing(), NOW_MS) is None
    assert template_health(make_case(), standing_with(None), NOW_MS) is None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(make_case(template=("seasonal_offer", "de")), id="the same name in another language"),
        pytest.param(make_case(waba="1"), id="the same name in another account"),
        pytest.param(make_service_case(), id="a message without template"),
    ],
)
def test_it_speaks_of_one_template_in_one_language_of_one_account(case: Case) -> None:
    standing = standing_with(TemplateStatus.PAUSED)

    assert template_health(case, standing, NOW_MS) is None


class TestABreakerOnTheTemplate:
    """What was done to it for its quality, beside the state that it is in."""

    def grip(self, **changes: Any) -> Grip:
        value = f"{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"
        terms = {"rule": "template_paused", "scope": Scope.TEMPLATE, "value": value, "reason": Reason.TEMPLATE_PAUSED}
        return make_grip(**terms | changes)

    def standing(self, status: TemplateStatus | None, rules: Rules | None = None, **changes: Any) -> Standing:
        template = make_template(status=status)
        board = Board([open_since(grip=self.grip(**changes))])
        return make_standing(templates={template.key: template}, breakers=board, rules=rules or Rules())

    def test_it_knows_when_the_template_may_be_tried_and_the_state_does_not(self) -> None:
        objection = template_health(make_case(), self.standing(TemplateStatus.PAUSED), NOW_MS)

        assert objection is not None
        assert (objection.reason, objection.until_ms) == (Reason.TEMPLATE_PAUSED, NOW_MS + HOUR_MS)

    def test_it_stops_a_template_whose_state_is_well(self) -> None:
        objection = template_health(make_case(), self.standing(TemplateStatus.APPROVED), NOW_MS)

        assert objection is not None
        assert not objection.final

    def test_what_is_disabled_is_not_waited_for_whatever_the_breaker_says(self) -> None:
        objection = template_health(make_case(), self.standing(TemplateStatus.DISABLED), NOW_MS)

        assert objection is not None
        assert (objection.reason, objection.final) == (Reason.TEMPLATE_DISABLED, True)

    def test_a_state_decides_where_the_breaker_s_rule_only_tells(self) -> None:
        rules = make_rules(consequence=[{"id": "template_paused", "mode": "shadow"}])
        paused = template_health(make_case(), self.standing(TemplateStatus.PAUSED, rules), NOW_MS)
        well = template_health(make_case(), self.standing(TemplateStatus.APPROVED, rules), NOW_MS)

        assert paused is not None
        assert well is not None
        assert (paused.shadow, well.shadow) == (False, True)
