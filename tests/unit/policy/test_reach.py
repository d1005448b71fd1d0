"""Whom something concerns, and which of their messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NUMBER, PORTFOLIO, TEMPLATE, WABA, make_case, make_service_case, user
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.reach import Action, Covers, Scope, Subject, subject_of

AUTHENTICATION = make_case(category=Category.AUTHENTICATION)
UTILITY = make_case(category=Category.UTILITY)
MARKETING = make_case()
DIRECT_SEND = make_case(category=Category.UTILITY, template=None)
REPLY = make_service_case()


@pytest.mark.parametrize(
    ("covers", "cases"),
    [
        (Covers.EVERYTHING, [AUTHENTICATION, UTILITY, MARKETING, DIRECT_SEND, REPLY]),
        (Covers.BUSINESS_INITIATED, [AUTHENTICATION, UTILITY, MARKETING, DIRECT_SEND]),
        (Covers.MARKETING, [MARKETING]),
        (Covers.UTILITY, [UTILITY, DIRECT_SEND]),
        (Covers.AUTHENTICATION, [AUTHENTICATION]),
        (Covers.DIRECT_SEND, [DIRECT_SEND]),
    ],
)
def test_which_messages_are_covered(covers: Covers, cases: list[Any]) -> None:
    assert [c for c in (AUTHENTICATION, UTILITY, MARKETING, DIRECT_SEND, REPLY) if covers.includes(c)] == cases


HEX = user(1).hex()
ALL_KNOWN = subject_of(MARKETING, user(1))


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope.RECIPIENT, HEX),
        (Scope.PAIR, f"{NUMBER}:{HEX}"),
        (Scope.TEMPLATE, f"{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"),
        (Scope.CATEGORY, f"{NUMBER}:marketing"),
        (Scope.NUMBER, NUMBER),
        (Scope.WABA, WABA),
        (Scope.TOKEN, WABA),
        (Scope.PORTFOLIO, PORTFOLIO),
    ],
)
def test_every_scope_has_a_name_for_a_send(scope: Scope, value: str) -> None:
    assert ALL_KNOWN.value(scope) == value
    known = Subject(PORTFOLIO).value(scope)
    assert known == (PORTFOLIO if scope is Scope.PORTFOLIO else None)


def test_a_subject_does_not_show_the_user() -> None:
    assert repr(user(1)) not in repr(ALL_KNOWN)


def test_what_lasts_and_what_blocks() -> None:
    assert {action for action in Action if action.blocks} == {Action.STOP, Action.HOLD, Action.SUPPRESS}
    once = {Action.OPT_OUT, Action.OPT_IN, Action.CLOSE_WINDOW, Action.ALERT}
    assert {action for action in Action if not action.lasts} == once
