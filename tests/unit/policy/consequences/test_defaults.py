"""The default rules: every consequence C1 to C23 and every error code, what it stops, and how it opens again."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.factories import NOW_MS
from tests.unit.policy.consequences.scenes import (
    BY_DEFAULT,
    SENDS,
    breakers_after,
    effects_of,
    reclassified,
    signal,
    slowed,
    states,
    stopped,
)
from tidegate.cloudapi.error_codes import CODES, lookup
from tidegate.cloudapi.error_codes import Action as Remedy
from tidegate.policy.breaker import SKEW_MS, Kind, State
from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.consequences.signal import Source
from tidegate.policy.consequences.vocabulary import NAMES, error_name, fits
from tidegate.policy.reach import Action
from tidegate.policy.verdict import Reason

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

ALL = set(SENDS)
OF_WABA = ALL - {"other_waba"}
OF_NUMBER = OF_WABA - {"other_number"}
INITIATED = ALL - {"reply"}
MARKETING = {"marketing", "same_template", "other_user", "other_number", "other_waba"}
UTILITY = {"utility", "direct_send"}
TO_USER = ALL - {"other_user", "other_number", "other_waba"}
ONE = {"same_template"}
NONE: set[str] = set()


class Row(NamedTuple):
    """What a signal stops, and how it ends."""

    signal: str
    stops: set[str]
    span_ms: int | None = None
    """How long it holds without a word of Meta's; None: until proven."""
    then: State = State.CLOSED
    """What it is when that time is up."""
    proof: str | None = None
    """The signal that closes it when it was read from Graph."""
    reason: Reason | None = None


H, C = State.HALF_OPEN, State.CLOSED
_ERROR_ROWS = (
    Row("error.0", OF_WABA, 5 * MINUTE_MS, H, "token.accepted", Reason.ACCOUNT_RESTRICTED),
    Row("error.190", OF_WABA, 5 * MINUTE_MS, H, "token.accepted", Reason.ACCOUNT_RESTRICTED),
    Row("error.3", OF_WABA, 5 * MINUTE_MS, H),
    Row("error.10", OF_WABA, 5 * MINUTE_MS, H),
    Row("error.131005", OF_WABA, 5 * MINUTE_MS, H),
    Row("error.200", OF_WABA, 5 * MINUTE_MS, H),
    Row("error.299", OF_WABA, 5 * MINUTE_MS, H),
    Row("error.2", OF_NUMBER, 5_000, H, reason=Reason.UPSTREAM_THROTTLED),
    Row("error.131016", OF_NUMBER, 5_000, H, reason=Reason.UPSTREAM_THROTTLED),
    Row("error.133004", OF_NUMBER, 5_000, H),
    Row("error.131057", OF_NUMBER, 90_000, C, reason=Reason.UPSTREAM_THROTTLED),
    Row("error.2494100", OF_NUMBER, 90_000, C),
    Row("error.33", OF_NUMBER, None, proof="number.status.CONNECTED", reason=Reason.NUMBER_STANDING),
    Row("error.131037", OF_NUMBER, HOUR_MS, H, "number.name.APPROVED"),
    Row("error.131045", OF_NUMBER, 15 * MINUTE_MS, H, "number.status.CONNECTED"),
    Row("error.133010", OF_NUMBER, 15 * MINUTE_MS, H, "number.status.CONNECTED"),
    Row("error.133015", OF_NUMBER, 5 * MINUTE_MS, C),
    Row("error.131048", OF_NUMBER & INITIATED, HOUR_MS, H, reason=Reason.NUMBER_STANDING),
    Row("error.368", OF_WABA & INITIATED, DAY_MS, H, "health.WABA.AVAILABLE", Reason.ACCOUNT_RESTRICTED),
    Row("error.131031", OF_WABA, None, reason=Reason.ACCOUNT_LOCKED),
    Row("error.131042", OF_WABA & INITIATED, HOUR_MS, H, reason=Reason.BUDGET),
    Row("error.131064", UTILITY, DAY_MS, H, reason=Reason.ACCOUNT_RESTRICTED),
    Row("error.139200", {"direct_send"}, DAY_MS, H),
    Row("error.130403", TO_USER, None, reason=Reason.RECIPIENT_SUPPRESSED),
    Row("error.130472", TO_USER & MARKETING, 30 * DAY_MS, H),
    Row("error.130497", TO_USER, 30 * DAY_MS, C),
    Row("error.131026", TO_USER & INITIATED, 30 * DAY_MS, H, reason=Reason.RECIPIENT_SUPPRESSED),
    Row("error.131049", TO_USER & MARKETING, DAY_MS, C, reason=Reason.USER_MARKETING_LIMIT),
    Row("error.137000", TO_USER, HOUR_MS, C),
    Row("error.131056", TO_USER, 1_000, H, reason=Reason.PAIR_RATE),
    Row("error.132001", ONE, 10 * MINUTE_MS, H, "template.status.APPROVED", Reason.TEMPLATE_UNKNOWN),
    Row("error.141002", ONE, 10 * MINUTE_MS, H, "template.status.APPROVED", Reason.TEMPLATE_UNKNOWN),
    Row("error.132015", ONE, 3 * HOUR_MS, H, "template.status.APPROVED", Reason.TEMPLATE_PAUSED),
    Row("error.132015.dropped", ONE, 3 * HOUR_MS, H, "template.status.APPROVED", Reason.TEMPLATE_PAUSED),
    Row("error.132016", ONE, None, proof="template.status.APPROVED", reason=Reason.TEMPLATE_DISABLED),
    Row("error.132068", ONE, HOUR_MS, H),
    Row("error.132069", ONE, 6 * MINUTE_MS, H),
    Row("error.134101", ONE, 10 * MINUTE_MS, C),
    Row("error.135000.dropped", INITIATED, DAY_MS, H, reason=Reason.ACCOUNT_RESTRICTED),
)
_TOLD_ROWS = (
    Row("template.status.PAUSED", ONE, 3 * HOUR_MS, H, "template.status.APPROVED", Reason.TEMPLATE_PAUSED),
    Row("template.status.DISABLED", ONE, None, proof="template.status.REINSTATED", reason=Reason.TEMPLATE_DISABLED),
    Row("template.quality.RED", ONE, DAY_MS, H, "template.quality.GREEN", Reason.TEMPLATE_PAUSED),
    Row("template.held", ONE, HOUR_MS, H, "template.quality.GREEN", Reason.CAMPAIGN_HALTED),
    Row("number.quality.RED", OF_NUMBER & MARKETING, 7 * DAY_MS, H, "number.quality.YELLOW", Reason.NUMBER_STANDING),
    Row("number.event.FLAGGED", OF_NUMBER & MARKETING, 7 * DAY_MS, H, "number.status.CONNECTED"),
    Row("number.status.FLAGGED", OF_NUMBER & MARKETING, 7 * DAY_MS, H, "number.status.CONNECTED"),
    Row("number.status.RESTRICTED", OF_NUMBER & INITIATED, DAY_MS, C, "number.status.CONNECTED"),
    Row("number.status.RATE_LIMITED", OF_NUMBER & INITIATED, HOUR_MS, C, "number.status.CONNECTED"),
    *(
        Row(f"number.status.{status}", OF_NUMBER, None, proof="number.status.CONNECTED")
        for status in ("BANNED", "DELETED", "DISCONNECTED", "MIGRATED", "PENDING", "UNVERIFIED")
    ),
    Row("account.restriction.RESTRICTED_BIZ_INITIATED_MESSAGING", OF_WABA & INITIATED, DAY_MS, H),
    Row("account.restriction.RESTRICTED_CUSTOMER_INITIATED_MESSAGING", OF_WABA, None, proof="health.WABA.AVAILABLE"),
    Row("account.restriction.RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING", UTILITY, 7 * DAY_MS, H),
    Row("account.restriction.RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", {"direct_send"}, 7 * DAY_MS, H),
    Row("account.restriction.OTHER", OF_WABA & MARKETING, None, proof="health.WABA.AVAILABLE"),
    Row("account.ban.DISABLE", OF_WABA, None, proof="health.WABA.AVAILABLE", reason=Reason.ACCOUNT_LOCKED),
    Row("account.ban.SCHEDULE_FOR_DISABLE", OF_WABA & MARKETING, None),
    Row("account.ban.OTHER", OF_WABA & INITIATED, None, proof="health.WABA.AVAILABLE"),
    Row("account.event.ACCOUNT_DELETED", OF_WABA, None),
    Row("account.event.ACCOUNT_OFFBOARDED", OF_WABA, None, proof="health.WABA.AVAILABLE"),
    Row("account.review.REJECTED", OF_WABA, None, proof="account.review.APPROVED"),
    Row("health.PHONE_NUMBER.BLOCKED", OF_NUMBER, None, proof="health.PHONE_NUMBER.LIMITED"),
    Row("health.MESSAGE_TEMPLATE.BLOCKED", ONE, None, proof="health.MESSAGE_TEMPLATE.AVAILABLE"),
    Row("health.WABA.BLOCKED", OF_WABA & INITIATED, None, proof="health.WABA.LIMITED"),
    Row("health.BUSINESS.BLOCKED", INITIATED, None, proof="health.BUSINESS.AVAILABLE"),
    Row("health.APP.BLOCKED", OF_WABA & INITIATED, None, proof="health.APP.AVAILABLE"),
    Row("warning.template.opt_out.stop", ONE, DAY_MS, H, reason=Reason.CAMPAIGN_HALTED),
    Row("warning.category.failure.stop", OF_NUMBER & MARKETING, DAY_MS, H, reason=Reason.CAMPAIGN_HALTED),
    Row("warning.number.block_proxy.stop", OF_NUMBER & MARKETING, DAY_MS, H, reason=Reason.CAMPAIGN_HALTED),
)
STOPS = (*_ERROR_ROWS, *_TOLD_ROWS)


@pytest.mark.parametrize("row", STOPS, ids=lambda row: row.signal)
def test_what_stops_is_what_it_concerns_and_nothing_else(row: Row) -> None:
    breakers = breakers_after([signal(row.signal)], NOW_MS)

    assert stopped(breakers) == row.stops
    assert slowed(breakers) == NONE
    if row.reason is not None:
        assert {breaker.reason for breaker in breakers.values()} == {row.reason}


@pytest.mark.parametrize("row", STOPS, ids=lambda row: row.signal)
def test_it_holds_for_its_span_and_then_tries_or_lets_go(row: Row) -> None:
    breakers = breakers_after([signal(row.signal)], NOW_MS)

    if row.span_ms is None:
        assert states(breakers, NOW_MS + 10_000 * DAY_MS) == {State.OPEN}
    else:
        assert states(breakers, NOW_MS + row.span_ms - 1) == {State.OPEN}
        assert states(breakers, NOW_MS + row.span_ms) == {row.then}


@pytest.mark.parametrize("row", STOPS, ids=lambda row: row.signal)
def test_a_fresh_read_closes_it_where_graph_can_tell_and_a_webhook_never(row: Row) -> None:
    breakers = breakers_after([signal(row.signal)], NOW_MS)
    good = [row.proof] if row.proof else []
    good += [name for name in NAMES if any(name in rule.proof for rule in DEFAULTS.values())]
    told = breakers_after([signal(name, NOW_MS + 1_000) for name in good], NOW_MS + 1_000, breakers)
    assert State.CLOSED not in states({key: told[key] for key in breakers}, NOW_MS + 1_000)

    if row.proof:
        read_at_ms = NOW_MS + SKEW_MS
        read = breakers_after([signal(row.proof, read_at_ms, Source.GRAPH)], read_at_ms, breakers)
        assert states({key: read[key] for key in breakers}, read_at_ms) == {State.CLOSED}


THROTTLES = [
    ("error.130429", OF_NUMBER, 30_000),
    ("number.quality.YELLOW", OF_NUMBER & MARKETING, 7 * DAY_MS),
    ("template.quality.YELLOW", ONE, 7 * DAY_MS),
    ("account.violation.ADULT", OF_WABA & MARKETING, DAY_MS),
    ("account.violation.SCAM", OF_WABA & MARKETING, DAY_MS),
    ("account.violation.OTHER", OF_WABA & MARKETING, DAY_MS),
    ("warning.template.failure.throttle", ONE, DAY_MS),
    ("warning.category.opt_out.throttle", OF_NUMBER & MARKETING, DAY_MS),
    ("warning.number.unread.throttle", OF_NUMBER & MARKETING, DAY_MS),
]


@pytest.mark.parametrize(("name", "slower", "span_ms"), THROTTLES)
def test_what_slows_down_stops_nothing(name: str, slower: set[str], span_ms: int) -> None:
    breakers = breakers_after([signal(name)], NOW_MS)

    assert stopped(breakers) == NONE
    assert slowed(breakers) == slowed(breakers, NOW_MS + span_ms - 1) == slower
    assert slowed(breakers, NOW_MS + span_ms) == NONE
    assert {breaker.level for breaker in breakers.values()} == {0.5}


@pytest.mark.parametrize(
    ("name", "proof"),
    [("number.quality.YELLOW", "number.quality.GREEN"), ("template.quality.YELLOW", "template.quality.GREEN")],
)
def test_green_ends_what_yellow_slowed_once_graph_says_so(name: str, proof: str) -> None:
    breakers = breakers_after([signal(name)], NOW_MS)
    later_ms = NOW_MS + SKEW_MS

    by_webhook = breakers_after([signal(proof, later_ms)], later_ms, breakers)
    by_read = breakers_after([signal(proof, later_ms, Source.GRAPH)], later_ms, breakers)

    assert slowed(by_webhook, later_ms) == slowed(breakers)
    assert slowed(by_read, later_ms) == NONE


ONCE = [
    ("error.131050", Action.OPT_OUT),
    ("preference.stop", Action.OPT_OUT),
    ("preference.resume", Action.OPT_IN),
    ("error.131047", Action.CLOSE_WINDOW),
    ("error.131063", Action.ALERT),
    ("error.134011", Action.ALERT),
    ("error.unlisted.131099", Action.ALERT),
    ("template.category.changed", Action.ALERT),
    ("template.category.upcoming", Action.ALERT),
    ("template.status.ARCHIVED", Action.ALERT),
    ("template.status.FLAGGED", Action.ALERT),
    ("number.event.DOWNGRADE", Action.ALERT),
    ("number.name.REJECTED", Action.ALERT),
    ("number.security.PIN_CHANGED", Action.ALERT),
    ("account.violation.UTILITY_TEMPLATE_ABUSE", Action.ALERT),
    ("account.restriction.RESTRICTED_ADD_PHONE_NUMBER_ACTION", Action.ALERT),
    ("account.restriction.RESTRICTED_BUSINESS_INITIATED_CALLING", Action.ALERT),
    ("account.restriction.RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN", Action.ALERT),
    ("account.event.PARTNER_REMOVED", Action.ALERT),
    ("account.alert.INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED", Action.ALERT),
    ("health.WABA.LIMITED", Action.ALERT),
]


@pytest.mark.parametrize(("name", "action"), ONCE)
def test_what_is_done_once_stops_no_send_of_others(name: str, action: Action) -> None:
    done = [effect for effect in effects_of(signal(name)) if effect.kind is not Kind.WEBHOOK_RELAX]

    assert [effect.action for effect in done] == [action]
    assert done[0].event() is None
    assert stopped(breakers_after([signal(name)], NOW_MS)) == NONE


@pytest.mark.parametrize("code", [80007, 80008])
def test_c22_call_limits_pause_polling_and_never_a_send(code: int) -> None:
    told = signal(f"error.{code}", until_ms=NOW_MS + HOUR_MS)
    effects = effects_of(told)
    breakers = breakers_after([told], NOW_MS)

    assert [effect.action for effect in effects] == [Action.PAUSE_POLLING]
    assert stopped(breakers) == slowed(breakers) == NONE
    assert states(breakers, NOW_MS + HOUR_MS - 1) == {State.OPEN}
    assert states(breakers, NOW_MS + HOUR_MS) == {State.CLOSED}


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613])
def test_the_limit_of_the_app_pauses_polling_at_once_and_sends_when_many_meet_it(code: int) -> None:
    told = signal(f"error.{code}", source=Source.ANSWER)
    (counter,) = BY_DEFAULT.counters(told)

    assert [effect.action for effect in BY_DEFAULT.of(told, {counter.key: 19})] == [Action.PAUSE_POLLING]
    assert {effect.action for effect in BY_DEFAULT.of(told, {counter.key: 20})} == {Action.PAUSE_POLLING, Action.HOLD}
    assert stopped(breakers_after([told], NOW_MS)) == OF_WABA


def test_c17_utility_is_judged_as_marketing_until_the_restriction_ends() -> None:
    told = signal("account.restriction.RESTRICTED_UTILITY_TEMPLATES", until_ms=NOW_MS + 30 * DAY_MS)
    breakers = breakers_after([told], NOW_MS)

    assert stopped(breakers) == slowed(breakers) == NONE
    assert reclassified(breakers, NOW_MS + 30 * DAY_MS - 1) == UTILITY
    assert reclassified(breakers, NOW_MS + 30 * DAY_MS) == NONE


@pytest.mark.parametrize(
    "name",
    [
        "account.restriction.RESTRICTED_BIZ_INITIATED_MESSAGING",
        "account.restriction.RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
        "account.restriction.RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
    ],
)
def test_c11_c12_c16_a_restriction_ends_when_meta_says_and_is_then_tried(name: str) -> None:
    ends_ms = NOW_MS + 12 * HOUR_MS
    breakers = breakers_after([signal(name, until_ms=ends_ms)], NOW_MS)

    assert states(breakers, ends_ms - 1) == {State.OPEN}
    assert states(breakers, ends_ms) == {State.HALF_OPEN}


def test_c7_a_second_pause_lasts_as_long_as_its_title_says() -> None:
    breakers = breakers_after([signal("template.status.PAUSED", until_ms=NOW_MS + 6 * HOUR_MS)], NOW_MS)

    assert states(breakers, NOW_MS + 6 * HOUR_MS - 1) == {State.OPEN}
    assert states(breakers, NOW_MS + 6 * HOUR_MS) == {State.HALF_OPEN}


def test_c1_a_limit_that_is_reached_is_the_ledgers_to_count() -> None:
    assert not any("limit.reached" in name for name in NAMES)


#: Which of the tests above show each consequence.
SHOWN_BY = {
    "C1": "test_c1_a_limit_that_is_reached_is_the_ledgers_to_count",
    "C2": "error.130429",
    "C3": "error.131056",
    "C4": "error.131048",
    "C5": "number.quality.YELLOW",
    "C6": "number.quality.RED",
    "C7": "template.status.PAUSED",
    "C8": "template.held",
    "C9": "error.135000.dropped",
    "C10": "account.violation.SCAM",
    "C11": "account.restriction.RESTRICTED_BIZ_INITIATED_MESSAGING",
    "C12": "account.restriction.RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
    "C13": "error.131031",
    "C14": "account.ban.DISABLE",
    "C15": "account.violation.UTILITY_TEMPLATE_ABUSE",
    "C16": "account.restriction.RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
    "C17": "test_c17_utility_is_judged_as_marketing_until_the_restriction_ends",
    "C18": "error.131049",
    "C19": "error.131049",
    "C20": "preference.stop",
    "C21": "error.190",
    "C22": "test_c22_call_limits_pause_polling_and_never_a_send",
    "C23": "template.status.ARCHIVED",
}


def test_every_consequence_is_shown() -> None:
    rows = {row.signal for row in STOPS} | {name for name, *_ in THROTTLES} | {name for name, _ in ONCE}
    assert list(SHOWN_BY) == [f"C{number}" for number in range(1, 24)]
    assert all(shown in rows or shown in globals() for shown in SHOWN_BY.values())


#: What the table of error codes asks for, in the words of actions. A marketing endpoint that is switched off (131063)
#: is the caller's to change, and the other endpoint works on.
_FOR_REMEDY = {
    Remedy.NONE: set[Action](),
    Remedy.THROTTLE: {Action.THROTTLE, Action.HOLD},
    Remedy.HOLD: {Action.HOLD, Action.PAUSE_POLLING},
    Remedy.STOP: {Action.STOP, Action.HOLD},
    Remedy.CLOSE: {Action.STOP},
    Remedy.SUPPRESS: {Action.SUPPRESS, Action.HOLD, Action.OPT_OUT},
    Remedy.CLOSE_WINDOW: {Action.CLOSE_WINDOW},
    Remedy.PAUSE_POLLING: {Action.PAUSE_POLLING},
}
_ONLY_TOLD = {131063, 134011}


@pytest.mark.parametrize("in_status", [False, True], ids=["in an answer", "in a status"])
@pytest.mark.parametrize("code", sorted(CODES))
def test_every_error_code_has_what_its_meaning_asks_for(code: int, in_status: bool) -> None:
    actions = {effect.action for effect in effects_of(signal(error_name(code, in_status=in_status)))}

    if code in _ONLY_TOLD:
        assert actions == {Action.ALERT}
    else:
        remedy = lookup(code, in_status=in_status).action
        assert actions <= _FOR_REMEDY[remedy]
        assert bool(actions) is (remedy is not Remedy.NONE)


def test_an_error_of_one_message_has_no_consequence_for_others() -> None:
    harmless = {code for code in CODES if not effects_of(signal(error_name(code)))}

    assert {100, 131008, 131009, 131021, 131051, 131053, 132000, 132005, 132012, 135000} <= harmless


def test_every_pattern_of_a_default_rule_fits_a_signal() -> None:
    for rule in BY_DEFAULT.rules:
        for pattern in (*rule.on, *rule.proof):
            assert any(fits(name, pattern) for name in (*NAMES, "error.unlisted.1")), (rule.id, pattern)


class TestStories:
    def test_spam_rate_each_probe_that_fails_doubles_the_wait_and_five_that_go_well_end_it(self) -> None:
        at_ms = NOW_MS
        breakers = breakers_after([signal("error.131048", at_ms, Source.ANSWER)], at_ms)
        for hours in (2, 4, 8, 16, 24, 24):
            at_ms = next(iter(breakers.values())).until_ms or 0
            breakers = breakers_after([signal("error.131048", at_ms, Source.ANSWER)], at_ms, breakers)
            assert next(iter(breakers.values())).until_ms == at_ms + hours * HOUR_MS

    def test_one_token_closes_no_other_door(self) -> None:
        breakers = breakers_after([signal("error.190", source=Source.ANSWER)], NOW_MS)

        assert "other_waba" not in stopped(breakers)
        assert stopped(breakers) == OF_WABA

    def test_red_then_yellow_lets_marketing_go_at_half(self) -> None:
        later_ms = NOW_MS + HOUR_MS
        red = breakers_after([signal("number.quality.RED", source=Source.GRAPH)], NOW_MS)
        better = breakers_after([signal("number.quality.YELLOW", later_ms, Source.GRAPH)], later_ms, red)

        assert stopped(red) == OF_NUMBER & MARKETING
        assert (stopped(better, later_ms), slowed(better, later_ms)) == (NONE, OF_NUMBER & MARKETING)

    def test_a_flag_is_half_open_after_seven_days_whatever_becomes_of_the_tier(self) -> None:
        flagged = breakers_after([signal("number.event.FLAGGED")], NOW_MS)
        lowered = breakers_after([signal("number.event.DOWNGRADE", NOW_MS + 7 * DAY_MS)], NOW_MS + 7 * DAY_MS, flagged)

        assert stopped(lowered, NOW_MS + 7 * DAY_MS - 1) == OF_NUMBER & MARKETING
        assert states(lowered, NOW_MS + 7 * DAY_MS) == {State.HALF_OPEN}

    def test_unflagged_by_webhook_lets_probes_through_and_only_a_read_closes(self) -> None:
        later_ms = NOW_MS + HOUR_MS
        flagged = breakers_after([signal("number.event.FLAGGED")], NOW_MS)
        unflagged = breakers_after([signal("number.event.UNFLAGGED", later_ms)], later_ms, flagged)
        read = breakers_after([signal("number.status.CONNECTED", later_ms, Source.GRAPH)], later_ms, unflagged)

        assert states(unflagged, later_ms) == {State.HALF_OPEN}
        assert states(read, later_ms) == {State.CLOSED}

    def test_a_ban_that_is_lifted_by_webhook_waits_for_a_read(self) -> None:
        later_ms = NOW_MS + HOUR_MS
        banned = breakers_after([signal("account.ban.DISABLE")], NOW_MS)
        reinstated = breakers_after([signal("account.ban.REINSTATE", later_ms)], later_ms, banned)
        read = breakers_after([signal("health.WABA.AVAILABLE", later_ms, Source.GRAPH)], later_ms, reinstated)

        assert stopped(reinstated, later_ms) == OF_WABA
        assert stopped(read, later_ms) == NONE

    def test_a_held_campaign_goes_on_once_one_of_its_messages_was_delivered_and_a_probe_is_not_held(self) -> None:
        later_ms = NOW_MS + 5 * MINUTE_MS
        held = breakers_after([signal("template.held", source=Source.ANSWER)], NOW_MS)
        delivered = breakers_after([signal("message.delivered", later_ms, Source.STATUS)], later_ms, held)
        again = breakers_after([signal("template.held", later_ms, Source.ANSWER)], later_ms, delivered)

        assert stopped(held) == ONE
        assert states(delivered, later_ms) == {State.HALF_OPEN}
        assert stopped(again, later_ms) == ONE
