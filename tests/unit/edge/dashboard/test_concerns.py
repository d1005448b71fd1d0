"""What a stop or a change is about."""

from typing import Any

import pytest

from tidegate.edge.dashboard.concerns import is_about_number, is_about_template, is_change_of_number
from tidegate.store.standing_history import StandingEvent

NUMBER = {"id": "106", "waba": "102", "portfolio": "shrub"}
TEMPLATE = {"name": "offer", "language": "en_US", "waba": "102"}


@pytest.mark.parametrize(
    ("kind", "value", "is_about"),
    [
        pytest.param("number", "106", True, id="the number"),
        pytest.param("number", "107", False, id="another number"),
        pytest.param("category", "106:marketing", True, id="a category on the number, as a breaker has it"),
        pytest.param("category", "107:marketing", False, id="a category on another number"),
        pytest.param("category", "marketing", True, id="a category on all numbers, as a pause has it"),
        pytest.param("waba", "102", True, id="its account"),
        pytest.param("token", "102", True, id="the token of its account"),
        pytest.param("waba", "103", False, id="another account"),
        pytest.param("portfolio", "shrub", True, id="its portfolio"),
        pytest.param("portfolio", "wool", False, id="another portfolio"),
        pytest.param("template", "102:en_US:offer", False, id="a template: not all of the number's sends"),
        pytest.param("campaign", "cmp-1", False, id="a campaign"),
    ],
)
def test_what_stops_or_slows_a_number(kind: str, value: str, is_about: bool) -> None:
    assert is_about_number({kind: value}, NUMBER) is is_about


@pytest.mark.parametrize(
    ("scope", "is_about"),
    [
        pytest.param({"template": "102:en_US:offer"}, True, id="a breaker of the template in its language"),
        pytest.param({"template": "102:de:offer"}, False, id="a breaker of the template in another language"),
        pytest.param({"template": "offer"}, True, id="a pause of the template in all languages"),
        pytest.param({"template": "offers"}, False, id="a pause of another template"),
        pytest.param({"number": "106"}, False, id="a number"),
    ],
)
def test_what_stops_a_template(scope: dict[str, str], is_about: bool) -> None:
    assert is_about_template(scope, TEMPLATE) is is_about


@pytest.mark.parametrize(
    ("changed", "belongs"),
    [
        pytest.param({"kind": "number", "key": "106"}, True, id="of the number"),
        pytest.param({"kind": "number", "key": "107"}, False, id="of another number"),
        pytest.param({"kind": "template", "key": "102:en_US:offer"}, True, id="of a template of its account"),
        pytest.param({"kind": "template", "key": "103:en_US:offer"}, False, id="of a template of another account"),
        pytest.param({"kind": "limit", "key": ""}, True, id="of its portfolio's limit"),
        pytest.param({"kind": "limit", "key": "", "portfolio": "wool"}, False, id="of another portfolio's limit"),
        pytest.param({"kind": "breaker", "key": "number_red/number/106"}, True, id="of a breaker on it"),
        pytest.param({"kind": "breaker", "key": "number_red/number/107"}, False, id="of a breaker on another"),
        pytest.param(
            {"kind": "pause", "key": "p", "to": {"scope": "number", "value": "106"}}, True, id="of a pause that began"
        ),
        pytest.param(
            {"kind": "pause", "key": "p", "from": {"scope": "number", "value": "106"}}, True, id="of a pause that ended"
        ),
        pytest.param({"kind": "rules", "key": ""}, False, id="of the rules"),
    ],
)
def test_a_numbers_story_is_made_of_changes(changed: dict[str, Any], belongs: bool) -> None:
    told = {"portfolio": "shrub", "from": None, "to": None} | changed
    change = StandingEvent(2, 1, told["kind"], told["key"], "state", "meta", told["from"], told["to"], "a poll")
    assert is_change_of_number(told["portfolio"], change, NUMBER) is belongs
