"""A user's breakers and a send to them: which of them are about it, what they say, and what the send leaves behind."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_rules, make_service_case
from tests.factories import user as recipient
from tests.unit.policy.users.specimens import opened_by
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Event, Kind, step
from tidegate.policy.facts import Case
from tidegate.policy.users import EMPTY, User, concerns, given_back, objection_for, probes, sent
from tidegate.policy.verdict import Reason

RULES, CAPPED = make_rules(), make_rules(frequency_cap={"per_day": 1})
MARKETING, UTILITY = make_case(), make_case(category=Category.UTILITY)
HOUR_MS = 3_600_000


def knowing(*codes: int, at_ms: int = NOW_MS) -> User:
    user = EMPTY
    for code in codes:
        user = user.with_breaker(opened_by(code, at_ms, times=3), at_ms)
    return user


@pytest.mark.parametrize(
    ("code", "case", "about"),
    [
        pytest.param(131049, MARKETING, True, id="the user's marketing limit is about marketing"),
        pytest.param(131049, UTILITY, False, id="and not about utility"),
        pytest.param(131049, make_case(number="1"), True, id="whichever number it comes from"),
        pytest.param(131049, make_service_case(), False, id="nor about replies"),
        pytest.param(130403, make_service_case(), True, id="whom the business has blocked gets no reply either"),
        pytest.param(131056, make_service_case(), True, id="a pair is about all between the two"),
        pytest.param(131056, make_service_case(number="1"), False, id="and not about another number"),
        pytest.param(131026, UTILITY, True, id="what reaches nobody is about all that has a category"),
        pytest.param(131026, make_service_case(), False, id="a reply answers somebody who was reached"),
    ],
)
def test_what_a_breaker_is_about(code: int, case: Case, about: bool) -> None:
    assert concerns(opened_by(code, times=3), case) is about


def test_a_breaker_that_was_opened_under_another_name_is_this_user_s() -> None:
    user = EMPTY.with_breaker(opened_by(131049, whom=recipient(9)), NOW_MS)
    user = user.with_breaker(opened_by(131056, whom=recipient(9)), NOW_MS)

    assert objection_for(user, MARKETING, RULES, NOW_MS) is not None
    assert objection_for(user, UTILITY, RULES, NOW_MS) is not None
    assert objection_for(user, make_case(category=Category.UTILITY, number="1"), RULES, NOW_MS) is None


def test_of_several_the_one_that_weighs_most_speaks() -> None:
    user = knowing(131056, 131049, 130403)

    no = objection_for(user, MARKETING, RULES, NOW_MS)
    assert no is not None
    assert (no.reason, no.final) == (Reason.RECIPIENT_SUPPRESSED, True)

    no = objection_for(user, MARKETING, RULES, NOW_MS, frozenset({Reason.USER_MARKETING_LIMIT, Reason.PAIR_RATE}))
    assert no is not None
    assert (no.reason, no.until_ms) == (Reason.USER_MARKETING_LIMIT, NOW_MS + DAY_MS)


@pytest.mark.parametrize(
    ("mode", "shadow"),
    [
        pytest.param("enforce", False, id="enforced, it decides"),
        pytest.param("shadow", True, id="in shadow, it only tells"),
        pytest.param("off", None, id="off, it says nothing"),
    ],
)
def test_a_rule_s_mode(mode: str, shadow: bool | None) -> None:
    rules = make_rules(consequence=[{"id": "user_marketing_limit", "mode": mode}])

    no = objection_for(knowing(131049), MARKETING, rules, NOW_MS)

    assert (no and no.shadow) == shadow


def test_a_rule_in_shadow_hides_none_that_is_enforced() -> None:
    rules = make_rules(consequence=[{"id": "blocked_by_business", "mode": "shadow"}])

    no = objection_for(knowing(130403, 131049), MARKETING, rules, NOW_MS)

    assert no is not None
    assert (no.reason, no.shadow) == (Reason.USER_MARKETING_LIMIT, False)


def test_half_open_one_send_an_hour_passes_and_the_record_says_when_the_last_one_did() -> None:
    half_open_ms = NOW_MS + 30 * DAY_MS
    user = knowing(131026)
    assert objection_for(user, UTILITY, RULES, half_open_ms - 1) is not None
    assert probes(user, UTILITY, half_open_ms - 1) == ()
    assert objection_for(user, UTILITY, RULES, half_open_ms) is None

    user = sent(user, UTILITY, RULES, half_open_ms)
    assert [breaker.rule for breaker in probes(user, UTILITY, half_open_ms)] == ["undeliverable"]
    no = objection_for(user, UTILITY, RULES, half_open_ms + 1)
    assert no is not None
    assert (no.until_ms, no.final, no.reason) == (half_open_ms + HOUR_MS, False, Reason.RECIPIENT_SUPPRESSED)
    assert objection_for(user, UTILITY, RULES, half_open_ms + HOUR_MS) is None


def test_a_pair_waits_four_times_as_long_after_each_failure() -> None:
    breaker, now_ms, waits = opened_by(131056), NOW_MS, []
    for _ in range(5):
        user = EMPTY.with_breaker(breaker, now_ms)
        no = objection_for(user, make_case(), RULES, now_ms)
        assert no is not None
        assert (no.reason, no.pacing) == (Reason.PAIR_RATE, True)
        assert no.until_ms is not None
        waits.append((no.until_ms - now_ms) // 1_000)
        now_ms = no.until_ms
        failed = step(breaker, Event(Kind.PROBE_FAILED, now_ms, "error.131056"), now_ms)
        assert failed is not None
        breaker = failed

    assert waits == [1, 4, 16, 64, 256]


@pytest.mark.parametrize(
    ("user", "case", "capped", "noted"),
    [
        pytest.param(EMPTY, MARKETING, True, (NOW_MS,), id="marketing under a cap"),
        pytest.param(EMPTY, MARKETING, False, (), id="marketing without one"),
        pytest.param(EMPTY, UTILITY, True, (), id="utility"),
        pytest.param(EMPTY, make_service_case(), True, (), id="a reply"),
        pytest.param(EMPTY, make_case(to_group=True), True, (), id="a group is no user"),
        pytest.param(knowing(131049), UTILITY, True, (), id="what is held is no probe"),
    ],
)
def test_what_a_send_leaves_in_the_record(user: User, case: Case, capped: bool, noted: tuple[int, ...]) -> None:
    after = sent(user, case, CAPPED if capped else RULES, NOW_MS)

    assert after.marketing_sent_at_ms == noted
    assert (after is user) is not bool(noted)


def test_a_cap_that_is_off_remembers_nothing() -> None:
    rules = make_rules(frequency_cap={"per_day": 1, "mode": "off"})

    assert sent(EMPTY, MARKETING, rules, NOW_MS) is EMPTY


def test_a_send_that_did_not_go_out_is_taken_back_once() -> None:
    user = EMPTY.with_marketing_send(NOW_MS).with_marketing_send(NOW_MS).with_marketing_send(NOW_MS + 1)

    assert given_back(user, NOW_MS).marketing_sent_at_ms == (NOW_MS, NOW_MS + 1)
    assert given_back(user, NOW_MS + 2) is user
