"""What is wrapped comes back, and nothing else passes for ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cloudapi.opaque import unwrap_opaque, wrap_opaque

LETTERS = "abcXYZ019-_="


@given(
    st.text(LETTERS + ".", min_size=1, max_size=200),
    st.text(LETTERS, min_size=1, max_size=128),
)
def test_what_is_wrapped_comes_back(message_id: str, mac: str) -> None:
    assert unwrap_opaque(wrap_opaque(message_id, mac)) == (message_id, mac)


def test_the_wrapping_is_short_and_names_its_version() -> None:
    assert wrap_opaque("0192f0c1", "9a8b7c6d") == "tg1.0192f0c1.9a8b7c6d"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tg1.",
        "tg1.a",
        "tg1.a.",
        "tg1..b",
        "tg2.a.b",
        "g1.a.b",
        "cmp=blackfriday;attempt=1",
        "tg1.a.b\n",
        "tg1.a b.c",
        "tg1.ä.c",
        " tg1.a.b",
        "tg1." + "a" * 201 + ".b",
    ],
    ids=repr,
)
def test_callback_data_of_others_is_not_ours(text: str) -> None:
    assert unwrap_opaque(text) is None


@pytest.mark.parametrize(
    ("message_id", "mac"),
    [("", "m"), ("a", ""), ("a b", "m"), ("a", "m.n"), ("a" * 201, "m")],
    ids=["no id", "no code", "a space in the id", "a period in the code", "an id too long"],
)
def test_what_could_not_come_back_is_not_wrapped(message_id: str, mac: str) -> None:
    with pytest.raises(ValueError, match="cannot be wrapped"):
        wrap_opaque(message_id, mac)
