"""Every key has one name, and a portfolio's keys live together."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from redis.crc import key_slot

from tidegate.store import keys
from tidegate.store.keys import NAMES, PortfolioKeys
from tidegate.store.scripts import script, script_names

LUA = resources.files("tidegate.store").joinpath("lua")


def lua_names() -> list[str]:
    text = LUA.joinpath("_keys.lua").read_text()
    [table] = re.findall(r"local KEY_NAMES = \{([^}]*)\}", text)
    return re.findall(r"'([a-z_]+)'", table)


def test_the_scripts_and_python_name_the_same_keys_in_the_same_order() -> None:
    assert lua_names() == [name.removesuffix(":") for name in NAMES]


def test_the_keys_are_documented() -> None:
    assert keys.__doc__ is not None
    rows = re.findall(r"^\| ([a-z_]+)[:a-z<>]* \|", keys.__doc__, re.MULTILINE)
    block = [name.removesuffix(":") for name in NAMES]
    assert [row for row in rows if row in block] == block
    # What scripts do not take has a name of its own.
    assert [row for row in rows if row not in (*block, "key") and not hasattr(PortfolioKeys, row)] == []


@pytest.mark.parametrize("name", script_names())
def test_a_script_names_no_key_that_is_not_of_the_block(name: str) -> None:
    used = set(re.findall(r"\bk\.([a-z_]+)", script(name).text))

    assert used <= set(lua_names())


def test_a_portfolios_keys_are_of_one_slot() -> None:
    own = PortfolioKeys("lucky-shrub")
    written = [key + b"1" if key.endswith(b":") else key for key in own.all]
    single = [own.clock, own.ledger, own.standing, own.history, own.message("m1"), own.wamid("w1")]

    slots = {key_slot(key) for key in written} | {key_slot(key.encode()) for key in single}

    assert len(slots) == 1


def test_two_portfolios_share_no_key() -> None:
    assert not set(PortfolioKeys("red").all) & set(PortfolioKeys("red:blue").all)


def test_the_single_keys_are_those_of_the_block() -> None:
    own = PortfolioKeys("p")
    block = dict(zip(NAMES, own.all, strict=True))

    assert own.clock.encode() == block["clock"]
    assert own.ledger.encode() == block["ledger"]
    assert own.standing.encode() == block["standing"]
    assert own.history.encode() == block["history"]
    assert own.message("m1").encode() == block["message:"] + b"m1"
    assert own.wamid("w1").encode() == block["wamid:"] + b"w1"
    assert own.idempotency("app", "d1") == "tidegate:{p}:idempotency:app:d1"
