"""Ids of events: they stand in the order of what happened, and lead back to where a reader was."""

from __future__ import annotations

import pytest

from tidegate.feed.event import EventId
from tidegate.store.feeds import EntryId


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("1790000000123-0-7", EventId(EntryId(1_790_000_000_123, 0), 7), id="an id of ours"),
        pytest.param("", None, id="nothing"),
        pytest.param("1790000000123-0", None, id="an entry's id"),
        pytest.param("1-2-3-4", None, id="too many parts"),
        pytest.param("-1-0-0", None, id="a negative number"),
        pytest.param("٣-0-0", None, id="digits of another script"),
        pytest.param("9" * 40 + "-0-0", None, id="a time beyond all bounds"),
        pytest.param("1-0-0\r\nevent: x", None, id="a line break"),
    ],
)
def test_an_id_is_read_as_it_was_written_and_nothing_else_is_one(text: str, read: EventId | None) -> None:
    assert EventId.read(text) == read
    assert read is None or str(read) == text


@pytest.mark.parametrize(
    ("entry", "before"),
    [
        pytest.param(EntryId(5, 3), EntryId(5, 2), id="within the same ms"),
        pytest.param(EntryId(5, 0), EntryId(4, 2**63), id="the last of the ms before"),
    ],
)
def test_the_entry_before_is_the_last_that_need_not_be_read_again(entry: EntryId, before: EntryId) -> None:
    assert EventId(entry, 9).before == before
    assert before < entry
