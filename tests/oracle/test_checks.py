"""Each checker sees what breaks its promise, and nothing in a run that keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import CHECKERS, check_all
from tests.oracle.events import (
    Accepted,
    Amnesia,
    CapacityTold,
    Conflicted,
    Event,
    Heard,
    History,
    InboundSent,
    LimitIs,
    OptedOut,
    PostEnded,
    PostStarted,
    Promised,
    StatusSent,
    Stopped,
    Told,
)
from tidegate.cloudapi.vocabulary import Category

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
NUMBER = "106540352242922"


def start(after_ms: int, message: str = "m1", user: str = "ann", **more: Any) -> PostStarted:
    """A POST of an offer."""
    values: dict[str, Any] = {"category": Category.MARKETING, "number": NUMBER, "node": "a", "template": "offer"} | more
    return PostStarted(NOW_MS + after_ms, message, user, **values)


def taken(after_ms: int, message: str = "m1", user: str = "ann", **more: Any) -> Accepted:
    """Meta takes an offer outside of a window."""
    values: dict[str, Any] = {"category": Category.MARKETING, "in_window": False, "wamid": f"wamid.{message}"} | more
    return Accepted(NOW_MS + after_ms, message, user, **values)


def ended(after_ms: int, outcome: Any, message: str = "m1") -> PostEnded:
    return PostEnded(NOW_MS + after_ms, message, outcome)


def promised(after_ms: int, verdict: Any, message: str = "m1", **more: Any) -> Promised:
    return Promised(NOW_MS + after_ms, message, verdict, "shop", **more)


def told(state: str, message: str = "m1") -> Told:
    return Told(NOW_MS + 100_000, message, state)


def status(after_ms: int, said: Any, message: str = "m1") -> StatusSent:
    return StatusSent(NOW_MS + after_ms, message, said)


def heard(after_ms: int, said: str, message: str = "m1") -> Heard:
    return Heard(NOW_MS + after_ms, message, said)


def send(after_ms: int, message: str, user: str) -> list[Event]:
    """A POST that is taken at once."""
    return [start(after_ms, message, user), taken(after_ms, message, user)]


TWO_USERS = [*send(0, "m1", "ann"), *send(1_000, "m2", "bob")]
ONE_KEY = {"key": "k1", "body_hash": "h1"}

WRONG: list[tuple[str, str, History]] = [
    ("S1", "a second user where one is allowed", History(TWO_USERS, 1)),
    (
        "S1",
        "a new user after the limit was lowered",
        History([send(0, "m1", "ann")[1], LimitIs(NOW_MS + 10, 1), *send(1_000, "m2", "bob")], 2),
    ),
    (
        "S1",
        "a new user within a day of the first",
        History([*send(0, "m1", "ann"), *send(DAY_MS - 1, "m2", "bob")], 1),
    ),
    ("S2", "one message taken twice", History([start(0), taken(0), taken(5_000)])),
    (
        "S5",
        "one request with a key taken as two messages",
        History(
            [
                taken(0, "m1", request="r-1"),
                taken(1_000, "m2", request="r-1"),
                promised(2_000, "send", "m2", key="k1", body_hash="h1", request="r-1"),
            ]
        ),
    ),
    ("S3", "a POST again while the first is under way", History([start(0), start(100)])),
    ("S3", "a POST again after a timeout", History([start(0), ended(50, "unknown"), start(100)])),
    ("S4", "a refusal of what was taken", History([taken(0), promised(10, "503")])),
    ("S4", "a success of what was never taken", History([promised(10, "send")])),
    ("S4", "a delivery of what was never taken", History([told("delivered")])),
    ("S4", "a failure of what was taken, and of which Meta told no failure", History([taken(0), told("failed")])),
    (
        "S5",
        "a key that names two messages",
        History([promised(0, "queue", "m1", **ONE_KEY), promised(1, "queue", "m2", **ONE_KEY)]),
    ),
    (
        "S5",
        "a key that is answered for another body",
        History([promised(0, "queue", **ONE_KEY), promised(1, "queue", key="k1", body_hash="h2")]),
    ),
    (
        "S5",
        "a key that is refused for its own body",
        History([promised(0, "queue", **ONE_KEY), Conflicted(NOW_MS + 1, "shop", "k1", "h1")]),
    ),
    ("S6", "an offer after the opt-out", History([OptedOut(NOW_MS, "ann"), start(251)])),
    ("S7 S9", "a POST in a stopped category", History([Stopped(NOW_MS, "category", "marketing"), start(251)])),
    ("S7 S9", "a POST with a stopped template", History([Stopped(NOW_MS, "template", "offer"), start(251)])),
    ("S8", "free-form to a user who never wrote", History([start(0, category=None, template="")])),
    (
        "S8",
        "free-form a day after the user wrote",
        History([InboundSent(NOW_MS, "ann", NUMBER), start(DAY_MS, category=None, template="")]),
    ),
    ("S10", "fewer places than users", History([*TWO_USERS, CapacityTold(NOW_MS + 9_000, 1)])),
    (
        "S10",
        "a place that nobody was written to for, though nothing was disturbed",
        History([*TWO_USERS, CapacityTold(NOW_MS + 9_000, 3, undisturbed=True)]),
    ),
    ("S12", "a state behind what was heard", History([taken(0), heard(10, "delivered"), told("sent")])),
    ("S12", "a failure that beats a delivery", History([taken(0), heard(10, "delivered"), told("failed")])),
    ("S14", "a send before the books are rebuilt", History([Amnesia(NOW_MS), *send(201, "m1", "ann")])),
    (
        "S16",
        "more in a second than the number may send",
        History([start(i * 10, f"m{i}") for i in range(40)], throughput=20, burst=2),
    ),
    ("S17", "a POST after its deadline", History([promised(0, "queue", expires_at_ms=NOW_MS), start(201)])),
    ("L1", "a promise of which nothing is known", History([promised(0, "queue"), told("")])),
    ("L1", "a message that is on its way for ever", History([promised(0, "send"), taken(0), told("sending")])),
]

RIGHT: list[tuple[str, str, History]] = [
    ("S1", "as many users as allowed", History(TWO_USERS, 2)),
    ("S1", "one user twice", History([*send(0, "m1", "ann"), *send(1_000, "m2", "ann")], 1)),
    ("S1", "another user when the day is over", History([*send(0, "m1", "ann"), *send(DAY_MS, "m2", "bob")], 1)),
    ("S1", "a reply in a window", History([*send(0, "m1", "ann"), taken(9, "m2", "bob", in_window=True)], 1)),
    (
        "S1",
        "another user after Meta failed the first message",
        History([*send(0, "m1", "ann"), status(500, "failed"), *send(1_000, "m2", "bob")], 1),
    ),
    (
        "S1",
        "a user who took his place under the higher limit",
        History([*TWO_USERS, LimitIs(NOW_MS + 2_000, 1), *send(3_000, "m3", "bob")], 2),
    ),
    (
        "S1",
        "a POST that was on its way when the limit was lowered",
        History(
            [*send(0, "m1", "ann"), start(900, "m2", "bob"), LimitIs(NOW_MS + 950, 1), taken(1_000, "m2", "bob")], 2
        ),
    ),
    ("S1", "no limit", History(TWO_USERS)),
    ("S2", "two messages, each once", History(TWO_USERS)),
    ("S3", "a POST again after Meta refused it", History([start(0), ended(50, "refused"), start(100)])),
    ("S4", "a refusal of what was not taken", History([promised(10, "503"), promised(10, "reject", "m2")])),
    ("S4", "a failure that Meta told", History([taken(0), status(9, "failed"), promised(10, "send"), told("failed")])),
    ("S4", "an unknown outcome of what was taken", History([taken(0), promised(10, "unknown"), told("unknown")])),
    (
        "S5",
        "a key that is used again after a 503",
        History([promised(0, "503", "m1", **ONE_KEY), promised(1, "queue", "m2", **ONE_KEY)]),
    ),
    (
        "S5",
        "a key that is refused for another body",
        History([promised(0, "queue", **ONE_KEY), Conflicted(NOW_MS + 1, "shop", "k1", "h2")]),
    ),
    ("S6", "an offer before the opt-out, and a code after it", History([start(0), OptedOut(NOW_MS + 10, "ann")])),
    (
        "S6",
        "a code after the opt-out",
        History([OptedOut(NOW_MS, "ann"), start(999, category=Category.AUTHENTICATION)]),
    ),
    (
        "S7 S9",
        "a POST when the stop is over, and one beside it",
        History(
            [
                Stopped(NOW_MS, "category", "marketing", NOW_MS + 1_000),
                start(1_001),
                start(500, category=Category.UTILITY),
            ]
        ),
    ),
    ("S8", "free-form within the day", History([InboundSent(NOW_MS, "ann", NUMBER), start(9, category=None)])),
    ("S10", "a place for each user, and one of unknown fate", History([*TWO_USERS, CapacityTold(NOW_MS + 9_000, 3)])),
    ("S12", "a state beyond what was heard", History([taken(0), heard(10, "sent"), told("delivered")])),
    ("S14", "a send after the books are rebuilt", History([Amnesia(NOW_MS, NOW_MS + 500), *send(501, "m1", "ann")])),
    ("S14", "a reply in a window", History([Amnesia(NOW_MS), start(300), taken(300, in_window=True)])),
    (
        "S16",
        "as many in a second as the number may send",
        History([start(i * 100, f"m{i}") for i in range(40)], throughput=20, burst=2),
    ),
    ("S17", "a POST in time", History([promised(0, "queue", expires_at_ms=NOW_MS + 300), start(201)])),
    (
        "L1",
        "promises that are kept or told",
        History([promised(0, "queue"), promised(0, "unknown", "m2"), told("queued"), told("unknown", "m2")]),
    ),
    ("L1", "a refusal is no promise", History([promised(0, "503"), told("")])),
]


@pytest.mark.parametrize(("name", "history"), [(n, h) for n, _, h in WRONG], ids=[f"{n}: {w}" for n, w, _ in WRONG])
def test_a_broken_promise_is_seen(name: str, history: History) -> None:
    found = list(CHECKERS[name](history))
    assert found
    assert {violation.invariant for violation in found} <= set(name.split())
    assert set(found) <= set(check_all(history))


@pytest.mark.parametrize(("name", "history"), [(n, h) for n, _, h in RIGHT], ids=[f"{n}: {w}" for n, w, _ in RIGHT])
def test_a_kept_promise_is_no_violation(name: str, history: History) -> None:
    assert list(CHECKERS[name](history)) == []


def test_every_checker_has_a_run_that_breaks_its_promise_and_one_that_keeps_it() -> None:
    assert {name for name, _, _ in WRONG} == {name for name, _, _ in RIGHT} == set(CHECKERS)


def test_violations_are_told_in_the_order_of_time() -> None:
    history = History([start(0), start(100), start(50, "m2"), start(60, "m2")])
    assert [violation.at_ms - NOW_MS for violation in check_all(history)] == [60, 100]
