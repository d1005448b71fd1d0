"""What is stored of a message can be read with its key, as what it is, and as that message's only."""

from __future__ import annotations

import base64

import pytest

from tidegate.store.sealing import BrokenSeal, Seal

SEAL = Seal(b"k" * 32)


@pytest.mark.parametrize(
    "word", ["", "order 5", "Müller \u0000 \U0001f600"], ids=["nothing", "a word", "any character"]
)
def test_a_word_is_read_back_as_it_was(word: str) -> None:
    sealed = SEAL.close_word("m1", word)
    assert sealed.isascii()
    assert SEAL.open_word("m1", sealed) == word
    assert sealed != SEAL.close_word("m1", word), "two that are equal do not look so"


@pytest.mark.parametrize(
    ("seal", "message_id", "sealed"),
    [
        pytest.param(Seal(b"x" * 32), "m1", SEAL.close_word("m1", "a"), id="by another key"),
        pytest.param(SEAL, "m2", SEAL.close_word("m1", "a"), id="of another message"),
        pytest.param(SEAL, "m1", SEAL.close_word("m1", "a")[:-8], id="cut"),
        pytest.param(SEAL, "m1", "no base64!", id="that is none"),
        pytest.param(SEAL, "m1", "ä", id="that is no ASCII"),
        pytest.param(SEAL, "m1", "", id="of nothing"),
    ],
)
def test_a_word_is_not_read(seal: Seal, message_id: str, sealed: str) -> None:
    with pytest.raises(BrokenSeal):
        seal.open_word(message_id, sealed)


def test_a_body_is_not_read_as_a_word_nor_a_word_as_a_body() -> None:
    with pytest.raises(BrokenSeal):
        SEAL.open_word("m1", base64.b64encode(SEAL.close("m1", b"body")).decode())
    with pytest.raises(BrokenSeal):
        SEAL.open("m1", base64.b64decode(SEAL.close_word("m1", "word")))
