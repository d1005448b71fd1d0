"""How a key of an app is made and recognised."""

import re

import pytest

from tidegate.settings import hash_key, new_key
from tidegate.settings.app_keys import environment_of


def test_a_key_is_marked_and_has_256_random_bits() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"tg_[A-Za-z0-9_-]{43}", key) for key in keys)


def test_the_hash_is_sha256_of_the_whole_key() -> None:
    # printf tg_example | sha256sum
    assert hash_key("tg_example") == "849bcdf2697a91c638e19b84148f16dfc88df7d48e384922ea779360f0837bc4"


def test_any_text_that_a_stranger_presents_has_a_hash() -> None:
    assert len(hash_key("\udcff")) == 64


@pytest.mark.parametrize("environment", ["prod", "p", "stage2", "a123456789012345"])
def test_a_key_names_the_environment_that_it_was_made_for(environment: str) -> None:
    key = new_key(environment)
    assert re.fullmatch(rf"tg_{environment}_[A-Za-z0-9_-]{{43}}", key)
    assert environment_of(key) == environment


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("tg_checkout", id="a key of somebody's own making"),
        pytest.param("tg_" + "prod_" + "x" * 38, id="an old one whose random part looks like a name"),
        pytest.param("tg_PROD_" + "x" * 43, id="capitals"),
        pytest.param("prod_" + "x" * 43, id="no mark"),
    ],
)
def test_any_other_key_names_none(key: str) -> None:
    assert environment_of(key) is None
