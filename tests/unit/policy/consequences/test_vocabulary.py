"""The names of signals: which words of a rule are names, and which was meant."""

from __future__ import annotations

import pytest

from tidegate.cloudapi.error_codes import CODES
from tidegate.policy.consequences.vocabulary import METRICS, NAMES, error_name, fits, is_name, nearest, word
from tidegate.policy.warning_metric import Metric


@pytest.mark.parametrize(
    ("code", "in_status", "name"),
    [
        (131048, False, "error.131048"),
        (131048, True, "error.131048"),
        (135000, False, "error.135000"),
        (135000, True, "error.135000.dropped"),
        (132015, True, "error.132015.dropped"),
        (250, False, "error.250"),
        (2388318, False, "error.2388318"),
        (131099, True, "error.unlisted.131099"),
        (-1, False, "error.unlisted.-1"),
    ],
)
def test_the_name_of_an_error(code: int, in_status: bool, name: str) -> None:
    assert error_name(code, in_status=in_status) == name


def test_every_code_of_the_table_has_a_name() -> None:
    assert {error_name(code) for code in CODES} <= NAMES


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("error.131048", True),
        ("error.2388318", True),
        ("error.131099", False),
        ("error.unlisted.131099", True),
        ("error.unlisted.131048", True),
        ("error.unlisted.*", True),
        ("error.2??", True),
        ("error.135000.dropped", True),
        ("error.131048.dropped", False),
        ("error.١٣١٠٤٨", False),
        ("template.status.*", True),
        ("template.status.PAUSE", False),
        ("template.status.paused", False),
        ("template.stats.*", False),
        ("*", True),
        ("[a-z]*", False),
        ("", False),
        ("error.131048\n", False),
    ],
)
def test_what_is_a_name(pattern: str, known: bool) -> None:
    assert is_name(pattern) is known


@pytest.mark.parametrize(
    ("name", "pattern", "fit"),
    [
        ("error.131048", "error.131048", True),
        ("error.131048", "error.13104?", True),
        ("error.131048", "error.131049", False),
        ("error.unlisted.131099", "error.unlisted.131099", True),
        ("error.unlisted.131099", "error.*", True),
        ("error.135000.dropped", "error.135000", False),
    ],
)
def test_which_signals_a_pattern_fits(name: str, pattern: str, fit: bool) -> None:
    assert fits(name, pattern) is fit


def test_a_rule_for_a_code_of_tomorrow_goes_on_when_the_table_has_learnt_it() -> None:
    assert fits("error.131048", "error.unlisted.131048")


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("error.13148", "error.131048"),
        ("template.status.PAUSE", "template.status.PAUSED"),
        (
            "account.restriction.RESTRICTED_BIZ_INITIATED_MESAGING",
            "account.restriction.RESTRICTED_BIZ_INITIATED_MESSAGING",
        ),
        ("x", None),
    ],
)
def test_the_name_that_was_meant(pattern: str, meant: str | None) -> None:
    assert nearest(pattern) == meant


def test_a_word_of_metas_that_is_new_is_another() -> None:
    assert word("A", ("A", "OTHER")) == "A"
    assert word("B", ("A", "OTHER")) == word(None, ("A", "OTHER")) == "OTHER"


def test_early_warning_is_told_of_every_metric() -> None:
    assert set(METRICS) == {metric.value for metric in Metric}
