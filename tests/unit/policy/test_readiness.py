"""Whether a campaign may start from a number: every reason against it, and what else is good to know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, WABA, make_rules, make_standing
from tests.unit.policy.breaker.specimens import HOUR_MS, make_grip, make_throttle, open_since
from tidegate.cloudapi.vocabulary import UNLIMITED, NumberStatus, Quality
from tidegate.policy.breaker import Board, Breaker
from tidegate.policy.capacity import Release
from tidegate.policy.health import Seen
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.readiness import Kind, Remark, remarks
from tidegate.policy.standing import NumberStanding, Pause


def seen(*breakers: Breaker, **changes: Any) -> Seen:
    """A healthy number for as long as is known, of whose 2,000 places none is used."""
    number = NumberStanding(
        NUMBER,
        quality=changes.pop("quality", Quality.GREEN),
        status=changes.pop("status", NumberStatus.CONNECTED),
    )
    of_standing = {name: changes.pop(name) for name in ("limit", "pauses", "rules") if name in changes}
    standing = make_standing(numbers={NUMBER: number}, breakers=Board(breakers), **of_standing)
    values: dict[str, Any] = {"standing": standing, "waba": WABA, "number": NUMBER, "now_ms": NOW_MS, "used": 0}
    return Seen(**values | changes)


def of(scope: Scope, value: str, **changes: Any) -> Breaker:
    return open_since(NOW_MS, make_grip(scope=scope, value=value, **changes))


def pause(scope: str, value: str, until_ms: int | None = None) -> Pause:
    return Pause("pause-1", scope, value, "wrong price", NOW_MS - 1, until_ms, "operator")


def one(kind: Kind, given: Seen) -> Remark:
    (found,) = (remark for remark in remarks(given) if remark.kind is kind)
    return found


def reasons(given: Seen) -> list[Kind]:
    return [remark.kind for remark in remarks(given) if remark.blocks]


def notes(given: Seen) -> list[Kind]:
    return [remark.kind for remark in remarks(given) if not remark.blocks]


def test_a_healthy_number_is_ready_and_told_how_it_may_grow() -> None:
    assert (reasons(seen()), notes(seen())) == ([], [Kind.UPGRADE])


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(seen(of(Scope.NUMBER, NUMBER)), Kind.BREAKER, id="all that the number begins is stopped"),
        pytest.param(seen(of(Scope.WABA, WABA, covers=Covers.EVERYTHING)), Kind.BREAKER, id="the account is stopped"),
        pytest.param(seen(of(Scope.PORTFOLIO, PORTFOLIO, covers=Covers.MARKETING)), Kind.BREAKER, id="no marketing"),
        pytest.param(
            seen(of(Scope.CATEGORY, f"{NUMBER}:marketing", covers=Covers.MARKETING)),
            Kind.BREAKER,
            id="no marketing from this number",
        ),
        pytest.param(seen(of(Scope.NUMBER, NUMBER), now_ms=NOW_MS + 2 * HOUR_MS), Kind.BREAKER, id="tried one by one"),
        pytest.param(seen(quality=Quality.RED), Kind.QUALITY, id="a red number"),
        pytest.param(seen(status=NumberStatus.RESTRICTED), Kind.NUMBER_STATUS, id="a restricted number"),
        pytest.param(seen(status=NumberStatus.FLAGGED), Kind.NUMBER_STATUS, id="a flagged number"),
        pytest.param(seen(used=1_600), Kind.LIMIT_USED_UP, id="no place is left for marketing"),
        pytest.param(
            seen(pauses=(pause("number", NUMBER),)), Kind.PAUSED_BY_OPERATOR, id="the number is paused by hand"
        ),
        pytest.param(
            seen(pauses=(pause("portfolio", PORTFOLIO),)), Kind.PAUSED_BY_OPERATOR, id="the portfolio is paused"
        ),
        pytest.param(
            seen(pauses=(pause("category", "marketing", NOW_MS + 1),)),
            Kind.PAUSED_BY_OPERATOR,
            id="marketing is paused",
        ),
    ],
)
def test_what_keeps_marketing_from_going_is_a_reason(given: Seen, kind: Kind) -> None:
    assert reasons(given) == [kind]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(seen(of(Scope.WABA, WABA, covers=Covers.UTILITY)), Kind.BREAKER, id="utility is stopped"),
        pytest.param(
            seen(of(Scope.CATEGORY, f"{NUMBER}:utility")), Kind.BREAKER, id="another category of the number is stopped"
        ),
        pytest.param(seen(open_since(NOW_MS, make_throttle())), Kind.BREAKER, id="the pace is cut"),
        pytest.param(
            seen(of(Scope.WABA, WABA, action=Action.PAUSE_POLLING, trickle_ms=None)), Kind.BREAKER, id="polling rests"
        ),
        pytest.param(
            seen(of(Scope.WABA, WABA, action=Action.RECLASSIFY, covers=Covers.UTILITY, trickle_ms=None)),
            Kind.BREAKER,
            id="utility counts as marketing",
        ),
        pytest.param(seen(quality=Quality.YELLOW), Kind.QUALITY, id="a yellow number"),
        pytest.param(seen(status=NumberStatus.UNKNOWN), Kind.NUMBER_STATUS, id="a number that was not read yet"),
    ],
)
def test_what_does_not_stop_marketing_is_a_note(given: Seen, kind: Kind) -> None:
    assert reasons(given) == []
    assert notes(given) == [kind, Kind.UPGRADE]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(seen(of(Scope.NUMBER, "1")), id="another number's breaker"),
        pytest.param(seen(of(Scope.TEMPLATE, f"{WABA}:en_US:winback")), id="a template's breaker"),
        pytest.param(seen(pauses=(pause("number", "1"),)), id="another number's pause"),
        pytest.param(seen(pauses=(pause("template", "winback"),)), id="a template's pause"),
        pytest.param(seen(pauses=(pause("category", "utility"),)), id="another category's pause"),
        pytest.param(seen(pauses=(pause("number", NUMBER, NOW_MS),)), id="a pause that is over"),
        pytest.param(seen(used=1_599), id="one place that is left"),
    ],
)
def test_what_is_not_about_this_numbers_marketing_is_not_told(given: Seen) -> None:
    assert [remark.kind for remark in remarks(given)] == [Kind.UPGRADE]


def test_a_breaker_is_told_with_its_rule_its_cause_and_its_end() -> None:
    told = one(Kind.BREAKER, seen(of(Scope.NUMBER, NUMBER)))

    assert (told.rule, told.cause) == ("spam_rate", "error.131048")
    assert (told.since_ms, told.until_ms) == (NOW_MS, NOW_MS + HOUR_MS)
    assert told.detail == (
        f"business-initiated messages of number {NUMBER} are stopped after error.131048 (rule spam_rate)"
    )


def test_a_half_open_breaker_has_no_end_that_lies_behind() -> None:
    told = one(Kind.BREAKER, seen(of(Scope.NUMBER, NUMBER), now_ms=NOW_MS + 2 * HOUR_MS))

    assert told.until_ms is None
    assert "tried one by one" in told.detail


def test_a_throttle_tells_the_share_that_it_leaves() -> None:
    throttle = open_since(NOW_MS, make_throttle(recover_ms=None, for_ms=HOUR_MS, share=0.25))

    assert "go at 25% of the pace" in one(Kind.BREAKER, seen(throttle)).detail


def test_a_rule_in_shadow_stops_no_campaign_and_is_told() -> None:
    rules = make_rules(consequence=[{"id": "spam_rate", "mode": "shadow"}])
    told = one(Kind.BREAKER, seen(of(Scope.NUMBER, NUMBER), rules=rules))

    assert not told.blocks
    assert "in shadow" in told.detail


def test_a_used_up_limit_tells_when_the_next_place_for_marketing_comes_free() -> None:
    curve = (Release(NOW_MS + 1_000, 1), Release(NOW_MS + 2_000, 5))

    # 1,600 places are marketing's at most; two have to come free for one that it may take.
    assert one(Kind.LIMIT_USED_UP, seen(used=1_601, curve=curve)).until_ms == NOW_MS + 2_000


def test_a_limit_that_only_watches_stops_no_campaign() -> None:
    rules = make_rules(messaging_limit={"mode": "shadow"})

    assert not one(Kind.LIMIT_USED_UP, seen(used=2_000, rules=rules)).blocks


def test_without_a_limit_nothing_is_used_up_and_nothing_grows() -> None:
    assert remarks(seen(limit=UNLIMITED, used=1_000_000)) == ()


class TestOldRegime:
    flagged = of(Scope.NUMBER, NUMBER, rule="number_flagged", for_ms=7 * DAY_MS, covers=Covers.MARKETING)

    def test_a_flagged_number_is_told_the_limit_to_expect_and_when(self) -> None:
        told = one(Kind.EXPECTED_DOWNGRADE, seen(self.flagged, limit=10_000))

        assert (told.limit, told.since_ms, told.until_ms) == (1_000, NOW_MS, NOW_MS + 7 * DAY_MS)
        assert not told.blocks

    def test_the_seven_days_begin_with_the_first_word_of_it(self) -> None:
        given = seen(self.flagged, status=NumberStatus.FLAGGED, turned_at_ms=NOW_MS - DAY_MS)

        assert one(Kind.EXPECTED_DOWNGRADE, given).until_ms == NOW_MS + 6 * DAY_MS

    def test_a_flag_that_is_read_counts_without_its_webhook(self) -> None:
        given = seen(status=NumberStatus.FLAGGED, turned_at_ms=NOW_MS - DAY_MS)

        assert one(Kind.EXPECTED_DOWNGRADE, given).since_ms == NOW_MS - DAY_MS

    def test_the_lowest_tier_has_nothing_to_lose(self) -> None:
        assert Kind.EXPECTED_DOWNGRADE not in notes(seen(self.flagged, limit=50))

    def test_any_other_breaker_is_no_flag(self) -> None:
        assert Kind.EXPECTED_DOWNGRADE not in notes(seen(of(Scope.NUMBER, NUMBER)))


class TestGrowth:
    def test_the_way_to_the_next_limit_is_told_with_what_it_takes(self) -> None:
        told = one(Kind.UPGRADE, seen(used=412))

        assert told.limit == 10_000
        assert told.detail == (
            "the next limit is 10000: the number has been healthy for 7 days; "
            "Meta asks for 1000 unique recipients in 7 days; the last 24 hours had 412"
        )

    @pytest.mark.parametrize(
        ("turned_at_ms", "until_ms", "words"),
        [
            pytest.param(None, None, "has been healthy for 7 days", id="healthy for as long as is known"),
            pytest.param(NOW_MS - 7 * DAY_MS, NOW_MS, "has been healthy for 7 days", id="seven days and no more"),
            pytest.param(NOW_MS - 7 * DAY_MS + 1, NOW_MS + 1, "for less than 7 days", id="a millisecond less"),
        ],
    )
    def test_seven_healthy_days_are_needed(self, turned_at_ms: int | None, until_ms: int | None, words: str) -> None:
        told = one(Kind.UPGRADE, seen(turned_at_ms=turned_at_ms))

        assert (told.since_ms, told.until_ms) == (turned_at_ms, until_ms)
        assert words in told.detail

    @pytest.mark.parametrize(
        "changes",
        [{"quality": Quality.YELLOW}, {"quality": Quality.UNKNOWN}, {"status": NumberStatus.FLAGGED}],
        ids=str,
    )
    def test_a_number_that_is_not_healthy_does_not_grow(self, changes: dict[str, Any]) -> None:
        told = one(Kind.UPGRADE, seen(**changes))

        assert told.until_ms is None
        assert "not before the number is CONNECTED and its quality GREEN" in told.detail

    def test_the_last_step_leads_to_no_limit_at_all(self) -> None:
        told = one(Kind.UPGRADE, seen(limit=100_000))

        assert told.limit == UNLIMITED
        assert told.detail.startswith("the next limit is none")
