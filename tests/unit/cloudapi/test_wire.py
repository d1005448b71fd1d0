"""Single values of a webhook are read, or are nothing; none raises, whatever its type."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cloudapi.wire import (
    Unreadable,
    read_id,
    read_integer,
    read_list,
    read_object,
    read_phone,
    read_text,
    read_time_ms,
    read_word,
    required,
)


@pytest.mark.parametrize(
    ("read", "wire", "value"),
    [
        (read_object, {"a": 1}, {"a": 1}),
        (read_object, [], {}),
        (read_object, None, {}),
        (read_list, [1], [1]),
        (read_list, {}, []),
        (read_text, "Hello", "Hello"),
        (read_text, "", None),
        (read_text, 5, None),
        (read_text, "x" * 65_537, None),
        (read_word, "FIRST_PAUSE", "FIRST_PAUSE"),
        (read_word, "two words", None),
        (read_word, "line\n", None),
        (read_word, 5, None),
        (read_id, "wamid.x", "wamid.x"),
        (read_id, 1689556908129832, "1689556908129832"),
        (read_id, 0, "0"),
        (read_id, -1, None),
        (read_id, True, None),
        (read_id, "a b", None),
        (read_id, "a\n", None),
        (read_id, None, None),
        (read_phone, "16505551234", "16505551234"),
        (read_phone, "+16505551234", "16505551234"),
        (read_phone, "1650555123x", None),
        (read_phone, "١٦٥٠٥٥٥", None),
        (read_phone, 16505551234, None),
        (read_integer, 5, 5),
        (read_integer, True, None),
        (read_integer, "5", None),
        (read_time_ms, 1795176000, 1_795_176_000_000),
        (read_time_ms, "1795176000", 1_795_176_000_000),
        (read_time_ms, 1, 1_000),
        (read_time_ms, 253_402_300_799, 253_402_300_799_000),
        (read_time_ms, 253_402_300_800, None),
        (read_time_ms, 1_795_176_000_000, None),
        (read_time_ms, 0, None),
        (read_time_ms, -5, None),
        (read_time_ms, True, None),
        (read_time_ms, 1795176000.0, None),
        (read_time_ms, "9" * 21, None),
        (read_time_ms, "1_795", None),
        (read_time_ms, "١٧٩٥١٧٦٠٠٠", None),
        (read_time_ms, "1795176000\n", None),
        (read_time_ms, None, None),
    ],
    ids=lambda value: value.__name__ if callable(value) else repr(value)[:40],
)
def test_a_value_is_read_or_is_nothing(read: Callable[[object], object], wire: object, value: object) -> None:
    assert read(wire) == value


def test_what_is_required_is_there_or_unreadable() -> None:
    assert required(0) == 0
    assert required("") == ""
    with pytest.raises(Unreadable):
        required(None)


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.none())
    | st.dictionaries(st.text(), st.none())
)
def test_no_value_raises(wire: object) -> None:
    for read in (
        read_id,
        read_integer,
        read_list,
        read_object,
        read_phone,
        read_text,
        read_time_ms,
        read_word,
    ):
        read(wire)
