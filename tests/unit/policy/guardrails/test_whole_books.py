"""Nothing that counts goes before it is known whom the store has forgotten, but for what an open window lets go."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_standing, make_terms
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import decide, judge, terms_of
from tidegate.policy.facts import Case, Terms
from tidegate.policy.guardrails.whole_books import whole_books
from tidegate.policy.rules import Rules
from tidegate.policy.verdict import Queue, Reason, Reject, Send

UNTIL_MS = NOW_MS + 90_000_000
MARGIN_MS = 10_000


@pytest.mark.parametrize(
    ("held_until_ms", "window_in_ms", "objects"),
    [
        pytest.param(0, -1, False, id="the books are whole"),
        pytest.param(UNTIL_MS, -1, True, id="they are not, and no window is open"),
        pytest.param(UNTIL_MS, MARGIN_MS, True, id="a window closes while it is sent"),
        pytest.param(UNTIL_MS, MARGIN_MS + 1, False, id="a window is open"),
    ],
)
def test_when_it_objects(held_until_ms: int, window_in_ms: int, objects: bool) -> None:
    terms = make_terms(held_until_ms=held_until_ms, window_margin_ms=MARGIN_MS)

    objection = whole_books(make_case(), terms, make_facts(window_ends_ms=NOW_MS + window_in_ms))

    assert (objection is not None) is objects
    if objection is not None:
        assert (objection.reason, objection.until_ms) == (Reason.STORE_UNAVAILABLE, UNTIL_MS)
        assert not objection.final


def terms(case: Case, held_until_ms: int) -> Terms:
    return terms_of(case, make_standing(held_until_ms=held_until_ms), Rules(), NOW_MS)


@pytest.mark.parametrize(
    ("case", "held_until_ms", "held"),
    [
        pytest.param(make_case(), UNTIL_MS, True, id="a template waits"),
        pytest.param(make_case(), NOW_MS + 1, True, id="to the last millisecond"),
        pytest.param(make_case(), NOW_MS, False, id="and no longer, though no node has said so yet"),
        pytest.param(make_case(to_group=True), UNTIL_MS, False, id="what does not count does not wait"),
    ],
)
def test_what_the_ledger_is_asked_for(case: Case, held_until_ms: int, held: bool) -> None:
    asked = terms(case, held_until_ms)

    assert (asked.needs_window, asked.held_until_ms) == (held, held_until_ms if held else 0)


def test_a_reply_goes_in_its_window_as_ever() -> None:
    reply = make_case(category=None, template=None, hold=False)

    assert terms(reply, UNTIL_MS).held_until_ms == 0
    assert judge(reply, terms(reply, UNTIL_MS), make_facts(window_ends_ms=NOW_MS + 60_000), Rules()) == Send()


@pytest.mark.parametrize(
    ("category", "hold", "verdict"),
    [
        pytest.param(Category.MARKETING, True, Queue, id="a campaign is queued"),
        pytest.param(Category.AUTHENTICATION, False, Reject, id="what may not wait is told so"),
    ],
)
def test_who_holds_a_place_waits_too(category: Category, hold: bool, verdict: type) -> None:
    case = make_case(category=category, hold=hold)

    given = judge(case, terms(case, UNTIL_MS), make_facts(taken=False, counted=True), Rules())

    assert isinstance(given, verdict)
    assert isinstance(given, Queue | Reject)
    assert (given.reason, given.until_ms) == (Reason.STORE_UNAVAILABLE, UNTIL_MS)


def test_it_can_not_be_turned_off() -> None:
    off = {name: {"mode": "off"} for name in ("messaging_limit", "service_window")}
    rules, case = Rules.model_validate(off), make_case()
    asked = terms_of(case, make_standing(held_until_ms=UNTIL_MS), rules, NOW_MS)

    assert isinstance(judge(case, asked, make_facts(taken=False), rules), Queue)
    assert isinstance(decide(case, make_standing(held_until_ms=UNTIL_MS), rules, NOW_MS), Terms)
