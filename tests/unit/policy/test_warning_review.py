"""When early warning speaks, and when it holds its tongue."""

from __future__ import annotations

import pytest

from tidegate.policy.early_warning import Level, Plan, Watch
from tidegate.policy.outcome_scope import Kind, OutcomeScope
from tidegate.policy.warning_metric import HOUR_MS, Metric, Tally
from tidegate.policy.warning_review import Said, from_json, numbers_found, review, to_json

CALM, WATCH, THROTTLE, STOP = Level
HOUR = 470_000
PLAN = Plan()
#: Bad ones of a thousand sends, against an own history of 2 %; what they are worth on their own is asserted below.
GOOD, ODD, SLOW, HALT = 20, 57, 61, 200


def watch(*bad: int, started_at_ms: int = 0) -> Watch:
    """One hour of a thousand sends after the other, so many of them bad; the first is HOUR."""
    hours = tuple((HOUR + i, Tally(1_000 - k, k)) for i, k in enumerate(bad))
    hours = tuple(entry for entry in hours if entry[0] * HOUR_MS >= started_at_ms)
    return Watch(Metric.FAILURE, started_at_ms, hours, baseline=Tally(49_000, 1_000))


@pytest.mark.parametrize(("bad", "level"), [(GOOD, CALM), (ODD, WATCH), (SLOW, THROTTLE), (HALT, STOP)])
def test_an_hour_is_as_bad_as_these_tests_take_it_for(bad: int, level: Level) -> None:
    assert review(watch(bad), None, PLAN, "enforce").finding.level is level


def said(level: Level, hour: int = HOUR + 1, mode: str = "enforce") -> Said:
    return Said(level, hour * HOUR_MS - 1, mode)


@pytest.mark.parametrize(
    ("hours", "before", "speaks"),
    [
        pytest.param([GOOD], None, None, id="nothing is said of what is calm"),
        pytest.param([ODD], None, WATCH, id="a look is worth a word"),
        pytest.param([ODD], said(WATCH), None, id="but only one"),
        pytest.param([SLOW], said(WATCH), THROTTLE, id="worse than was said is said at once"),
        pytest.param([HALT], said(THROTTLE), STOP, id="and worse again"),
        pytest.param([SLOW], said(THROTTLE), None, id="the same sends are said once"),
        pytest.param([SLOW, GOOD, GOOD, SLOW], said(THROTTLE), THROTTLE, id="bad ones since say it again"),
        pytest.param([HALT, GOOD, GOOD, SLOW], said(STOP), None, id="less bad ones since do not"),
        pytest.param([66, 31], said(STOP), None, id="a step down is not said"),
        pytest.param([GOOD], said(STOP), CALM, id="calm again is said"),
        pytest.param(
            [HALT], said(STOP, mode="shadow"), STOP, id="what was only told is said once it is to be enforced"
        ),
    ],
)
def test_it_speaks_of_what_is_new(hours, before, speaks) -> None:
    found = review(watch(*hours), before, PLAN, "enforce")

    assert (found.finding.level if found.speaks else None) is speaks


def test_what_was_cleared_is_not_judged_again() -> None:
    before = said(STOP)
    cleared_at_ms = before.at_ms + 1

    assert review(watch(HALT, GOOD, started_at_ms=cleared_at_ms), before, PLAN, "enforce").finding.level is CALM
    assert review(watch(HALT, HALT, started_at_ms=cleared_at_ms), before, PLAN, "enforce").speaks


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param({"marketing": STOP, "utility": THROTTLE}, THROTTLE, id="two bad ones: the milder of them"),
        pytest.param({"marketing": STOP, "utility": STOP, "authentication": CALM}, STOP, id="two of three"),
        pytest.param({"marketing": STOP, "utility": WATCH}, None, id="a look at the second is not enough"),
        pytest.param({"marketing": STOP}, None, id="one alone is that category"),
    ],
)
def test_a_number_is_found_bad_by_two_of_its_categories(levels, expected) -> None:
    found = {(OutcomeScope(Kind.CATEGORY, "1", name), Metric.FAILURE): level for name, level in levels.items()}
    elsewhere = {
        (OutcomeScope(Kind.CATEGORY, "2", "utility"), Metric.FAILURE): STOP,
        (OutcomeScope(Kind.CATEGORY, "1", "authentication"), Metric.OPT_OUT): STOP,
        (OutcomeScope(Kind.TEMPLATE, "1", "w:en:t"), Metric.FAILURE): STOP,
    }

    assert numbers_found({**found, **elsewhere}) == ({("1", Metric.FAILURE): expected} if expected else {})


def test_the_record_is_read_back_and_a_strange_one_is_an_error() -> None:
    assert from_json(to_json(said(STOP))) == said(STOP)
    for strange in (
        {},
        {"level": "panic", "at_ms": 1, "mode": "enforce"},
        {"level": "stop", "at_ms": None, "mode": "x"},
    ):
        with pytest.raises(ValueError, match=r"lacks|panic"):
            from_json(strange)
