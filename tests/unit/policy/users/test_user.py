"""What is known of a user, and what changes it: words in any order, breakers, sends, other names."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.factories import DAY_MS, NOW_MS
from tests.factories import user as recipient
from tests.unit.policy.users.specimens import ANN, opened_by
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Event, Kind, State, state_at, step
from tidegate.policy.users import EMPTY, User, Word

MARKETING, UTILITY, AUTHENTICATION = Category.MARKETING, Category.UTILITY, Category.AUTHENTICATION
BOB = recipient(2)


@pytest.mark.parametrize(
    ("first", "second", "granted"),
    [
        pytest.param((True, 1), (False, 2), False, id="a refusal after a consent"),
        pytest.param((False, 1), (True, 2), True, id="a consent after a refusal"),
        pytest.param((False, 2), (True, 1), False, id="an older consent that comes late"),
        pytest.param((True, 2), (False, 1), True, id="an older refusal that comes late"),
        pytest.param((True, 1), (False, 1), False, id="of two at one time the refusal"),
        pytest.param((False, 1), (True, 1), False, id="whichever of them comes first"),
    ],
)
def test_the_newest_word_counts(first: tuple[bool, int], second: tuple[bool, int], granted: bool) -> None:
    user = EMPTY
    for word in (first, second):
        user = user.with_consent(MARKETING, word[0], "a test", word[1])

    assert (user.opted_in(MARKETING), user.opted_out(MARKETING)) == (granted, not granted)


def test_words_in_any_order_and_number_end_in_the_same_consent() -> None:
    words = [(True, 1), (False, 2), (True, 2), (True, 3), (False, 3)]

    ends = set()
    for order in permutations(words):
        user = EMPTY
        for granted, at_ms in (*order, order[0]):
            user = user.with_consent(MARKETING, granted, "a test", at_ms)
        ends.add((user.consents["marketing"].granted, user.consents["marketing"].at_ms))

    assert ends == {(False, 3)}


def test_a_word_on_one_category_says_nothing_of_another() -> None:
    user = EMPTY.with_consent(MARKETING, False, "a test", 1)

    assert [user.opted_out(category) for category in Category] == [False, False, True]
    assert not any(user.opted_in(category) for category in Category)


def test_a_word_on_all_is_a_word_on_each() -> None:
    user = EMPTY.with_consent(UTILITY, True, "a test", 5).with_consent(None, False, "a test", 4)

    assert (user.opted_out(MARKETING), user.opted_out(AUTHENTICATION), user.opted_in(UTILITY)) == (True, True, True)


def test_a_word_that_changes_nothing_leaves_the_user_as_it_is() -> None:
    user = EMPTY.with_consent(MARKETING, False, "a test", 5)

    assert user.with_consent(MARKETING, True, "a test", 4) is user
    assert user.with_consent(MARKETING, False, "heard again", 5) is user


def test_a_category_of_a_newer_version_is_kept_as_it_is() -> None:
    user = EMPTY.with_words({"oracles": Word(False, 1)}).with_consent(MARKETING, True, "a test", 1)

    assert set(user.refused) == {"oracles"}


def test_a_closed_breaker_is_forgotten_after_eight_days() -> None:
    closed = opened_by(131049)
    assert closed.until_ms is not None
    other = opened_by(131056, closed.until_ms)

    before = EMPTY.with_breaker(closed, NOW_MS).with_breaker(other, closed.until_ms + 8 * DAY_MS - 1)
    after = EMPTY.with_breaker(closed, NOW_MS).with_breaker(other, closed.until_ms + 8 * DAY_MS)

    assert (set(before.breakers), set(after.breakers)) == ({closed.id, other.id}, {other.id})


def test_a_breaker_takes_the_place_of_what_was_known_of_it() -> None:
    opened = opened_by(130403)
    closed = step(opened, Event(Kind.OPERATOR_CLOSE, NOW_MS + 1, "unblocked"), NOW_MS + 1)
    assert closed is not None

    user = EMPTY.with_breaker(opened, NOW_MS).with_breaker(closed, NOW_MS + 1)

    assert [state_at(breaker, NOW_MS + 1) for breaker in user.breakers.values()] == [State.CLOSED]


def test_marketing_sends_are_kept_for_a_week() -> None:
    user = EMPTY.with_marketing_send(NOW_MS).with_marketing_send(NOW_MS + 7 * DAY_MS - 1)
    assert user.marketing_sent_at_ms == (NOW_MS, NOW_MS + 7 * DAY_MS - 1)

    assert user.with_marketing_send(NOW_MS + 7 * DAY_MS).marketing_sent_at_ms == (
        NOW_MS + 7 * DAY_MS - 1,
        NOW_MS + 7 * DAY_MS,
    )


def test_no_more_sends_are_kept_than_a_cap_can_count() -> None:
    user = EMPTY
    for at_ms in range(NOW_MS, NOW_MS + 1_005):
        user = user.with_marketing_send(at_ms)

    assert (len(user.marketing_sent_at_ms), user.marketing_sent_at_ms[0]) == (1_000, NOW_MS + 5)


def test_another_name_of_a_user_keeps_nothing_but_the_pointer() -> None:
    user = User(version=7).with_consent(None, False, "a test", 1).in_zone("Europe/Rome")

    pointer = user.proven_same_as(ANN, NOW_MS)

    assert pointer == User(version=7, same_as=ANN, seen_at_ms=NOW_MS)
    assert pointer.proven_same_as(ANN, NOW_MS - 1) == pointer


def test_what_was_known_under_two_names_is_brought_together() -> None:
    one = EMPTY.with_consent(MARKETING, True, "a test", 1).with_marketing_send(NOW_MS + 5).linked(BOB, 3)
    other = EMPTY.with_consent(MARKETING, False, "a test", 2).with_marketing_send(NOW_MS).in_zone("Europe/Rome")

    merged = one.merged(other)

    assert (merged.opted_out(MARKETING), merged.marketing_sent_at_ms) == (True, (NOW_MS, NOW_MS + 5))
    assert (merged.zone, merged.aliases, merged.seen_at_ms) == ("Europe/Rome", frozenset({BOB}), 3)
    assert one.in_zone("Asia/Tokyo").merged(other).zone == "Asia/Tokyo"
    assert one.merged(EMPTY) == one


def test_of_two_breakers_under_two_names_the_stricter_stays() -> None:
    short, long = opened_by(131049), opened_by(131049, NOW_MS + 1)
    one, other = EMPTY.with_breaker(short, NOW_MS), EMPTY.with_breaker(long, NOW_MS + 1)

    assert one.merged(other).breakers == other.merged(one).breakers == {long.id: long}


def test_who_is_linked_shares_no_more_than_that() -> None:
    user = EMPTY.linked(BOB, NOW_MS)

    assert (user.aliases, user.unlinked(BOB).aliases, user.refused) == (frozenset({BOB}), frozenset(), {})


def test_an_erased_user_leaves_the_refusals_without_where_they_are_known_from() -> None:
    user = User(version=3).with_consent(MARKETING, False, "wrote STOP", 5).with_consent(UTILITY, True, "a form", 5)
    user = user.in_zone("Europe/Rome").with_marketing_send(NOW_MS).linked(BOB, NOW_MS)

    assert user.bare_refusals() == User(version=3, consents={"marketing": Word(False, 5, "")})
    assert EMPTY.with_marketing_send(NOW_MS).bare_refusals() == EMPTY


def test_nothing_personal_is_shown() -> None:
    user = EMPTY.with_consent(MARKETING, False, "asked by ann@example.org", 5).in_zone("Europe/Rome")
    user = user.linked(BOB, 1)

    assert not any(word in repr(user) for word in ("ann@", "Rome", repr(BOB)))
