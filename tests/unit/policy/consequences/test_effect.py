"""One rule's consequence of one signal: its end, its cause, its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA
from tests.unit.policy.consequences.scenes import SUBJECT, signal
from tidegate.policy.breaker import Kind
from tidegate.policy.consequences.effect import ending, trip
from tidegate.policy.consequences.rule import ConsequenceRule
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Action, Scope, Subject
from tidegate.policy.verdict import Reason

HOUR_MS = 3_600_000


def rule(**changes: Any) -> ConsequenceRule:
    written: dict[str, Any] = {
        "id": "mine",
        "on": ["error.131048"],
        "scope": "number",
        "action": "stop",
        "for": "1h",
        "reason": "number_standing",
    }
    return ConsequenceRule.model_validate({k: v for k, v in (written | changes).items() if v is not None})


@pytest.mark.parametrize(
    ("terms", "told_ms", "until_ms"),
    [
        pytest.param({"for": "1h"}, None, NOW_MS + HOUR_MS, id="its span, from when it happened"),
        pytest.param({"for": "1h"}, NOW_MS + 2 * HOUR_MS, NOW_MS + 2 * HOUR_MS, id="or Meta's end, if that is later"),
        pytest.param({"for": "1h"}, NOW_MS + 1, NOW_MS + HOUR_MS, id="not if it is earlier"),
        pytest.param({"for": "expiration"}, NOW_MS + 1, NOW_MS + 1, id="exactly Meta's end"),
        pytest.param({"for": "expiration"}, None, None, id="none, where Meta named none"),
        pytest.param({"for": "expiration", "otherwise": "1h"}, None, NOW_MS + HOUR_MS, id="or another instead"),
        pytest.param({"for": "expiration", "otherwise": "1h"}, NOW_MS + 1, NOW_MS + 1, id="but not beside it"),
        pytest.param({"for": "proof"}, NOW_MS + 1, None, id="until proven, whatever Meta named"),
        pytest.param(
            {"action": "throttle", "share": 0.5, "for": None, "recover": "1m"},
            NOW_MS + 1,
            None,
            id="a throttle that recovers ends by itself",
        ),
    ],
)
def test_how_long_a_trip_holds(terms: dict[str, Any], told_ms: int | None, until_ms: int | None) -> None:
    assert trip(rule(**terms), signal("error.131048", until_ms=told_ms)).until_ms == until_ms


def test_a_trip_takes_the_rule_s_terms_along() -> None:
    effect = trip(rule(trickle="2/1m", probes=3, factor=2, longest="2h"), signal("error.131048", source=Source.ANSWER))
    event = effect.event()

    assert effect.breaker_id == f"mine/number/{NUMBER}"
    assert event is not None
    assert (event.kind, event.own, event.grip) == (Kind.TRIP, True, effect.grip)
    assert effect.grip is not None
    assert (effect.grip.trickle_ms, effect.grip.probes, effect.grip.factor) == (30_000, 3, 2)
    assert (effect.grip.for_ms, effect.grip.longest_ms, effect.grip.share) == (HOUR_MS, 2 * HOUR_MS, 1.0)
    assert effect.grip.reason is Reason.NUMBER_STANDING


@pytest.mark.parametrize("source", sorted(set(Source) - {Source.ANSWER}))
def test_only_an_answer_is_about_a_probe_of_ours(source: Source) -> None:
    assert not trip(rule(), signal("error.131048", source=source)).own


def test_what_only_slows_down_is_told_as_a_pace_where_the_rule_names_no_reason() -> None:
    slower = trip(rule(action="throttle", share=0.5, reason=None), signal("error.131048")).grip
    rests = trip(rule(action="pause_polling", reason=None), signal("error.131048")).grip

    assert slower is not None
    assert rests is not None
    assert (slower.reason, rests.reason) == (Reason.THROUGHPUT, Reason.NUMBER_STANDING)


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        ("", "account.violation.OTHER"),
        ("GAMBLING", "account.violation.OTHER (GAMBLING)"),
        ("OTHER", "account.violation.OTHER"),
    ],
)
def test_the_cause_names_the_signal_and_metas_own_word(detail: str, cause: str) -> None:
    told = Signal("account.violation.OTHER", SUBJECT, NOW_MS, Source.WEBHOOK, detail=detail)

    assert trip(rule(), told).cause == cause


@pytest.mark.parametrize(
    ("known", "scope", "value"),
    [
        (Subject(PORTFOLIO, WABA, NUMBER), Scope.NUMBER, NUMBER),
        (Subject(PORTFOLIO, WABA), Scope.WABA, WABA),
        (Subject(PORTFOLIO), Scope.PORTFOLIO, PORTFOLIO),
    ],
)
def test_what_cannot_be_placed_is_told_on_the_narrowest_scope_that_is_known(
    known: Subject, scope: Scope, value: str
) -> None:
    effect = trip(rule(scope="template"), replace(signal("error.131048"), subject=known))

    assert (effect.action, effect.scope, effect.value) == (Action.ALERT, scope, value)
    assert effect.cause == "error.131048, which does not say which template"
    assert effect.event() is None


@pytest.mark.parametrize("source", list(Source))
def test_only_graph_proves(source: Source) -> None:
    ended = ending(rule(), signal("number.status.CONNECTED", source=source))

    assert ended is not None
    assert ended.kind is (Kind.PROOF if source is Source.GRAPH else Kind.WEBHOOK_RELAX)
    assert ended.breaker_id == f"mine/number/{NUMBER}"


def test_what_has_no_breaker_has_no_end() -> None:
    alert = rule(action="alert", reason=None, **{"for": None})

    assert ending(alert, signal("number.status.CONNECTED")) is None
    assert ending(rule(), replace(signal("number.status.CONNECTED"), subject=Subject(PORTFOLIO))) is None
