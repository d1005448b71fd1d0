"""Notes of a quarter of a second: as many as can be followed, what matters before what is usual, the rest counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tidegate.feed.event import Kind
from tidegate.feed.notes import MOST_PLAIN, MOST_REMARKABLE, Notes, Word, read_batch

SENT = Word(Kind.DECISION, "send", "checkout", "106540352242922")
REFUSED = Word(Kind.DECISION, "reject", "checkout", "106540352242922")


def noted(notes: Notes, word: Word, count: int, *, remarkable: bool = False) -> list[int]:
    """Note so many of a word; which of them were written out."""
    built: list[int] = []

    def build(i: int) -> Mapping[str, Any]:
        built.append(i)
        return {"i": i}

    for i in range(count):
        notes.note(word, i, lambda i=i: build(i), remarkable=remarkable)
    return built


def test_nothing_is_written_out_before_the_batch_is_and_nothing_that_is_left_out_ever() -> None:
    notes = Notes()
    built = noted(notes, SENT, MOST_PLAIN + 100)

    assert built == []
    batch = read_batch(notes.batch(9))
    assert built == list(range(MOST_PLAIN))
    assert batch[:MOST_PLAIN] == [(Kind.DECISION, i, {"i": i}) for i in range(MOST_PLAIN)]
    assert batch[MOST_PLAIN:] == [(Kind.LEFT_OUT, 9, {**SENT._asdict(), "count": 100})]


def test_what_somebody_might_look_into_has_room_of_its_own() -> None:
    notes = Notes()
    noted(notes, SENT, MOST_PLAIN)
    noted(notes, REFUSED, MOST_REMARKABLE + 1, remarkable=True)

    kinds = [(kind, data.get("word")) for kind, _, data in read_batch(notes.batch(0))]

    assert kinds == [(Kind.DECISION, None)] * (MOST_PLAIN + MOST_REMARKABLE) + [(Kind.LEFT_OUT, "reject")]


def test_what_could_not_be_told_is_counted_as_left_out_with_what_had_been_before() -> None:
    lost, notes = Notes(), Notes()
    noted(lost, SENT, MOST_PLAIN + 2)

    notes.leave_out(lost)

    assert [data["count"] for _, _, data in read_batch(notes.batch(0))] == [MOST_PLAIN + 2]


def test_notes_of_which_nothing_was_taken_are_empty() -> None:
    assert not Notes()


def test_a_kind_of_a_newer_version_is_left_out_of_a_batch() -> None:
    assert read_batch(orjson.dumps([["rumour", 1, {}], ["decision", 2, {"a": 1}]])) == [(Kind.DECISION, 2, {"a": 1})]
