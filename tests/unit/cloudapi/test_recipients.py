"""One user, one spelling; and what could be two users, or nobody, is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cloudapi.recipients import canonical_phone, is_bsuid, is_group_id

ONE_USER = ["491701234567", "+491701234567", "+49 170 1234567", "+49-170-1234567", "(+49) 170 1234567"]
ONE_USER += ["00491701234567", "0049 170 1234567", " +49 170 1234567 ", "+49 (170) 12-34-567"]


@pytest.mark.parametrize("text", ONE_USER)
def test_spellings_of_one_number_are_one_number(text: str) -> None:
    assert canonical_phone(text) == "491701234567"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "123456",
        "+1234567890123456",
        "01701234567",
        "000491701234567",
        "+00491701234567",
        "00+491701234567",
        "++491701234567",
        "+49+1701234567",
        "491701234567+",
        "+49 (0) 170 1234567",
        "+49 ( 0 )1701234567",
        "tel:+491701234567",
        "+491701234567;ext=5",
        "+491701234567\n",
        "\t+491701234567",
        "+49\u200b1701234567",
        "+49\u00a01701234567",
        "+49.170.1234567",
        "+49/1701234567",
        "４９１７０１２３４５６７",
        "٤٩١٧٠١٢٣٤٥٦٧",
        "+1-800-FLOWERS",
        "4917_01234567",
        "US.13491208655302741918",
        "4.91701234567e11",
        "-" * 100,
    ],
    ids=repr,
)
def test_what_is_no_international_number_is_refused(text: str) -> None:
    assert canonical_phone(text) is None


@pytest.mark.parametrize("digits", ["1234567", "123456789012345"])
def test_the_shortest_and_the_longest_number_are_read(digits: str) -> None:
    assert canonical_phone(digits) == digits


@given(st.text(max_size=30))
def test_any_text_gives_ascii_digits_or_nothing(text: str) -> None:
    phone = canonical_phone(text)
    assert phone is None or (phone.isascii() and phone.isdigit() and canonical_phone(phone) == phone)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("US.13491208655302741918", True),
        ("US.ENT.11815799212886844830", True),
        ("DE." + "a" * 128, True),
        ("DE." + "a" * 129, False),
        ("us.13491208655302741918", False),
        ("USA.1", False),
        ("US.", False),
        ("US.1\n", False),
        ("US.٣", False),
        ("+16505551234", False),
    ],
    ids=repr,
)
def test_a_business_scoped_user_id_is_told_by_its_form(text: str, is_one: bool) -> None:
    assert is_bsuid(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD", True),
        ("120363404694233820@g.us", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("ä", False),
        ("a" * 257, False),
    ],
    ids=repr,
)
def test_a_group_id_is_any_opaque_id(text: str, is_one: bool) -> None:
    assert is_group_id(text) is is_one
