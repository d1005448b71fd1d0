"""The default rules and the operator's, and what they say of a signal."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.factories import NOW_MS, NUMBER, PORTFOLIO
from tests.unit.policy.consequences.scenes import SUBJECT, USER, breakers_after, signal
from tidegate.policy.breaker import Kind
from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.consequences.rule import ConsequenceRule, End
from tidegate.policy.consequences.rulebook import ConsequenceRules, Consequences, Counter, Easing
from tidegate.policy.duration import write_duration
from tidegate.policy.reach import Action, Subject

READ = TypeAdapter(ConsequenceRules)
EXAMPLE = Path(__file__).parents[4] / "rules.example.toml"


def rulebook(*written: dict[str, Any]) -> Consequences:
    return Consequences(READ.validate_python(list(written)))


NEW = {
    "id": "code_of_tomorrow",
    "on": ["error.unlisted.131099"],
    "scope": "number",
    "action": "hold",
    "for": "10m",
    "reason": "number_standing",
}


class TestTheOperatorsRules:
    def test_without_any_the_defaults_are_in_force(self) -> None:
        assert Consequences().rules == tuple(DEFAULTS.values())

    def test_a_new_id_stands_beside_the_defaults(self) -> None:
        rules = rulebook(NEW)

        assert len(rules.rules) == len(DEFAULTS) + 1
        effects = rules.of(signal("error.unlisted.131099"))
        assert [(effect.rule, effect.action) for effect in effects] == [
            ("unlisted_error", Action.ALERT),
            ("code_of_tomorrow", Action.HOLD),
        ]

    def test_a_known_id_changes_what_it_names_and_keeps_the_rest(self) -> None:
        rules = rulebook({"id": "spam_rate", "for": "2h"})

        (effect,) = rules.of(signal("error.131048"))

        assert effect.until_ms == NOW_MS + 7_200_000
        assert effect.grip is not None
        assert effect.grip.probes == 5
        assert len(rules.rules) == len(DEFAULTS)

    def test_off_takes_a_rule_out_and_shadow_says_so(self) -> None:
        assert rulebook({"id": "spam_rate", "mode": "off"}).of(signal("error.131048")) == ()
        (effect,) = rulebook({"id": "spam_rate", "mode": "shadow"}).of(signal("error.131048"))
        assert effect.mode == "shadow"

    def test_what_was_read_is_written_and_read_back(self) -> None:
        rules = READ.validate_python([NEW, {"id": "spam_rate", "for": "2h"}])

        assert READ.validate_python([rule.written() for rule in rules]) == rules
        assert READ.validate_python(rules) == rules

    @pytest.mark.parametrize(
        ("written", "fault"),
        [
            ([NEW, NEW], 'the id "code_of_tomorrow" is used twice'),
            ([{**NEW, "on": ["error.13148"]}], "nearest: error.131048"),
            ([{"id": "spam_rat"}], "Field required"),
            ([{"id": ["spam_rate"]}], "valid string"),
            ([{}], "Field required"),
            (["spam_rate"], "valid dictionary"),
            ("spam_rate", "valid tuple"),
        ],
    )
    def test_a_mistake_in_one_refuses_them_all(self, written: Any, fault: str) -> None:
        with pytest.raises(ValidationError, match=fault):
            READ.validate_python(written)

    def test_a_fault_says_where_it_is(self) -> None:
        with pytest.raises(ValidationError) as told:
            READ.validate_python([NEW, {"id": "spam_rate", "proof": ["message.red"]}])
        assert told.value.errors()[0]["loc"] == (1, "proof", 0)


class TestModes:
    breaker = next(iter(breakers_after([signal("error.131048")], NOW_MS).values()))

    @pytest.mark.parametrize("mode", ["enforce", "shadow", "off"])
    def test_a_breaker_weighs_what_its_rule_now_says(self, mode: str) -> None:
        assert rulebook({"id": "spam_rate", "mode": mode}).mode(self.breaker) == mode

    def test_a_breaker_of_an_unknown_rule_is_enforced(self) -> None:
        assert Consequences().mode(replace(self.breaker, rule="of_a_newer_version")) == "enforce"

    def test_what_a_hand_has_opened_is_enforced_whatever_the_rule_says(self) -> None:
        assert rulebook({"id": "spam_rate", "mode": "off"}).mode(replace(self.breaker, by_hand=True)) == "enforce"


class TestCounting:
    def test_three_in_a_row_suppress_a_user_and_two_do_not(self) -> None:
        rules, told = Consequences(), signal("error.131026")
        (counter,) = rules.counters(told)

        assert counter == Counter(f"undeliverable/recipient/{USER.hex()}", None)
        assert [rules.of(told, {counter.key: n}) != () for n in (0, 1, 2, 3, 4)] == [False, False, False, True, True]
        assert rules.of(told) == ()

    @pytest.mark.parametrize("name", ["message.delivered", "message.received"])
    def test_a_message_that_arrives_begins_the_row_anew(self, name: str) -> None:
        assert Consequences().counters(signal(name)) == (
            Counter(f"undeliverable/recipient/{USER.hex()}", None, resets=True),
        )

    def test_five_in_a_minute_are_counted_by_number_and_nothing_resets_them(self) -> None:
        rules = Consequences()

        assert rules.counters(signal("error.131016")) == (Counter(f"unavailable/number/{NUMBER}", 60_000),)
        timed = rulebook({"id": "spam_rate", "after": "2/1m", "proof": ["number.status.CONNECTED"]})
        assert timed.counters(signal("number.status.CONNECTED")) == ()

    def test_what_needs_no_count_has_no_counter(self) -> None:
        assert Consequences().counters(signal("error.131048")) == ()

    def test_what_cannot_be_counted_is_told_at_once(self) -> None:
        told = replace(signal("error.131026"), subject=Subject(PORTFOLIO))

        assert Consequences().counters(told) == ()
        assert [effect.action for effect in Consequences().of(told)] == [Action.ALERT]


def test_a_signal_may_end_one_rule_and_begin_another() -> None:
    effects = Consequences().of(signal("number.quality.YELLOW"))

    assert {(effect.rule, effect.kind) for effect in effects} == {
        ("number_red", Kind.WEBHOOK_RELAX),
        ("number_yellow", Kind.TRIP),
    }


def test_a_signal_that_no_rule_speaks_of_has_no_consequence() -> None:
    assert Consequences().of(signal("error.100")) == Consequences().of(signal("error.100")) == ()


def test_a_delivery_may_end_what_names_it_as_proof_and_trips_nothing() -> None:
    easing = Consequences().easing("message.delivered")

    assert easing == Easing(frozenset({"undeliverable", "template_held"}), ("undeliverable/recipient/",))
    told = signal("message.delivered")
    assert {counter.key for counter in Consequences().counters(told)} == {f"{easing.counts[0]}{USER.hex()}"}
    assert {effect.rule for effect in Consequences().of(told)} == easing.rules


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"on": ["message.delivered"], "scope": "number", "action": "alert"}, id="it may trip something"),
        pytest.param(
            {
                "on": ["error.131026"],
                "proof": ["message.delivered"],
                "scope": "number",
                "action": "stop",
                "for": "1h",
                "reason": "number_standing",
                "after": "3 in a row",
            },
            id="it may begin a number's count anew",
        ),
    ],
)
def test_of_what_may_do_more_than_ease_nothing_is_said_in_advance(rule: dict[str, Any]) -> None:
    rules = TypeAdapter(ConsequenceRules).validate_python([{"id": "mine", **rule}])

    assert Consequences(rules).easing("message.delivered") is None


def test_one_failed_probe_is_enough_however_often_it_takes_to_open() -> None:
    rules = Consequences()
    (breaker,) = breakers_after([signal("error.131016")], NOW_MS).values()

    assert rules.fails(breaker, signal("error.2"))
    assert not rules.fails(breaker, signal("error.131048"))
    assert not rules.fails(breaker, replace(signal("error.2"), subject=replace(SUBJECT, number="1")))
    assert not rules.fails(replace(breaker, rule="gone"), signal("error.2"))


def described(rule: ConsequenceRule) -> str:
    """A default rule in one line, as the example file shows it."""
    lasts = rule.lasts.value if isinstance(rule.lasts, End) else rule.lasts and write_duration(rule.lasts)
    terms = {
        "for": lasts,
        "otherwise": rule.otherwise_ms and write_duration(rule.otherwise_ms),
        "share": rule.share,
        "recover": rule.recover_ms and write_duration(rule.recover_ms),
        "after": rule.after,
        "trickle": rule.trickle,
        "probes": rule.probes if rule.probes > 1 else None,
        "factor": rule.factor if rule.factor > 1 else None,
        "longest": rule.longest_ms and write_duration(rule.longest_ms),
    }
    told = ", ".join(f"{key} {value}" for key, value in terms.items() if value)
    what = f"{rule.action.value} {rule.scope.value}/{rule.covers.value}"
    return f"{rule.id}: {' '.join(rule.on)} -> {what}{', ' + told if told else ''}"


class TestTheExample:
    text = EXAMPLE.read_text()

    def test_it_lists_every_default_rule(self) -> None:
        listed = re.findall(r"(?m)^#   ([a-z_]+: .*)$", self.text)
        assert listed == [described(rule) for rule in DEFAULTS.values()]

    def test_its_rules_can_be_taken_as_they_stand(self) -> None:
        section = self.text[self.text.index("# --- consequences") :]
        uncommented = re.sub(r"(?m)^# (?=\[\[|[a-z]+ = )", "", section)
        rules = READ.validate_python(tomllib.loads(uncommented)["rules"]["consequence"])
        assert len(rules) >= 3
        assert {rule.id in DEFAULTS for rule in rules} == {True, False}


def test_what_signals_of_a_name_may_do_is_looked_up_once() -> None:
    rules = Consequences()

    assert rules.easing("message.delivered") is rules.easing("message.delivered")
