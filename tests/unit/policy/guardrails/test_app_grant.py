"""What an app was not granted is refused for good, and nothing else is."""

from __future__ import annotations

from tests.factories import NOW_MS, make_case, make_service_case, make_standing
from tidegate.policy.grant import Grant
from tidegate.policy.guardrails.app_grant import app_grant
from tidegate.policy.verdict import Objection, Reason

UTILITY_ONLY = Grant("checkout", frozenset({"utility"}))


def test_an_app_without_bounds_sends_all() -> None:
    assert app_grant(make_case(), make_standing(), NOW_MS) is None


def test_what_it_was_not_granted_is_refused_for_good() -> None:
    objection = app_grant(make_case(grant=UTILITY_ONLY), make_standing(), NOW_MS)

    detail = "the app checkout may not send marketing messages"
    assert objection == Objection(Reason.NOT_GRANTED, detail, final=True)


def test_what_it_was_granted_goes() -> None:
    grant = Grant("checkout", frozenset({"service"}), ("order_*",))
    assert app_grant(make_service_case(grant=grant), make_standing(), NOW_MS) is None
