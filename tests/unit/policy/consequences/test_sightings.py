"""What we see ourselves as signals."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS
from tests.unit.policy.consequences.scenes import SUBJECT
from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus
from tidegate.policy.consequences.sightings import (
    signal_of_acceptance,
    signal_of_error,
    signal_of_warning,
    signals_of_account,
    signals_of_number,
    signals_of_template,
    token_accepted,
)
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.consequences.vocabulary import NAMES


def test_an_error_is_an_answer_s_or_a_status_s_unless_told_otherwise() -> None:
    answered = signal_of_error(135000, SUBJECT, NOW_MS)
    failed = signal_of_error(135000, SUBJECT, NOW_MS, in_status=True)
    read = signal_of_error(80007, SUBJECT, NOW_MS, source=Source.GRAPH, until_ms=NOW_MS + 1)

    assert answered == Signal("error.135000", SUBJECT, NOW_MS, Source.ANSWER)
    assert failed == Signal("error.135000.dropped", SUBJECT, NOW_MS, Source.STATUS)
    assert read == Signal("error.80007", SUBJECT, NOW_MS, Source.GRAPH, NOW_MS + 1)


@pytest.mark.parametrize(
    ("message_status", "name"),
    [
        ("accepted", None),
        ("held_for_quality_assessment", "template.held"),
        ("paused", "template.status.PAUSED"),
        ("of_a_new_kind", None),
    ],
)
def test_what_an_acceptance_signals(message_status: str, name: str | None) -> None:
    signal = signal_of_acceptance(message_status, SUBJECT, NOW_MS)

    assert (signal.name if signal else None) == name


@pytest.mark.parametrize(
    ("signals", "names"),
    [
        (signals_of_number(SUBJECT, NOW_MS), []),
        (
            signals_of_number(
                SUBJECT, NOW_MS, quality=Quality.RED, status=NumberStatus.FLAGGED, name_status="APPROVED"
            ),
            ["number.quality.RED", "number.status.FLAGGED", "number.name.APPROVED"],
        ),
        (signals_of_number(SUBJECT, NOW_MS, name_status="NEW"), ["number.name.OTHER"]),
        (signals_of_template(SUBJECT, NOW_MS), []),
        (
            signals_of_template(SUBJECT, NOW_MS, status=TemplateStatus.PAUSED, quality=Quality.YELLOW),
            ["template.status.PAUSED", "template.quality.YELLOW"],
        ),
        (signals_of_account(SUBJECT, NOW_MS), []),
        (
            signals_of_account(
                SUBJECT, NOW_MS, review="APPROVED", health={"WABA": "BLOCKED", "MOON": "BLOCKED", "APP": "NEW"}
            ),
            ["account.review.APPROVED", "health.WABA.BLOCKED"],
        ),
        ((token_accepted(SUBJECT, NOW_MS),), ["token.accepted"]),
    ],
)
def test_what_a_read_signals(signals: tuple[Signal, ...], names: list[str]) -> None:
    assert [signal.name for signal in signals] == names
    assert set(names) <= NAMES
    assert {(signal.source, signal.at_ms) for signal in signals} <= {(Source.GRAPH, NOW_MS)}


def test_a_warning() -> None:
    signal = signal_of_warning("template", "opt_out", "stop", SUBJECT, NOW_MS)

    assert (signal.name, signal.source) == ("warning.template.opt_out.stop", Source.WARNING)
    assert signal.name in NAMES


@pytest.mark.parametrize(
    "words", [("planet", "opt_out", "stop"), ("template", "x", "stop"), ("template", "opt_out", "x")]
)
def test_a_warning_of_nothing_known_is_a_mistake(words: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="early warning knows no"):
        signal_of_warning(*words, SUBJECT, NOW_MS)
