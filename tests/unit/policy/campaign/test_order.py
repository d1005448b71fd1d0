"""Orders of campaigns: what they may say, and the campaigns that are made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tests.factories import DAY_MS, NOW_MS, NUMBER, make_campaign, make_order
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.campaign.gate import DEFAULT, Gate
from tidegate.policy.campaign.order import Order, read_campaign, write_campaign
from tidegate.policy.campaign.spec import Step

TEMPLATE: dict[str, Any] = make_order()["template"]
A = {"name": "a", "share": 0.25, "template": TEMPLATE, "control": True}
B = {"name": "b", "share": 0.75, "template": TEMPLATE | {"name": "other", "components": []}}
GATE = {"metrics": {"opt_out": {"baseline": 0.005}}}
READ_GATE = Gate.from_json(GATE)
AGAINST_CONTROL = {"metrics": {"opt_out": {"baseline": "control"}}}
SOON, LATER = "2023-11-15T00:00:00Z", "2023-11-20T02:00:00+02:00"
SOON_MS, LATER_MS = 1_700_006_400_000, 1_700_438_400_000


def test_an_order_without_steps_has_one_with_the_orders_gate() -> None:
    assert make_campaign(gate=GATE).steps == (Step("all", 1.0, None, READ_GATE),)


def test_the_least_order_sends_one_template_to_all_at_once_within_a_week() -> None:
    campaign = make_campaign()
    assert (campaign.name, campaign.numbers, campaign.app) == ("Black Friday", (NUMBER,), "shop")
    assert campaign.steps == (Step("all", 1.0, None, None),)
    assert [(variant.name, variant.share) for variant in campaign.variants] == [("all", 1.0)]
    assert (campaign.start_at_ms, campaign.deadline_ms) == (None, NOW_MS + 7 * DAY_MS)
    assert (campaign.night, campaign.category, campaign.columns) == (None, None, ("first_name",))
    assert campaign.order == make_order()


def test_all_that_can_be_ordered() -> None:
    campaign = make_campaign(
        template=None,
        variants=[A, B],
        category="utility",
        schedule={"start_at": SOON, "deadline": LATER},
        steps=[{"share": 0.01}, {"share": 0.5, "name": "half"}, {"share": 1}],
        quiet_hours={"from": "21:30", "to": "08:00"},
    )
    assert [step.name for step in campaign.steps] == ["step-1", "half", "step-3"]
    assert [step.share for step in campaign.steps] == [0.01, 0.5, 1]
    assert [(one.name, one.share, one.is_control) for one in campaign.variants] == [
        ("a", 0.25, True),
        ("b", 0.75, False),
    ]
    assert (campaign.start_at_ms, campaign.deadline_ms) == (SOON_MS, LATER_MS)
    assert (campaign.night, campaign.category) == ((21 * 60 + 30, 8 * 60), Category.UTILITY)
    assert campaign.groups == 6
    assert [campaign.step_and_variant(campaign.group(2, 1)), campaign.step_and_variant(0)] == [(2, 1), (0, 0)]


def test_steps_by_segment_have_its_name() -> None:
    steps = make_campaign(steps=[{"segment": "staff"}, {"segment": "loyal", "name": "friends"}]).steps
    assert [(step.name, step.segment, step.share) for step in steps] == [
        ("staff", "staff", None),
        ("friends", "loyal", None),
    ]


@pytest.mark.parametrize(
    ("of_order", "of_step", "gate"),
    [
        pytest.param(None, {}, None, id="none is ordered: none"),
        pytest.param(GATE, {}, READ_GATE, id="a step that says nothing has the order's"),
        pytest.param(GATE, {"gate": True}, READ_GATE, id="so has one that says true"),
        pytest.param(GATE, {"gate": False}, None, id="one that says false has none"),
        pytest.param(GATE, {"gate": {"error": 0.1}}, replace(DEFAULT, error=0.1), id="one with its own has that"),
        pytest.param(True, {}, DEFAULT, id="true of the order is the usual one"),
        pytest.param(None, {"gate": True}, DEFAULT, id="true of a step alone is the usual one"),
        pytest.param({}, {}, DEFAULT, id="an empty one is the usual one"),
        pytest.param(False, {"gate": {}}, DEFAULT, id="an empty one of a step is the usual one"),
    ],
)
def test_which_gate_a_step_has(of_order: Any, of_step: dict[str, Any], gate: Any) -> None:
    order = {"steps": [{"share": 1} | of_step]} | ({} if of_order is None else {"gate": of_order})
    assert make_campaign(**order).steps[0].gate == gate


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "a\nb"}, "printable", id="a name of two lines"),
        pytest.param({"numbers": []}, "numbers", id="no number"),
        pytest.param({"numbers": "1"}, "numbers", id="numbers that are no list"),
        pytest.param({"numbers": [NUMBER, NUMBER]}, "numbers are given twice", id="a number twice"),
        pytest.param({"numbers": [1]}, "numbers.0", id="a number that is no string"),
        pytest.param({"template": None}, "template or variants", id="neither template nor variants"),
        pytest.param({"variants": [A, B]}, "template or variants", id="both"),
        pytest.param({"template": None, "variants": [A]}, "1 together", id="variants that are not everybody's"),
        pytest.param({"template": None, "variants": [A, B | {"name": "a"}]}, "given twice", id="two of one name"),
        pytest.param({"template": None, "variants": [A, B | {"control": True}]}, "several", id="two controls"),
        pytest.param({"template": None, "variants": [A, B | {"share": 0}]}, "variants.1.share", id="nobody's variant"),
        pytest.param({"template": None, "variants": [A | {"name": "a/b"}, B]}, "variants.0.name", id="an odd name"),
        pytest.param({"template": None, "variants": [A | {"share": 0.1}] * 9}, "variants", id="nine variants"),
        pytest.param({"category": "spam"}, "category", id="no category"),
        pytest.param({"schedule": {"start_at": "tomorrow"}}, "schedule.start_at", id="no time"),
        pytest.param({"schedule": {"start_at": 17}}, "schedule.start_at", id="a number for a time"),
        pytest.param({"schedule": {"begin": SOON}}, "schedule.begin", id="an unknown key within"),
        pytest.param({"steps": [{"share": 0.5}]}, "last must be 1", id="steps that end at a half"),
        pytest.param({"steps": [{"share": 0.5}, {"share": 0.5}, {"share": 1}]}, "must grow", id="a step of nobody"),
        pytest.param({"steps": [{"share": 0.5}, {"share": 0.2}, {"share": 1}]}, "must grow", id="steps that shrink"),
        pytest.param({"steps": [{"share": 1.5}]}, "steps.0.share", id="more than all"),
        pytest.param({"steps": [{}]}, "a share or a segment", id="a step of neither"),
        pytest.param({"steps": [{"share": 1, "segment": "x"}]}, "a share or a segment", id="a step of both"),
        pytest.param({"steps": [{"share": 0.5}, {"segment": "x"}]}, "all a segment", id="shares and segments"),
        pytest.param({"steps": [{"segment": "x"}, {"segment": "x", "name": "y"}]}, "segments of steps", id="one twice"),
        pytest.param({"steps": [{"share": 0.5, "name": "x"}, {"share": 1, "name": "x"}]}, "names of steps", id="names"),
        pytest.param({"steps": [{"segment": f"s{n}"} for n in range(21)]}, "steps", id="21 steps"),
        pytest.param({"gate": "yes"}, "gate", id="a gate that is a word"),
        pytest.param({"gate": {"soak": "1 year"}}, "gate: Value error, soak", id="a gate with a fault"),
        pytest.param({"gate": AGAINST_CONTROL}, "must have control", id="a gate that compares with no control"),
        pytest.param({"quiet_hours": {"from": "21:00", "to": "21:00"}}, "same time", id="a night without length"),
        pytest.param({"quiet_hours": {"from": "9pm", "to": "08:00"}}, "quiet_hours.from", id="no time of day"),
        pytest.param({"budget": 1}, "budget", id="an unknown key"),
    ],
)  # fmt: skip
def test_an_order_that_can_not_be_taken_names_its_key(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as told:
        Order.model_validate(make_order(**changes))
    found = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in told.value.errors()]
    assert any(says in one for one in found), found


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        pytest.param({"deadline": "2023-11-14T00:00:00Z"}, "must lie ahead", id="a deadline that is over"),
        pytest.param({"start_at": LATER, "deadline": SOON}, "after start_at", id="an end before the start"),
        pytest.param({"start_at": SOON, "deadline": SOON}, "after start_at", id="an end at the start"),
        pytest.param({"deadline": "2024-02-13T00:00:00Z"}, "within 90 days", id="an end after 90 days"),
        pytest.param({"start_at": "2024-02-10T00:00:00Z"}, "within 90 days", id="a start whose week ends after 90"),
    ],
)
def test_times_that_no_campaign_made_now_can_have(schedule: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=f"schedule.deadline: .*{says}"):
        make_campaign(schedule=schedule)


def test_a_start_that_is_over_is_one_at_once() -> None:
    campaign = make_campaign(schedule={"start_at": "2023-11-01T00:00:00Z"})
    assert campaign.deadline_ms == NOW_MS + 7 * DAY_MS


def test_a_gate_may_compare_with_a_control_that_there_is() -> None:
    [step] = make_campaign(template=None, variants=[A, B], gate=AGAINST_CONTROL).steps
    assert step.gate == Gate.from_json(AGAINST_CONTROL)


def test_a_campaign_is_kept_and_read_again() -> None:
    campaign = make_campaign(template=None, variants=[A, B], steps=[{"share": 0.1, "gate": GATE}, {"share": 1}])
    assert read_campaign(write_campaign(campaign)) == campaign
