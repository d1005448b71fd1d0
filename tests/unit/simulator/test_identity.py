"""Users by phone number and by user id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.simulator.identity import user_by_any, user_by_id, user_by_phone


@pytest.mark.parametrize(
    ("spelling", "wa_id"),
    [
        pytest.param("+1 (650) 555-1234", "16505551234", id="plus, spaces, brackets and hyphens are ignored"),
        pytest.param("16505551234", "16505551234", id="digits alone are enough"),
        pytest.param("+5511987654321", "551187654321", id="a Brazilian mobile loses its ninth digit"),
        pytest.param("551187654321", "551187654321", id="its short form stays"),
    ],
)
def test_spellings_of_one_phone_number(spelling, wa_id):
    user = user_by_phone(spelling)
    assert user is not None
    assert user.wa_id == user.key == wa_id


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param("", id="nothing"),
        pytest.param("123456", id="six digits"),
        pytest.param("1234567890123456", id="sixteen digits"),
        pytest.param("\uff11\uff16\uff15\uff10\uff15\uff15\uff15", id="full-width digits"),
        pytest.param("US.1", id="a user id"),
    ],
)
def test_no_phone_number(spelling):
    assert user_by_phone(spelling) is None


@given(st.integers(10**6, 10**15 - 1))
def test_the_user_id_of_a_phone_leads_back_to_it(number):
    by_phone = user_by_phone(str(number))
    assert by_phone is not None
    assert user_by_id(by_phone.user_id) == by_phone


def test_a_foreign_user_id_is_a_user_without_a_phone():
    user = user_by_id("US.27711208655302745501")
    assert user is not None
    assert (user.wa_id, user.key) == (None, "US.27711208655302745501")


@pytest.mark.parametrize("text", ["", "US.", "us.1", "US.a b", "US." + "1" * 129])
def test_no_user_id(text):
    assert user_by_any(text) is None


def test_a_user_shows_no_phone_number_in_its_repr():
    assert "16505551234" not in repr(user_by_phone("16505551234"))
