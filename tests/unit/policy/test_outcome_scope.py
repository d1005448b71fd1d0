"""A send's scopes, and their names."""

from __future__ import annotations

import pytest

from tests.factories import NUMBER, PORTFOLIO, WABA
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.outcome_scope import Kind, OutcomeScope, parse, scopes_of
from tidegate.policy.reach import Scope

ABOUT = {
    "app": "checkout",
    "number": NUMBER,
    "waba": WABA,
    "category": "marketing",
    "type": "template",
    "template": "seasonal_offer/en_US",
    "campaign": "spring: a/b",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {},
            {
                f"category:{NUMBER}:marketing",
                f"template:marketing:{WABA}:en_US:seasonal_offer",
                f"sent_template:{NUMBER}:{WABA}:en_US:seasonal_offer",
                f"sent_campaign:{NUMBER}:spring: a/b",
                f"sent_app:{NUMBER}:checkout",
            },
            id="a template of a campaign has all",
        ),
        pytest.param(
            {"template": None, "campaign": None},
            {f"category:{NUMBER}:marketing", f"sent_app:{NUMBER}:checkout"},
            id="what has a category but no template is judged by it",
        ),
        pytest.param(
            {"category": "service", "template": None, "campaign": None},
            {f"sent_app:{NUMBER}:checkout"},
            id="a reply is told of its app alone",
        ),
        pytest.param({"number": None}, set(), id="what is of no number is of nothing"),
        pytest.param(
            {"template": None, "app": None, "campaign": "cmp-1", "step": "first", "variant": "a"},
            {f"category:{NUMBER}:marketing", f"sent_campaign:{NUMBER}:cmp-1", "campaign_part:cmp-1:first:a"},
            id="a campaign's own send is one of its step and variant",
        ),
        pytest.param(
            {"template": None, "app": None, "campaign": None, "step": "first", "variant": "a"},
            {f"category:{NUMBER}:marketing"},
            id="a step of no campaign is none",
        ),
        pytest.param(
            {"template": "no_language", "campaign": None, "app": None},
            {f"category:{NUMBER}:marketing"},
            id="half a template is none",
        ),
    ],
)
def test_a_send_has_the_scopes_of_what_was_noted_of_it(changes, expected) -> None:
    about = {key: value for key, value in {**ABOUT, **changes}.items() if value is not None}

    assert {scope.name for scope in scopes_of(about)} == expected


def test_a_name_is_read_back_whatever_is_in_it() -> None:
    for scope in scopes_of({**ABOUT, "campaign": ":{}: x", "template": "a:b/c/en"}):
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
