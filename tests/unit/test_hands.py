"""What a node may have in hand of the queue: bounded for the node, shared by portfolios and numbers."""

from __future__ import annotations

from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import MORE_FOR, MOST_ON_THE_WAY, Anteroom, Hands

CODES, UPDATES, CAMPAIGN = Category.AUTHENTICATION, Category.UTILITY, Category.MARKETING
FAST, SLOW = 1_000, 80


def taken(hands: Hands, portfolio: str, number: str, messages: int) -> list[str]:
    """So many that were claimed and submitted."""
    ids = [f"{portfolio} {number} {n}" for n in range(messages)]
    for message_id in ids:
        hands.take(portfolio, number, message_id)
        hands.enter()
    return ids


def test_a_node_takes_no_more_than_it_can_start_in_time_and_codes_some_more() -> None:
    hands = Hands()
    assert hands.room("one")[CAMPAIGN] == MOST_ON_THE_WAY
    taken(hands, "one", "1", MOST_ON_THE_WAY)
    room = hands.room("one")
    assert room[CAMPAIGN] == 0
    assert room[CODES] > room[UPDATES] > 0


def test_what_waits_for_its_turn_or_for_meta_leaves_room_for_others() -> None:
    hands = Hands()
    first, second, *_ = taken(hands, "one", "1", MOST_ON_THE_WAY)
    hands.rest(first)
    hands.start(second)
    assert hands.room("one")[CAMPAIGN] == 2
    assert hands.inside == hands.on_the_way == MOST_ON_THE_WAY - 2
    hands.start(first)
    hands.end("1", first)
    hands.end("1", second)
    assert hands.room("one")[CAMPAIGN] == 2, "nobody leaves twice"


def test_what_is_being_claimed_is_taken_already() -> None:
    hands = Hands()
    hands.reserve("one", MOST_ON_THE_WAY)
    assert hands.room("two")[CAMPAIGN] == 0
    hands.reserve("one", -MOST_ON_THE_WAY)
    assert hands.room("two")[CAMPAIGN] == MOST_ON_THE_WAY


def test_portfolios_that_have_something_to_send_share_the_room() -> None:
    hands = Hands()
    hands.hungry["two"] = None
    share = hands.room("one")[CAMPAIGN]
    assert share == MOST_ON_THE_WAY // 2
    taken(hands, "one", "1", share)
    assert hands.room("one")[CAMPAIGN] == 0
    assert hands.room("two")[CAMPAIGN] == share


def test_of_a_number_a_claim_brings_what_it_takes_at_once() -> None:
    hands = Hands()
    assert hands.most("1", FAST) == 10
    assert hands.most("2", SLOW) == 2
    assert hands.most("2", SLOW) + MORE_FOR[CODES] > 2


def test_a_number_is_given_up_on_while_enough_of_it_waits_in_line() -> None:
    hands = Hands()
    first, *rest = taken(hands, "one", "1", 40)
    assert hands.most("1", SLOW) == 0
    assert hands.most("1", SLOW) + MORE_FOR[CODES] > 0
    hands.rest(first)
    assert hands.most("1", SLOW) == 0, "who waits for its turn is still in line"
    for message_id in (first, *rest):
        hands.start(message_id)
    assert hands.most("1", SLOW) == 2


def test_meta_has_no_more_of_a_number_than_it_sends_in_a_second() -> None:
    hands = Hands()
    ids = taken(hands, "one", "1", SLOW)
    for message_id in ids:
        hands.start(message_id)
    assert hands.most("1", SLOW) == 0
    hands.end("1", ids[0])
    assert hands.most("1", SLOW) == 1


def test_the_urgent_go_in_first_and_of_so_many_one_is_the_least_urgent() -> None:
    anteroom: Anteroom[str] = Anteroom(floor_every=4)
    for n in range(3):
        anteroom.put(CAMPAIGN, f"offer {n}")
        anteroom.put(CODES, f"code {n}")
    anteroom.put(UPDATES, "parcel")
    order = [anteroom.next() for _ in range(8)]
    assert order == ["code 0", "code 1", "code 2", "offer 0", "parcel", "offer 1", "offer 2", None]
