"""How a key of an app is made and recognised."""

import re

from tidegate.settings import hash_key, new_key


def test_a_key_is_marked_and_has_256_random_bits() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"tg_[A-Za-z0-9_-]{43}", key) for key in keys)


def test_the_hash_is_sha256_of_the_whole_key() -> None:
    # printf tg_example | sha256sum
    assert hash_key("tg_example") == "849bcdf2697a91c638e19b84148f16dfc88df7d48e384922ea779360f0837bc4"


def test_any_text_that_a_stranger_presents_has_a_hash() -> None:
    assert len(hash_key("\udcff")) == 64
