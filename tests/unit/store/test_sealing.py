"""What is stored of a message can be read with its key, as what it is, and as that message's only."""

from __future__ import annotations

import base64

import pytest

from tests.factories import NOW_MS, make_seal
from tidegate.store.sealing import BrokenSeal, Seal, body_name

SEAL = make_seal()
WAMID = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="


def word(text: str = "a") -> str:
    return SEAL.close_word("m1", text, NOW_MS)


@pytest.mark.parametrize(
    "text", ["", "order 5", "M\u00fcller \u0000 \U0001f600"], ids=["nothing", "a word", "any character"]
)
async def test_a_word_is_read_back_as_it_was(text: str) -> None:
    sealed = word(text)
    assert sealed.isascii()
    assert await SEAL.open_word("m1", sealed) == text
    assert sealed != word(text), "two that are equal do not look so"


@pytest.mark.parametrize(
    ("seal", "message_id", "sealed"),
    [
        pytest.param(make_seal(b"x" * 32), "m1", word(), id="by another key"),
        pytest.param(SEAL, "m2", word(), id="of another message"),
        pytest.param(SEAL, "m1", word()[:-8], id="cut"),
        pytest.param(SEAL, "m1", "no base64!", id="that is none"),
        pytest.param(SEAL, "m1", "\u00e4", id="that is no ASCII"),
        pytest.param(SEAL, "m1", "", id="of nothing"),
    ],
)
async def test_a_word_is_not_read(seal: Seal, message_id: str, sealed: str) -> None:
    with pytest.raises(BrokenSeal):
        await seal.open_word(message_id, sealed)


async def test_a_body_is_not_read_as_a_word_nor_a_word_as_a_body() -> None:
    with pytest.raises(BrokenSeal):
        await SEAL.open_word("m1", base64.b64encode(SEAL.close("m1", b"body", NOW_MS)).decode())
    with pytest.raises(BrokenSeal):
        await SEAL.open("m1", base64.b64decode(word("word")))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(body_name("m2", "1", "checkout"), id="another message"),
        pytest.param(body_name("m1", "2", "checkout"), id="another number"),
        pytest.param(body_name("m1", "1", "marketing"), id="another app"),
    ],
)
async def test_a_body_is_bound_to_its_message_number_and_app(other: str) -> None:
    name = body_name("m1", "1", "checkout")
    sealed = SEAL.close(name, b"body", NOW_MS)
    assert await SEAL.open(name, sealed) == b"body"
    with pytest.raises(BrokenSeal):
        await SEAL.open(other, sealed)


async def test_metas_id_is_found_by_its_name_and_read_by_whoever_has_the_key() -> None:
    stored = SEAL.close_wamid("m1", WAMID)
    assert stored.startswith(SEAL.wamid_index(WAMID) + "|")
    assert await SEAL.open_wamid("m1", stored) == WAMID
    assert await SEAL.open_wamid("m2", stored) is None
    assert await make_seal(b"x" * 32).open_wamid("m1", stored) is None
    assert make_seal(b"x" * 32).wamid_index(WAMID) != SEAL.wamid_index(WAMID)
