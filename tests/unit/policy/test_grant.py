"""What an app may send, and what is none of its."""

from __future__ import annotations

import pytest

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.grant import Grant

APP = "checkout"


@pytest.mark.parametrize(
    ("grant", "category", "template", "may"),
    [
        pytest.param(Grant(APP), Category.MARKETING, "any", True, id="no bound allows all"),
        pytest.param(Grant(APP, frozenset({"utility"})), Category.UTILITY, "any", True, id="its category"),
        pytest.param(Grant(APP, frozenset({"utility"})), Category.MARKETING, "any", False, id="another category"),
        pytest.param(Grant(APP, frozenset({"utility"})), None, None, False, id="free-form is service"),
        pytest.param(Grant(APP, frozenset({"service"})), None, None, True, id="and may be granted"),
        pytest.param(Grant(APP, frozenset()), None, None, False, id="none is none"),
        pytest.param(Grant(APP, None, ("order_*",)), Category.UTILITY, "order_shipped", True, id="a pattern fits"),
        pytest.param(Grant(APP, None, ("order_*",)), Category.UTILITY, "Order_shipped", False, id="case counts"),
        pytest.param(Grant(APP, None, ("order_*",)), Category.UTILITY, "reorder_1", False, id="from the beginning"),
        pytest.param(Grant(APP, None, ("a", "b?")), Category.UTILITY, "b1", True, id="one pattern is enough"),
        pytest.param(Grant(APP, None, ("order_*",)), None, None, True, id="free-form has no template"),
    ],
)
def test_what_an_app_may_send(grant: Grant, category: Category | None, template: str | None, may: bool) -> None:
    refusal = grant.refusal(category, template)

    assert (refusal is None) is may
    assert refusal is None or refusal.startswith("the app checkout may not send ")
