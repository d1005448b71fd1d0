"""The rules: documented defaults, one version for one content, modes of guardrails."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.rules import GUARDRAIL_FIELDS, Hold, Mode, QuietHours, Rules

EXAMPLE = Path(__file__).parents[3] / "rules.example.toml"


def test_without_a_word_the_documented_rules_are_in_force() -> None:
    rules = Rules()
    assert (rules.headroom, rules.pacing_wait_ms, rules.late_delivery_hold) == (0.05, 2_000, True)
    assert rules.window_margin_ms == 10_000
    assert {c: rules.reserve.of(c) for c in Category} == {
        Category.AUTHENTICATION: 0.05,
        Category.UTILITY: 0.10,
        Category.MARKETING: 0.0,
    }
    assert {c: rules.hold.of(c) for c in Category} == {
        Category.AUTHENTICATION: Hold.REJECT,
        Category.UTILITY: Hold.QUEUE,
        Category.MARKETING: Hold.QUEUE,
    }
    assert {c: rules.max_wait.of(c) for c in Category} == {
        Category.AUTHENTICATION: 600_000,
        Category.UTILITY: 86_400_000,
        Category.MARKETING: 259_200_000,
    }


@pytest.mark.parametrize("guardrail", sorted(GUARDRAIL_FIELDS - {"quiet_hours"}))
def test_a_guardrail_is_enforced_unless_its_mode_says_otherwise(guardrail: str) -> None:
    assert Rules().mode(guardrail) is Mode.ENFORCE
    for mode in Mode:
        assert Rules.model_validate({guardrail: {"mode": mode.value}}).mode(guardrail) is mode


def test_the_guardrails_that_the_rules_know() -> None:
    assert {
        "service_window",
        "messaging_limit",
        "category_reserve",
        "pair_rate",
        "throughput",
        "quiet_hours",
    } <= GUARDRAIL_FIELDS
    assert "reserve" not in GUARDRAIL_FIELDS
    with pytest.raises(KeyError):
        Rules().mode("reserve")


NIGHT = {"from": "21:00", "to": "08:00"}


def test_quiet_hours_are_off_until_configured_and_then_for_marketing() -> None:
    assert Rules().mode("quiet_hours") is Mode.OFF
    rules = Rules.model_validate({"quiet_hours": NIGHT})
    assert rules.mode("quiet_hours") is Mode.ENFORCE
    assert rules.quiet_hours is not None
    assert rules.quiet_hours.categories == (Category.MARKETING,)
    assert Rules.model_validate({"quiet_hours": {**NIGHT, "mode": "shadow"}}).mode("quiet_hours") is Mode.SHADOW


@pytest.mark.parametrize(
    ("written", "minute"),
    [
        pytest.param("00:00", 0, id="midnight"),
        pytest.param("23:59", 1439, id="the last minute"),
        pytest.param(time(7, 30), 450, id="a time of TOML's own"),
    ],
)
def test_a_time_of_day_is_held_as_minutes(written: Any, minute: int) -> None:
    assert QuietHours.model_validate({"from": written, "to": "12:00"}).from_minute == minute


@pytest.mark.parametrize("written", ["24:00", "7:30", "07:60", "0730", "٠٧:٣٠", "07:30\n", 730, None, time(7, 30, 1)])
def test_what_is_no_time_of_day_is_refused(written: Any) -> None:
    with pytest.raises(ValidationError, match="must be a time of day"):
        QuietHours.model_validate({"from": written, "to": "12:00"})


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({"headroom": 0.85}, id="headroom and reserves make the whole"),
        pytest.param({"headroom": 0, "reserve": {"authentication": 0.5, "utility": 0.5}}, id="reserves make the whole"),
        pytest.param({"headroom": 0.5, "reserve": {"marketing": 0.4}}, id="marketing's reserve counts"),
    ],
)
def test_rules_that_leave_no_place_are_refused(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no place would be left"):
        Rules.model_validate(written)


def test_rules_that_leave_one_place_in_a_thousand_are_taken() -> None:
    assert Rules.model_validate({"headroom": 0.849}).headroom == 0.849


def test_an_unknown_key_is_refused_at_every_depth() -> None:
    for written in (
        {"headrom": 0.1},
        {"reserve": {"otp": 0.1}},
        {"pair_rate": {"burst": 3}},
        {"pacing_wait_ms": 3},
    ):
        with pytest.raises(ValidationError, match="Extra inputs"):
            Rules.model_validate(written)


def test_one_content_has_one_version_however_it_is_written() -> None:
    written: dict[str, Any] = {"max_wait": {"marketing": "72h"}, "pacing_wait": 2, "headroom": 0.05}
    assert Rules.model_validate(written).version == Rules().version
    assert len(Rules().version) == 12


@pytest.mark.parametrize(
    "change",
    [
        {"headroom": 0.06},
        {"pacing_wait": "3s"},
        {"late_delivery_hold": False},
        {"reserve": {"utility": 0.11}},
        {"hold": {"marketing": "reject"}},
        {"max_wait": {"utility": "1h"}},
        {"pair_rate": {"mode": "off"}},
        {"quiet_hours": NIGHT},
        {"quiet_hours": {**NIGHT, "categories": ["utility"]}},
    ],
    ids=str,
)
def test_another_content_has_another_version_and_reads_back_as_itself(change: dict[str, Any]) -> None:
    rules = Rules.model_validate(change)
    assert rules.version != Rules().version
    again = Rules.model_validate(rules.written())
    assert again == rules
    assert again.version == rules.version


def test_rules_do_not_change_under_a_reader() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Rules().headroom = 0.5  # type: ignore[misc]  # that it is refused is the point


def test_the_example_shows_every_default() -> None:
    text = EXAMPLE.read_text()
    assert Rules.model_validate(tomllib.loads(text)["rules"]) == Rules()
    uncommented = re.sub(r"(?m)^# (?=\[|[a-z]+ = )", "", text)
    assert Rules.model_validate(tomllib.loads(uncommented)["rules"]).mode("quiet_hours") is Mode.ENFORCE
    assert set(tomllib.loads(uncommented)["rules"]) == {
        field.alias or name for name, field in Rules.model_fields.items()
    }
