"""What a message is judged as, and may do: by its sender's wishes, and by the rules where they say nothing."""

from __future__ import annotations

import pytest

from tests.factories import make_rules, make_standing, make_template
from tidegate.cloudapi.messages import Request, read_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Route
from tidegate.gateway.wishes import Granted, Wishes, granted
from tidegate.policy.rules import Delivery, Hold

UTILITY, MARKETING, AUTHENTICATION = Category.UTILITY, Category.MARKETING, Category.AUTHENTICATION
ONCE, AT_LEAST = Delivery.AT_MOST_ONCE, Delivery.AT_LEAST_ONCE
RULES = make_rules(
    max_wait={"authentication": "1s", "utility": "2s", "marketing": "3s"},
    hold={"authentication": "reject", "utility": "queue", "marketing": "reject"},
    delivery={"utility": "at_least_once"},
)
TEMPLATE = make_template(name="known", language="en", category=UTILITY)
ROUTE = Route("lucky-shrub", TEMPLATE.waba, "1")


def a_request(**content: object) -> Request:
    read = read_send({"messaging_product": "whatsapp", "to": "+16505551234", **content})
    assert isinstance(read, Request)
    return read


def a_template(name: str) -> Request:
    return a_request(type="template", template={"name": name, "language": {"code": "en"}})


TEXT, DIRECT = a_request(text={"body": "x"}), a_request(text={"body": "x"}, category="utility")


@pytest.mark.parametrize(
    ("request_", "wishes", "expected"),
    [
        pytest.param(a_template("known"), (None, None, None), (UTILITY, 2_000, True, AT_LEAST), id="the rules"),
        pytest.param(
            a_template("known"),
            (MARKETING, Hold.REJECT, ONCE),
            (UTILITY, 2_000, False, ONCE),
            id="its sender, but of its category not where Meta has one",
        ),
        pytest.param(a_template("new"), (None, None, None), (MARKETING, 3_000, False, ONCE), id="the strictest"),
        pytest.param(
            a_template("new"),
            (AUTHENTICATION, Hold.QUEUE, AT_LEAST),
            (AUTHENTICATION, 1_000, True, AT_LEAST),
            id="its sender, of its category too where nobody has one",
        ),
        pytest.param(
            TEXT, (UTILITY, Hold.QUEUE, AT_LEAST), (None, 1_000, False, ONCE), id="what is free-form can't wait"
        ),
        pytest.param(DIRECT, (None, None, None), (UTILITY, 2_000, True, AT_LEAST), id="a Direct Send's own word"),
    ],
)
def test_what_it_is_granted_is_said_by(
    request_: Request, wishes: tuple[Category | None, Hold | None, Delivery | None], expected: Granted
) -> None:
    standing = make_standing(rules=RULES, templates={TEMPLATE.key: TEMPLATE})
    assert granted(standing, ROUTE, request_, Wishes(*wishes)) == expected
