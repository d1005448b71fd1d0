"""Every key has one name, and a portfolio's keys live together."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from redis.crc import key_slot

from tidegate.store import keys
from tidegate.store.keys import NAMES, PortfolioKeys
from tidegate.store.scripts import StoreClient, script, script_names

LUA = resources.files("tidegate.store").joinpath("lua")


def lua_names() -> list[str]:
    text = LUA.joinpath("_keys.lua").read_text()
    [names] = re.findall(r"local KEY_NAMES = '([^']*)'", text)
    return [name for name in names.split() if name != "\\"]


def test_the_scripts_and_python_name_the_same_keys_in_the_same_order() -> None:
    assert lua_names() == list(NAMES)


async def test_a_script_calls_each_key_by_its_name(client: StoreClient) -> None:
    own = PortfolioKeys("p")
    text = LUA.joinpath("_keys.lua").read_text() + "local k, named = keys_of(0), {}\n"
    text += "for i, name in ipairs(ARGV) do named[i] = k[name] or '' end\nreturn named\n"

    async def named(*names: str) -> list[bytes]:
        return list(await client.execute_command("EVAL", text, len(own.all), *own.all, *names))

    assert await named(*(name.removesuffix(":") for name in NAMES)) == [own.named(name) for name in NAMES]
    assert await named("place", "laces", "") == [b""] * 3


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

    assert used <= {name.removesuffix(":") for name in lua_names()}


def test_a_portfolios_keys_are_of_one_slot() -> None:
    own = PortfolioKeys("lucky-shrub")
    written = own.all
    single = [own.clock, own.ledger, own.standing, own.history, own.message("m1"), own.wamid("w1")]

    slots = {key_slot(key) for key in written} | {key_slot(key.encode()) for key in single}

    assert len(slots) == 1


def test_two_portfolios_share_no_key() -> None:
    assert not set(PortfolioKeys("red").all) & set(PortfolioKeys("red:blue").all)


def test_a_script_is_given_a_key_that_never_is_beside_one_that_always_is() -> None:
    own = PortfolioKeys("p")

    assert own.all == [own.clock.encode(), own.ledger.encode()]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (PortfolioKeys("p").standing, "standing"),
        (PortfolioKeys("p").history, "history"),
        (PortfolioKeys("p").message("m1"), "message:m1"),
        (PortfolioKeys("p").wamid("w1"), "wamid:w1"),
        (PortfolioKeys("p").once("app:d1"), "once:app:d1"),
    ],
    ids=lambda value: value if ":{" not in value else "",
)
def test_a_key_begins_with_its_portfolio(key: str, name: str) -> None:
    assert key == f"tidegate:{{p}}:{name}"
