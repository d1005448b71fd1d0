"""A user on paper: written, read back, read by other versions; and when the paper may be thrown away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS
from tests.factories import user as recipient
from tests.unit.policy.users.specimens import ANN, opened_by
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Event, Kind, step
from tidegate.policy.users import EMPTY, User, Word, expires_at_ms, may_be_held, read_user, write_user

BOB = recipient(2)
FULL = (
    EMPTY.with_consent(Category.MARKETING, False, "wrote “STOP”", NOW_MS)
    .with_consent(Category.UTILITY, True, "a form", NOW_MS)
    .with_breaker(opened_by(131049), NOW_MS)
    .with_breaker(opened_by(131026, times=3), NOW_MS)
    .with_breaker(opened_by(131056), NOW_MS)
    .with_marketing_send(NOW_MS)
    .in_zone("Europe/Rome")
    .linked(BOB, NOW_MS)
)


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(EMPTY, id="nobody"),
        pytest.param(FULL, id="all that can be known"),
        pytest.param(EMPTY.proven_same_as(ANN, NOW_MS), id="another name"),
        pytest.param(User(probed_at_ms={"a/recipient/b": 5}), id="a probe"),
        pytest.param(EMPTY.with_words({"oracles": Word(True, 1)}), id="a category of a newer version"),
    ],
)
def test_it_reads_back_as_itself_with_the_version_it_is_kept_under(user: User) -> None:
    assert read_user(write_user(user), 0) == user
    assert read_user(write_user(user), 9).version == 9


def test_of_whom_nothing_is_known_nothing_is_written() -> None:
    assert write_user(EMPTY) == write_user(User(version=4)) == b""


@pytest.mark.parametrize(
    ("record", "may"),
    [
        pytest.param(write_user(EMPTY), False, id="nobody is not"),
        pytest.param(write_user(EMPTY.with_marketing_send(NOW_MS)), False, id="who only was written to is not"),
        pytest.param(write_user(EMPTY.with_breaker(opened_by(131049), NOW_MS)), True, id="whom a breaker holds"),
        pytest.param(write_user(EMPTY.proven_same_as(ANN, NOW_MS)), True, id="another name of somebody"),
        pytest.param(b"\x00", True, id="of whom nothing can be read"),
    ],
)
def test_who_may_be_held_is_told_without_reading_the_record(record: bytes, may: bool) -> None:
    assert may_be_held(record) is may


def test_what_is_as_in_a_new_user_or_breaker_takes_no_room() -> None:
    assert write_user(EMPTY.with_marketing_send(NOW_MS)) == b'{"marketing":[1700000000000]}'
    assert len(write_user(EMPTY.with_breaker(opened_by(131049), NOW_MS))) < 450


def test_the_record_of_another_name_is_small_enough_to_be_packed_by_the_server() -> None:
    # A hash of which no value is longer than 64 bytes takes half the room, and of these there is one a user.
    assert len(write_user(EMPTY.proven_same_as(ANN, NOW_MS))) <= 64


def altered(change: Callable[[dict[str, Any]], object]) -> bytes:
    told = json.loads(write_user(FULL))
    change(told)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda told: told.update(mood="calm"), FULL, id="a field of a newer version is left out"),
        pytest.param(lambda told: told["consent"]["marketing"].append("x"), FULL, id="so is more of a word"),
        pytest.param(
            lambda told: told["breakers"].append(told["breakers"][0] | {"scope": "planet"}),
            FULL,
            id="so is a breaker of a scope that nobody knows",
        ),
        pytest.param(lambda told: told["breakers"].append("x"), FULL, id="and what is no breaker"),
        pytest.param(lambda told: told.update(zone=5), FULL.in_zone(None), id="and a zone that is no text"),
    ],
)
def test_other_versions_records_are_read(change: Callable[[dict[str, Any]], object], expected: User) -> None:
    assert read_user(altered(change), 0) == expected


@pytest.mark.parametrize("word", [None, 5, [], ["yes", 5, "x"], [1, "x", "x"], [2, 5, "x"], {"granted": True}])
def test_a_word_that_cannot_be_understood_is_a_refusal(word: object) -> None:
    read = read_user(altered(lambda told: told["consent"].update(utility=word)), 0)

    assert read.opted_out(Category.UTILITY)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b'{"is":"12"}', id="a name of another length"),
        pytest.param(b'{"aliases":[5]}', id="an alias that is no name"),
        pytest.param(b'{"aliases":["xy"]}', id="an alias that is no hex"),
    ],
)
def test_what_is_no_record_reads_as_a_refusal_of_everything(record: bytes) -> None:
    read = read_user(record, 7)

    assert read.version == 7
    assert all(read.opted_out(category) for category in Category)


HELD = opened_by(131049)
CLOSED = step(opened_by(130403), Event(Kind.OPERATOR_CLOSE, NOW_MS, "unblocked"), NOW_MS)
assert CLOSED is not None


@pytest.mark.parametrize(
    ("user", "expires_ms"),
    [
        pytest.param(EMPTY, NOW_MS, id="nobody, now"),
        pytest.param(FULL, 0, id="a consent, never"),
        pytest.param(EMPTY.with_consent(Category.UTILITY, True, "", 1), 0, id="a yes, never"),
        pytest.param(EMPTY.in_zone("Europe/Rome"), 0, id="a zone, never"),
        pytest.param(EMPTY.with_marketing_send(NOW_MS), NOW_MS + 7 * DAY_MS, id="a send, after a week"),
        pytest.param(
            EMPTY.with_breaker(HELD, NOW_MS), NOW_MS + DAY_MS + 8 * DAY_MS, id="a hold, eight days after its end"
        ),
        pytest.param(EMPTY.with_breaker(opened_by(130403), NOW_MS), 0, id="what nothing but a proof ends, never"),
        pytest.param(EMPTY.with_breaker(CLOSED, NOW_MS), NOW_MS + 8 * DAY_MS, id="what is proven over, eight days on"),
        pytest.param(EMPTY.linked(BOB, NOW_MS), NOW_MS + 400 * DAY_MS, id="an alias, when it is long unseen"),
        pytest.param(EMPTY.proven_same_as(BOB, NOW_MS), NOW_MS + 400 * DAY_MS, id="another name, too"),
        pytest.param(
            EMPTY.with_marketing_send(NOW_MS).with_breaker(HELD, NOW_MS), NOW_MS + 9 * DAY_MS, id="several, the last"
        ),
    ],
)
def test_a_record_may_be_forgotten_when_nothing_of_it_counts_any_more(user: User, expires_ms: int) -> None:
    assert expires_at_ms(user, NOW_MS) == expires_ms
