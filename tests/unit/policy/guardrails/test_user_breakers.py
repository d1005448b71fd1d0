"""The guardrails that look at a user's breakers: each speaks for its reasons, together for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_service_case, make_standing
from tests.unit.policy.users.specimens import opened_by
from tidegate.policy.facts import Case
from tidegate.policy.guardrails import USER
from tidegate.policy.guardrails.recipient_hold import recipient_hold
from tidegate.policy.guardrails.recipient_suppressed import recipient_suppressed
from tidegate.policy.guardrails.user_marketing_limit import user_marketing_limit
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Objection, Reason

Guardrail = Callable[[Case, Standing, User, int], Objection | None]
ALL: tuple[Guardrail, ...] = (user_marketing_limit, recipient_suppressed, recipient_hold)
STANDING = make_standing()


def knowing(code: int) -> User:
    return EMPTY.with_breaker(opened_by(code, times=3), NOW_MS)


def no_of(guardrail: Guardrail, code: int, case: Case, now_ms: int = NOW_MS) -> Objection | None:
    return guardrail(case, STANDING, knowing(code), now_ms)


@pytest.mark.parametrize(
    ("code", "speaks", "reason", "days", "final", "pacing"),
    [
        pytest.param(131049, user_marketing_limit, "user_marketing_limit", 1, False, False, id="Meta's limit: a day"),
        pytest.param(130472, recipient_suppressed, "recipient_suppressed", 30, True, False, id="Meta's experiment"),
        pytest.param(131026, recipient_suppressed, "recipient_suppressed", 30, True, False, id="not reached"),
        pytest.param(130403, recipient_suppressed, "recipient_suppressed", None, True, False, id="blocked"),
        pytest.param(130497, recipient_suppressed, "recipient_suppressed", 30, True, False, id="the country"),
        pytest.param(137000, recipient_suppressed, "recipient_suppressed", 1 / 24, True, False, id="another identity"),
        pytest.param(131056, recipient_hold, "pair_rate", 1 / 86_400, False, True, id="the pair is too fast"),
    ],
)
def test_one_of_them_speaks_for_each_code(
    code: int, speaks: Guardrail, reason: str, days: float | None, final: bool, pacing: bool
) -> None:
    said = {guardrail: no_of(guardrail, code, make_case()) for guardrail in ALL}

    no = said.pop(speaks)
    assert no is not None
    assert (no.reason, no.final, no.pacing, no.shadow) == (reason, final, pacing, False)
    assert no.until_ms == (None if days is None else NOW_MS + round(days * DAY_MS))
    assert set(said.values()) == {None}


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_a_breaker_of_whatever_reason_is_heard_by_exactly_one(reason: Reason) -> None:
    breaker = replace(opened_by(130403), reason=reason)
    user = EMPTY.with_breaker(breaker, NOW_MS)

    assert [rail(make_case(), STANDING, user, NOW_MS) is not None for rail in USER].count(True) == 1


def test_a_reply_is_held_only_by_what_is_about_all_messages() -> None:
    stopped = [
        code
        for code in (131049, 130472, 131026, 130403, 131056)
        if any(no_of(rail, code, make_service_case()) for rail in ALL)
    ]

    assert stopped == [130403, 131056]


def test_after_its_time_the_marketing_limit_lets_go() -> None:
    assert no_of(user_marketing_limit, 131049, make_case(), NOW_MS + DAY_MS - 1) is not None
    assert no_of(user_marketing_limit, 131049, make_case(), NOW_MS + DAY_MS) is None
