"""A template that Meta would not send is not sent to Meta."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_service_case, make_standing, make_template
from tidegate.cloudapi.vocabulary import TemplateStatus
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.template_health import template_health
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
