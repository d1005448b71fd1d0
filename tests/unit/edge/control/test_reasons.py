"""A reason in somebody's own words, before it is kept, shown and told to others."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("too many complaints", "too many complaints", id="words are kept as they are"),
        pytest.param("  it is over ", "it is over", id="without blanks around them"),
        pytest.param("+1 650 555-1234 complains", "+16***34 complains", id="a phone number is masked"),
        pytest.param("16505551234 complains", "16***34 complains", id="one without a plus too"),
        pytest.param("Bearer EAAGm0PX4ZCpsBA leaked", "Bearer *** leaked", id="a header with a token is masked"),
        pytest.param("EAAGm0PX4ZCpsBA leaked", "EAA*** leaked", id="a token of Meta's"),
        pytest.param("tg_Zm9vYmFyYmF6 leaked", "tg_*** leaked", id="a key of an app"),
        pytest.param("x" * 500, "x" * 500, id="of 500 characters"),
    ],
)
def test_of_a_reason_is_kept(given: str, kept: str) -> None:
    assert read_reason(given) == kept


@pytest.mark.parametrize("given", [None, 5, "", "  ", "x" * 501, "two\nlines"])
def test_what_is_no_reason_is_denied(given: Any) -> None:
    with pytest.raises(Denial, match="query reason: is required, 1 to 500"):
        read_reason(given, "query reason")


def test_a_reason_that_nobody_asks_for_may_be_left_out() -> None:
    assert read_reason(None, required=None) == ""
    with pytest.raises(Denial, match="body reason: has to be 1 to 500"):
        read_reason("", required=None)
