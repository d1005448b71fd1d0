"""What a journal remembers: every kind of entry, the order of them, and what is said again in a new file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, user
from tidegate.journal.memory import KEPT_MS, Entry, Intent, Memory, Past, intent_entry, word_entry
from tidegate.policy.users import Word

ANN, BOB = user(0), user(1)


def an_intent(message_id: str = "m1", **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "message_id": message_id,
        "attempt": 1,
        "recipient": ANN,
        "number": NUMBER,
        "place": "1",
        "window_ends_ms": 0,
        "at_ms": NOW_MS,
        "ends_ms": NOW_MS + DAY_MS,
        "about": b'{"app":"shop"}',
    }
    return Intent(**values | changes)


SENT = intent_entry(an_intent())
STOP = Word(granted=False, at_ms=NOW_MS, source="the user's own message")


def remembered(*entries: Entry) -> Past:
    memory = Memory()
    for entry in entries:
        memory.apply(entry)
    return memory.of(PORTFOLIO)


def test_nothing_is_remembered_of_a_portfolio_that_was_never_written() -> None:
    assert not remembered().remembers
    assert remembered() == Past()


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([SENT], an_intent(), id="an admitted send"),
        pytest.param(
            [SENT, ["ended", PORTFOLIO, "m1", 1, "accepted", "wamid.1"]],
            an_intent(state="accepted", wamid="wamid.1"),
            id="how its POST ended",
        ),
        pytest.param(
            [SENT, ["ended", PORTFOLIO, "m1", 1, "unknown", "wamid.1"], ["ended", PORTFOLIO, "m1", 1, "accepted", ""]],
            an_intent(state="accepted", wamid="wamid.1"),
            id="an id of Meta's that is not told again stays known",
        ),
        pytest.param(
            [SENT, ["ended", PORTFOLIO, "m1", 2, "failed", ""]],
            an_intent(),
            id="how another attempt ended says nothing of it",
        ),
        pytest.param(
            [SENT, intent_entry(an_intent(attempt=2, at_ms=NOW_MS + 5))],
            an_intent(attempt=2, at_ms=NOW_MS + 5),
            id="a later attempt takes the place of the earlier one",
        ),
        pytest.param(
            [SENT, ["delivered", PORTFOLIO, "m1", NOW_MS + 7]],
            an_intent(state="delivered", delivered_at_ms=NOW_MS + 7),
            id="its delivery, at Meta's time",
        ),
        pytest.param(
            [SENT, ["delivered", PORTFOLIO, "m1", NOW_MS + 7], ["delivered", PORTFOLIO, "m1", NOW_MS + 99]],
            an_intent(state="delivered", delivered_at_ms=NOW_MS + 7),
            id="that it was read later is no second delivery",
        ),
        pytest.param(
            [SENT, ["delivered", PORTFOLIO, "m1", NOW_MS + 7], ["ended", PORTFOLIO, "m1", 1, "accepted", "wamid.1"]],
            an_intent(state="delivered", delivered_at_ms=NOW_MS + 7, wamid="wamid.1"),
            id="of one that was delivered before it was told how its POST ended Meta's id alone is news",
        ),
        pytest.param(
            [SENT, ["ended", PORTFOLIO, "m1", 1, "failed", ""], ["ended", PORTFOLIO, "m1", 1, "accepted", "wamid.1"]],
            an_intent(state="failed", wamid="wamid.1"),
            id="so it is of one that failed before",
        ),
        pytest.param(
            [SENT, ["ended", PORTFOLIO, "m1", 1, "failed", ""], ["delivered", PORTFOLIO, "m1", NOW_MS + 7]],
            an_intent(state="delivered", delivered_at_ms=NOW_MS + 7),
            id="delivered it is whatever was told before",
        ),
        pytest.param([SENT, ["requeued", PORTFOLIO, "m1"]], None, id="what is queued again was not sent"),
        pytest.param([["ended", PORTFOLIO, "m1", 1, "accepted", "w"]], None, id="an end without a beginning"),
        pytest.param([["delivered", PORTFOLIO, "m1", NOW_MS]], None, id="a delivery without a beginning"),
        pytest.param([["requeued", PORTFOLIO, "m1"]], None, id="a return without a beginning"),
    ],
)
def test_a_send_is_remembered_as_it_was_told_last(entries: list[Entry], expected: Intent | None) -> None:
    assert remembered(*entries).intents.get("m1") == expected


@pytest.mark.parametrize(
    "intent",
    [
        pytest.param(an_intent(), id="outside a window"),
        pytest.param(an_intent(place="0", window_ends_ms=NOW_MS + 1), id="within a window"),
        pytest.param(an_intent(place="", about=b""), id="of a kind that does not count"),
        pytest.param(an_intent(recipient=bytes(range(0xF0, 0x100))), id="to a user whose name is no text"),
        pytest.param(
            an_intent(about='{"template":"größe/de"}'.encode()), id="of a template with a name of any letters"
        ),
    ],
)
def test_a_send_is_read_as_it_was_written(intent: Intent) -> None:
    assert remembered(intent_entry(intent)).intents == {"m1": intent}


def test_sends_are_kept_in_the_order_of_their_last_attempt() -> None:
    again = intent_entry(an_intent("m1", attempt=2))

    past = remembered(SENT, intent_entry(an_intent("m2")), again)

    assert list(past.intents) == ["m2", "m1"]


@pytest.mark.parametrize(
    ("entries", "windows"),
    [
        pytest.param([["window", PORTFOLIO, NUMBER, ANN.hex(), 5]], {(NUMBER, ANN): 5}, id="a user wrote"),
        pytest.param(
            [["window", PORTFOLIO, NUMBER, ANN.hex(), 5], ["window", PORTFOLIO, NUMBER, ANN.hex(), 3]],
            {(NUMBER, ANN): 5},
            id="an older message comes later",
        ),
        pytest.param(
            [["window", PORTFOLIO, NUMBER, ANN.hex(), 5], ["window", PORTFOLIO, "2", ANN.hex(), 3]],
            {(NUMBER, ANN): 5, ("2", ANN): 3},
            id="each number has a window of its own",
        ),
    ],
)
def test_the_latest_word_of_a_user_to_a_number_is_remembered(
    entries: list[Entry], windows: dict[tuple[str, bytes], int]
) -> None:
    past = remembered(*entries)

    assert (past.windows, past.remembers) == (windows, True)


def test_what_a_user_has_said_is_remembered_as_it_was_told_last() -> None:
    told = [word_entry(PORTFOLIO, ANN, {"utility": STOP}), word_entry(PORTFOLIO, ANN, {"marketing": STOP})]

    past = remembered(*told, word_entry(PORTFOLIO, BOB, {"marketing": replace(STOP, granted=True)}))

    assert past.words == {ANN: {"marketing": STOP}, BOB: {"marketing": replace(STOP, granted=True)}}
    assert past.remembers


def test_of_whom_was_erased_nothing_is_remembered() -> None:
    assert remembered(word_entry(PORTFOLIO, ANN, {"marketing": STOP}), word_entry(PORTFOLIO, ANN, {})).words == {}


def test_the_era_is_the_last_one_and_alone_no_memory_of_anything() -> None:
    past = remembered(["era", PORTFOLIO, "one"], ["era", PORTFOLIO, "two"], ["node", PORTFOLIO, "node-2", 5])

    assert (past.era, past.nodes, past.remembers) == ("two", {"node-2": 5}, False)


def test_a_node_is_remembered_from_when_it_was_heard_of_last() -> None:
    assert remembered(["node", PORTFOLIO, "node-2", 5], ["node", PORTFOLIO, "node-2", 3]).nodes == {"node-2": 5}


def test_portfolios_are_remembered_apart() -> None:
    memory = Memory()
    memory.apply(intent_entry(an_intent(portfolio="other")))

    assert memory.of("other").remembers
    assert not memory.of(PORTFOLIO).remembers


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(["tide", PORTFOLIO, 1], id="of a kind that nobody knows"),
        pytest.param(["ended", PORTFOLIO, "m1"], id="that lacks something"),
        pytest.param(["window", PORTFOLIO, NUMBER, "no hex", 1], id="of a user without a name"),
        pytest.param([], id="that is empty"),
        pytest.param(["intent"], id="of nobody"),
    ],
)
def test_an_entry_that_can_not_be_read_is_refused_and_changes_nothing(entry: Entry) -> None:
    memory = Memory()
    memory.apply(SENT)
    with pytest.raises((KeyError, ValueError, TypeError, IndexError)):
        memory.apply(entry)

    assert memory.of(PORTFOLIO).intents == {"m1": an_intent()}


@pytest.mark.parametrize(
    ("entries", "later_ms", "kept"),
    [
        pytest.param([SENT], 0, [], id="a send of that moment is forgotten"),
        pytest.param([SENT], -1, ["m1"], id="one of a moment later is kept"),
        pytest.param(
            [SENT, ["delivered", PORTFOLIO, "m1", NOW_MS + 10]], 5, ["m1"], id="a delivery counts from its own time"
        ),
        pytest.param(
            [SENT, intent_entry(an_intent("m2", at_ms=NOW_MS + 10))], 5, ["m2"], id="the older of two is forgotten"
        ),
        pytest.param(
            [SENT, ["delivered", PORTFOLIO, "m1", NOW_MS + 10], intent_entry(an_intent("m2", at_ms=NOW_MS + 1))],
            5,
            ["m1"],
            id="one that was delivered late holds back none behind it",
        ),
    ],
)
def test_a_send_is_forgotten_when_no_place_can_depend_on_it(
    entries: list[Entry], later_ms: int, kept: list[str]
) -> None:
    memory = Memory()
    for entry in entries:
        memory.apply(entry)

    memory.forget_before(NOW_MS + later_ms)

    assert list(memory.of(PORTFOLIO).intents) == kept


def test_windows_and_nodes_are_forgotten_by_their_time_and_words_never() -> None:
    memory = Memory()
    for at_ms in (NOW_MS, NOW_MS + 1):
        memory.apply(["window", PORTFOLIO, NUMBER, user(at_ms - NOW_MS).hex(), at_ms])
        memory.apply(["node", PORTFOLIO, f"node-{at_ms}", at_ms])
    memory.apply(word_entry(PORTFOLIO, ANN, {"marketing": STOP}))

    memory.forget_before(NOW_MS)

    past = memory.of(PORTFOLIO)
    assert (past.windows, past.nodes) == ({(NUMBER, BOB): NOW_MS + 1}, {f"node-{NOW_MS + 1}": NOW_MS + 1})
    assert past.words == {ANN: {"marketing": STOP}}


@pytest.mark.parametrize("again", ["sent to", "wrote"])
def test_who_is_heard_of_again_is_kept_and_holds_back_nobody_who_is_to_be_forgotten(again: str) -> None:
    memory = Memory()
    for at_ms, who in ((NOW_MS, ANN), (NOW_MS + 1, BOB), (NOW_MS + 2, ANN)):
        memory.apply(intent_entry(an_intent(f"m{at_ms}", recipient=who, at_ms=at_ms)))
        memory.apply(["window", PORTFOLIO, NUMBER, who.hex(), at_ms])

    memory.forget_before(NOW_MS + 1)

    past = memory.of(PORTFOLIO)
    left = list(past.counted) if again == "sent to" else [recipient for _, recipient in past.windows]
    assert left == [ANN]


def test_what_a_new_file_begins_with_gives_the_same_memory_but_for_the_sends() -> None:
    memory = Memory()
    for entry in (
        ["era", PORTFOLIO, "one"],
        ["node", PORTFOLIO, "node-2", 5],
        ["window", PORTFOLIO, NUMBER, ANN.hex(), 5],
        word_entry(PORTFOLIO, ANN, {"marketing": STOP, "utility": replace(STOP, granted=True)}),
        ["era", "other", "two"],
    ):
        memory.apply(entry)
    lasting = list(memory.lasting_entries())
    memory.apply(SENT)

    assert remembered(*lasting) == replace(memory.of(PORTFOLIO), intents={}, **_of_sends(Past()))
    again = Memory()
    for entry in lasting:
        again.apply(entry)
    assert again.of("other").era == "two"


def test_a_day_and_what_a_delivery_may_come_later_is_remembered() -> None:
    assert KEPT_MS > DAY_MS


def _of_sends(past: Past) -> dict[str, Any]:
    """What else follows from sends alone."""
    return {name: getattr(past, name) for name in ("counted",) if hasattr(past, name)}
