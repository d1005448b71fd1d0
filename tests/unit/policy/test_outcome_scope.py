"""A send's scopes, and their names."""

from __future__ import annotations

import pytest

from tests.factories import NUMBER, PORTFOLIO, WABA
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.outcome_scope import Kind, OutcomeScope, campaign_part, parse
from tidegate.policy.reach import Scope


@pytest.mark.parametrize(
    "scope",
    [
        OutcomeScope(Kind.SENT_CAMPAIGN, NUMBER, ":{}: x"),
        OutcomeScope(Kind.SENT_TEMPLATE, NUMBER, f"{WABA}:en:a:b/c"),
        campaign_part("spring", "first", "a"),
    ],
    ids=lambda scope: scope.name,
)
def test_a_name_is_read_back_whatever_is_in_it(scope: OutcomeScope) -> None:
    assert parse(scope.name) == scope


@pytest.mark.parametrize("name", ["", "template", "template:marketing", "template::x", "hug:1:2", ":1:2"])
def test_a_name_of_another_version_is_none(name: str) -> None:
    assert parse(name) is None


def test_a_warning_speaks_of_the_template_or_of_the_category_on_its_number() -> None:
    template = OutcomeScope(Kind.TEMPLATE, "utility", f"{WABA}:en_US:seasonal:offer").subject(PORTFOLIO, {})
    category = OutcomeScope(Kind.CATEGORY, NUMBER, "marketing").subject(PORTFOLIO, {NUMBER: WABA})

    assert template.template == ("seasonal:offer", "en_US")
    assert (template.value(Scope.TEMPLATE), template.category) == (f"{WABA}:en_US:seasonal:offer", Category.UTILITY)
    assert (category.value(Scope.CATEGORY), category.value(Scope.WABA)) == (f"{NUMBER}:marketing", WABA)


def test_peers_are_of_one_kind_and_category() -> None:
    ours = OutcomeScope(Kind.TEMPLATE, "marketing", f"{WABA}:en_US:a")

    assert ours.peers == OutcomeScope(Kind.TEMPLATE, "marketing", f"{WABA}:en_US:b").peers
    assert ours.peers != OutcomeScope(Kind.TEMPLATE, "utility", f"{WABA}:en_US:b").peers
    assert OutcomeScope(Kind.CATEGORY, "1", "utility").peers == OutcomeScope(Kind.CATEGORY, "2", "utility").peers


def test_early_warning_judges_templates_and_categories_and_nothing_else() -> None:
    assert {kind for kind in Kind if kind.is_judged} == {Kind.TEMPLATE, Kind.CATEGORY}
