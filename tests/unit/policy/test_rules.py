"""The rules: documented defaults, one version for one content, modes of guardrails."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.rules import GUARDRAIL_FIELDS, Delivery, Hold, Mode, QuietHours, Rules, Table

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


RATE_CARD = {
    "currency": "USD",
    "markets": {"other": {"prefixes": ["*"], "marketing": "0.05", "utility": "0.01", "authentication": "0.01"}},
}

#: Those that need the operator's choice, each with the least that has to be chosen.
CHOSEN: dict[str, dict[str, Any]] = {
    "quiet_hours": {"from": "21:00", "to": "08:00"},
    "consent": {},
    "frequency_cap": {"per_day": 1},
    "warm_up": {},
    "duplicates": {},
    "budget": {"amount": "500.00", "rate_card": [RATE_CARD]},
}


@pytest.mark.parametrize("guardrail", sorted(CHOSEN))
def test_a_guardrail_that_needs_a_choice_is_off_until_configured(guardrail: str) -> None:
    assert Rules().mode(guardrail) is Mode.OFF
    for mode in Mode:
        written = {guardrail: {**CHOSEN[guardrail], "mode": mode.value}}
        assert Rules.model_validate(written).mode(guardrail) is mode
    assert Rules.model_validate({guardrail: CHOSEN[guardrail]}).mode(guardrail) is Mode.ENFORCE


@pytest.mark.parametrize("guardrail", sorted(GUARDRAIL_FIELDS - CHOSEN.keys()))
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
TOMORROW = {
    "id": "code_of_tomorrow",
    "on": ["error.unlisted.131099"],
    "scope": "number",
    "action": "hold",
    "for": "10m",
    "reason": "number_standing",
}


def test_quiet_hours_are_for_marketing_unless_said_otherwise() -> None:
    rules = Rules.model_validate({"quiet_hours": NIGHT})
    assert rules.quiet_hours is not None
    assert rules.quiet_hours.categories == (Category.MARKETING,)


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
        {"early_warning": {"least_sends": 200}},
        {"consent": {}},
        {"consent": {"required": ["marketing", "utility"]}},
        {"frequency_cap": {"per_week": 3}},
        {"warm_up": {}},
        {"warm_up": {"scopes": ["template"]}},
        {"budget": {"amount": "500.00", "rate_card": [RATE_CARD]}},
        {"budget": {"wallet": True, "rate_card": [{**RATE_CARD, "since": "2026-10-01"}]}},
        {"consequence": [{"id": "spam_rate", "mode": "shadow"}]},
        {"consequence": [{"id": "number_red", "probes": 1}]},
        {"consequence": [{"id": "number_red", "probes": 1, "trickle": None}]},
        {"consequence": [{"id": "throughput", "recover": None, "for": "10m"}]},
        {"consequence": [TOMORROW]},
    ],
    ids=str,
)
def test_another_content_has_another_version_and_reads_back_as_itself(change: dict[str, Any]) -> None:
    rules = Rules.model_validate(change)
    assert rules.version != Rules().version
    for written in (rules.written(), rules.stated()):
        again = Rules.model_validate(written)
        assert again == rules
        assert again.version == rules.version


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        pytest.param({"headroom": 0.05, "pair_rate": {"mode": "enforce"}}, {}, id="defaults are not stated"),
        pytest.param({"headroom": 0.1}, {"headroom": 0.1}, id="a key of its own"),
        pytest.param({"hold": {"marketing": "reject", "utility": "queue"}}, {"hold": {"marketing": "reject"}},
                     id="of a table what differs"),
        pytest.param({"consent": {"required": ["marketing"]}}, {"consent": {}}, id="a table that is there at all"),
        pytest.param(
            {"consequence": [{"id": "spam_rate", "for": "3h", "action": "hold"}]},
            {"consequence": [{"id": "spam_rate", "for": "3h"}]},
            id="of a default rule what is changed",
        ),
        pytest.param(
            {"consequence": [{"id": "number_red", "probes": 1, "trickle": None}]},
            {"consequence": [{"id": "number_red", "probes": 1, "trickle": None}]},
            id="what a default rule has and this one has not",
        ),
    ],
)  # fmt: skip
def test_only_what_differs_from_the_defaults_is_stated(written: dict[str, Any], stated: dict[str, Any]) -> None:
    assert Rules.model_validate(written).stated() == stated


def test_the_rules_that_are_told_show_every_default() -> None:
    written = Rules().written()
    assert written.keys() == {field.alias or name for name, field in Rules.model_fields.items()} - CHOSEN.keys()
    assert written["hold"] == {"authentication": "reject", "utility": "queue", "marketing": "queue"}


def test_rules_do_not_change_under_a_reader() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Rules().headroom = 0.5  # type: ignore[misc]  # that it is refused is the point


def uncommented(text: str) -> str:
    """The example with the tables that it shows as comments."""
    return re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)


def test_the_example_shows_every_default() -> None:
    assert Rules.model_validate(tomllib.loads(EXAMPLE.read_text())["rules"]) == Rules()


def test_the_example_shows_every_table_and_can_be_taken_as_it_stands() -> None:
    shown = tomllib.loads(uncommented(EXAMPLE.read_text()))["rules"]

    rules = Rules.model_validate(shown)

    assert set(shown) == {field.alias or name for name, field in Rules.model_fields.items()}
    assert {rules.mode(guardrail) for guardrail in GUARDRAIL_FIELDS} == {Mode.ENFORCE}
    assert {rule.mode for rule in rules.consequence} == {"enforce", "shadow"}


@pytest.mark.parametrize("guardrail", sorted(GUARDRAIL_FIELDS))
def test_the_example_shows_every_key_of_a_guardrail(guardrail: str) -> None:
    shown = tomllib.loads(uncommented(EXAMPLE.read_text()))["rules"][guardrail]
    table = Rules.model_fields[guardrail].annotation
    kinds = getattr(table, "__args__", (table,))
    fields = next(kind for kind in kinds if issubclass(kind, Table)).model_fields
    assert shown.keys() == {field.alias or name for name, field in fields.items()}


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param({"quiet_hours": {"from": "21:00", "to": "21:00"}}, "the same time", id="a night without an hour"),
        pytest.param({"frequency_cap": {}}, "neither per_day nor per_week", id="a cap on nothing"),
        pytest.param(
            {"early_warning": {"false_stops": 0.5}},
            "at least the evidence of a throttle",
            id="stops sooner than throttles",
        ),
        pytest.param({"duplicates": {"within": "2d"}}, "between 1 s and 24 h", id="a moment of two days"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(written: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Rules.model_validate(written)


def test_what_is_promised_of_a_category_is_its_own() -> None:
    rules = Rules.model_validate({"delivery": {"utility": "at_least_once"}})

    assert [rules.delivery.of(category) is Delivery.AT_LEAST_ONCE for category in Category] == [False, True, False]


def test_what_the_tables_mean_to_the_judgement() -> None:
    rules = Rules.model_validate({"frequency_cap": {"per_week": 3}, "early_warning": {"least_sends": 50}})

    assert rules.frequency_cap is not None
    assert (rules.frequency_cap.cap.per_day, rules.frequency_cap.cap.per_week) == (None, 3)
    assert (rules.early_warning.plan.least_sends, rules.early_warning.plan.false_stops) == (50, 0.01)


def test_whether_a_guardrail_only_tells() -> None:
    assert not Rules().has_shadows
    assert Rules.model_validate({"budget": None, "throughput": {"mode": "shadow"}}).has_shadows
