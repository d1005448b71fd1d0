"""Recipients that hold a place, put into the books by the gateway's own fragments, thousands in a call."""

from __future__ import annotations

import secrets
from typing import Final

from redis.asyncio import Redis

from tidegate.store import scripts
from tidegate.store.keys import PortfolioKeys

_AT_ONCE: Final = 5_000
_FILL: Final = """
local k, now = keys_of(0), now_ms(KEYS[1])
math.randomseed(tonumber(ARGV[1]))
for i = 1, tonumber(ARGV[2]) do
  local bytes = {}
  for b = 1, 16 do bytes[b] = string.char(math.random(0, 255)) end
  local place = place_load(k, table.concat(bytes))
  local ends = now + math.random(3600000, 86400000)
  if ARGV[3] == '1' then place.counted = ends
  else place.holds[ARGV[4] .. string.format('%026d', i)] = { expected = ends, ends = ends + 2592000000 } end
  place_save(k, place, now)
end
"""


async def fill(client: Redis, portfolio: str, recipients: int, *, settled: bool = True) -> float:
    """Count so many recipients in a portfolio that has none; bytes that each of them takes.

    Settled: their delivery is known. Else each has a message of unknown fate.
    """
    before = await _used(client)
    fragments = "\n".join(scripts._read(scripts._LUA, name, "_") for name in ("keys", "time", "places", "holders"))
    message = f"tg{secrets.token_hex(4)}-"
    keys = PortfolioKeys(portfolio)
    for begin in range(0, recipients, _AT_ONCE):
        args = [begin, min(_AT_ONCE, recipients - begin), int(settled), message]
        await client.execute_command("EVAL", fragments + _FILL, len(keys.all), *keys.all, *args)  # type: ignore[no-untyped-call]  # it has no hints
    return (await _used(client) - before) / await counted(client, portfolio)


async def counted(client: Redis, portfolio: str) -> int:
    """How many recipients hold a place."""
    return int(await client.hget(PortfolioKeys(portfolio).ledger, "used") or 0)


async def _used(client: Redis) -> int:
    # What was freed before is not to be counted.
    await client.execute_command("MEMORY", "PURGE")  # type: ignore[no-untyped-call]  # it has no hints
    used: int = (await client.info("memory"))["used_memory"]
    return used
