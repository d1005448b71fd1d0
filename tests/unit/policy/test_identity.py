"""One user, however the number is spelled; and nothing but a keyed hash of it."""

from __future__ import annotations

import pytest

from tidegate.cloudapi.messages import RecipientKind
from tidegate.policy.identity import Identity, canonical_phone

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("digits", "canonical"),
    [
        pytest.param("551187654321", "5511987654321", id="a Brazilian mobile number from before the ninth digit"),
        pytest.param("551167654321", "5511967654321", id="one that begins with 6, the first of the mobile range"),
        pytest.param("551199654321", "5511999654321", id="one that begins with 9"),
        pytest.param("5511987654321", "5511987654321", id="the same with its ninth digit"),
        pytest.param("551137654321", "551137654321", id="a Brazilian landline keeps its eight digits"),
        pytest.param("551157654321", "551157654321", id="one that begins with 5, the last of the landlines"),
        pytest.param("550187654321", "550187654321", id="no Brazilian area code begins with 0"),
        pytest.param("5511876543210", "5511876543210", id="thirteen digits are no old Brazilian number"),
        pytest.param("55118765432", "55118765432", id="eleven digits are none either"),
        pytest.param("5215512345678", "525512345678", id="a Mexican mobile number with the old 1"),
        pytest.param("525512345678", "525512345678", id="the same without"),
        pytest.param("521551234567", "521551234567", id="an area code that begins with 1 is no old 1"),
        pytest.param("52155123456789", "52155123456789", id="fourteen digits are no Mexican number"),
        pytest.param("15550783881", "15550783881", id="another country's number stays as it is"),
        pytest.param("5491123456789", "5491123456789", id="what no numbering plan proves equal stays apart"),
        pytest.param("", "", id="nothing stays nothing"),
    ],
)
def test_one_spelling(digits: str, canonical: str) -> None:
    assert canonical_phone(digits) == canonical
    assert canonical_phone(canonical) == canonical


def test_two_spellings_of_a_phone_are_one_user() -> None:
    identity = Identity(KEY)

    assert identity.of(RecipientKind.PHONE, "551187654321") == identity.of(RecipientKind.PHONE, "5511987654321")
    assert identity.of(RecipientKind.PHONE, "5215512345678") == identity.of(RecipientKind.PHONE, "525512345678")


def test_only_phones_have_spellings() -> None:
    identity = Identity(KEY)

    for kind in (RecipientKind.BSUID, RecipientKind.GROUP):
        assert identity.of(kind, "551187654321") != identity.of(kind, "5511987654321")


def test_the_same_text_of_two_kinds_is_two_users() -> None:
    identity = Identity(KEY)

    assert len({identity.of(kind, "15550783881") for kind in RecipientKind}) == len(RecipientKind)


def test_a_recipient_is_sixteen_bytes_that_do_not_hold_the_number() -> None:
    recipient = Identity(KEY).of(RecipientKind.PHONE, "15550783881")

    assert len(recipient) == 16
    assert b"15550783881" not in recipient


def test_another_key_makes_other_recipients_and_other_seals() -> None:
    one, other = Identity(KEY), Identity(b"x" * 32)

    assert one.of(RecipientKind.PHONE, "15550783881") == Identity(KEY).of(RecipientKind.PHONE, "15550783881")
    assert one.of(RecipientKind.PHONE, "15550783881") != other.of(RecipientKind.PHONE, "15550783881")
    assert one.seal("tg-1") != other.seal("tg-1")


def test_a_key_longer_than_the_hash_takes_counts_to_its_last_byte() -> None:
    one, other = Identity(b"k" * 100 + b"1"), Identity(b"k" * 100 + b"2")

    assert one.seal("tg-1") != other.seal("tg-1")


def test_a_seal_is_short_and_belongs_to_one_message() -> None:
    identity = Identity(KEY)

    assert len(bytes.fromhex(identity.seal("tg-1"))) == 8
    assert identity.seal("tg-1") == identity.seal("tg-1") != identity.seal("tg-2")


def test_the_key_is_shown_nowhere() -> None:
    assert "kkk" not in repr(Identity(KEY))


def test_a_mark_tells_one_key_from_another_and_nothing_of_it() -> None:
    mark = Identity(KEY).mark

    assert mark == Identity(KEY).mark != Identity(b"x" * 32).mark
    assert len(bytes.fromhex(mark)) == 8
    assert mark not in (KEY.hex(), Identity(KEY).seal("mark"))
