"""`python -m loadtest.bench.floor`: what a send costs the store, and what is left of it where nobody judges.

In turns, on an embedded server of this run's own, for sends told in the same words, 24 in a call of `admit` and
32 in one of `settle`: words that are taken and answered; scripts that read and write as much and judge nothing; and the
scripts that judge. What reading and writing take is the least that a send does with such books, in Lua. Linux only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Final, NamedTuple

import typer
import uvloop
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from loadtest.bench.speed import machine
from loadtest.bench.speed.configs import Estate
from loadtest.bench.speed.rounds import Spread
from loadtest.bench.speed.stage import stage
from tidegate.journal import Intent
from tidegate.policy.facts import NO_LIMIT, Tally, Terms
from tidegate.policy.warning_counts import KEEP_MS
from tidegate.store.asks import Ask, Questions
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import DAY_MS, LATE_MS, UNRESOLVED_MS
from tidegate.store.outcomes import REACH_MS
from tidegate.store.scripts import Script, script
from tidegate.store.statuses import REMEMBER_MS

ADMITTED_TOGETHER: Final = 24
SETTLED_TOGETHER: Final = 32
_ESTATE: Final = Estate()
_PORTFOLIO: Final = _ESTATE.portfolio(0)
_KEYS: Final = PortfolioKeys(_PORTFOLIO)
_FOREVER_MS: Final = 10**13
#: A warm server has run its scripts and grown its tables.
_WARM: Final = 1_536
_FOLDER: Final = files("loadtest.bench.floor")
_ABOUT: Final = (
    b'{"app":"bench","number":"%b","waba":"102290129340398","category":"utility","type":"template",'
    b'"template":"order_update/en_US","rules":"fd7f8c9b90b8"}'
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Way(NamedTuple):
    """Scripts that admit and settle, in one manner."""

    admit: Script
    settle: Script


WAYS: Final = {
    "words": Way(Script("words", _FOLDER), Script("words", _FOLDER)),
    "reads and writes": Way(Script("admit", _FOLDER), Script("settle", _FOLDER)),
    "sends": Way(script("admit"), script("settle")),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a send took: the server's microseconds, and what is there afterwards."""

    us: float
    keys: float
    bytes: float


def _terms() -> Terms:
    spent = Tally("spend:USD:waba:102290129340398", 10_000, 10**14, only_new=False, expires_at_ms=_FOREVER_MS)
    return Terms(
        epoch=0, needs_window=False, counts=True, places=10**9, limit_places=10**9, category_places=NO_LIMIT,
        hold_ms=31 * DAY_MS, window_margin_ms=10_000, pair_emission_ms=6_000, pair_tolerance_ms=264_000,
        throughput_emission_us=1_000, throughput_tolerance_us=10_000_000, tallies=(spent,),
    )  # fmt: skip


def _asks(terms: Terms, first: int, count: int) -> list[Ask]:
    """So many sends, each by another number to a user of its own, that claim to be the only ones of their kind."""
    asks = []
    for n in range(first, first + count):
        number = _ESTATE.number(0, n % _ESTATE.numbers_each)
        intent = Intent(_PORTFOLIO, f"tgbench{n:030}", 1, secrets.token_bytes(16), number, _ABOUT % number.encode())
        once = Entry(_PORTFOLIO, f"bench:same-{n:032}", "", intent.message_id, 120_000)
        asks.append(Ask(intent, terms, _FOREVER_MS, once))
    return asks


def _ended(asks: Sequence[Ask]) -> list[Any]:
    """How Meta took them, as the ledger tells `settle`."""
    args: list[Any] = [REMEMBER_MS, UNRESOLVED_MS, LATE_MS, KEEP_MS, REACH_MS, 1, b"", "0 1 accepted 0 accepted"]
    for ask in asks:
        assert ask.once is not None
        id_ = ask.intent.message_id
        answer = f"{ask.intent.at_ms} {id_} \n".encode() + secrets.token_bytes(400)
        args += (id_, f"{secrets.token_hex(16)}|{secrets.token_urlsafe(90)}", ask.once.name, answer)
    return args


async def _run(client: Redis, script: Script, keys: Sequence[bytes], args: Sequence[Any]) -> list[Any]:
    answer: list[Any] = await client.evalsha(script.sha, len(keys), *keys, *args)
    return answer


async def _send(client: Redis, way: Way, first: int, count: int) -> None:
    """Admit and settle so many. Raises RuntimeError where one was not taken."""
    terms, questions, waiting = _terms(), Questions({_PORTFOLIO: _KEYS}), []
    for begin in range(first, first + count, ADMITTED_TOGETHER):
        asks = _asks(terms, begin, ADMITTED_TOGETHER)
        answer = await _run(client, way.admit, *questions.of(asks))
        if way is WAYS["sends"] and len(answer) != 1 + 2 * len(asks):
            raise RuntimeError("a send was not taken as most are: nothing was measured")
        for ask in asks:
            ask.intent.at_ms = answer[0]
        waiting += asks
        while len(waiting) >= SETTLED_TOGETHER:
            ended, waiting = waiting[:SETTLED_TOGETHER], waiting[SETTLED_TOGETHER:]
            await _run(client, way.settle, _KEYS.all, _ended(ended))


async def _cost(client: Redis, pid: int, way: Way, sends: int) -> Cost:
    await client.flushall()
    await _send(client, way, 0, _WARM)
    keys, memory = await client.dbsize(), (await client.info("memory"))["used_memory"]
    before_s = machine.cpu_s([pid])
    await _send(client, way, _WARM, sends)
    us = (machine.cpu_s([pid]) - before_s) * 1e6 / sends
    grown = (await client.info("memory"))["used_memory"] - memory
    return Cost(us, (await client.dbsize() - keys) / sends, grown / sends)


def _orders(rounds: int) -> Iterator[list[str]]:
    """The names of the ways, in another order each round."""
    names = list(WAYS)
    for round_ in range(rounds):
        yield names[round_ % len(names) :] + names[: round_ % len(names)]


async def measure(rounds: int, sends: int) -> list[dict[str, Cost]]:
    """The cost of each way, round by round."""
    async with stage() as at:
        store, url = await at.store()
        async with Redis.from_url(url, socket_timeout=60) as client:
            for way in WAYS.values():
                for one in way:
                    await client.script_load(one.text)
            return [{name: await _cost(client, store.pid, WAYS[name], sends) for name in o} for o in _orders(rounds)]


@app.command()
def bench(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each is measured.")] = 9,
    sends: Annotated[int, typer.Option("--sends", min=96, help="How many in a round; a multiple of 96.")] = 15_360,
) -> None:
    """Measure them in turns, and compare them round by round."""
    machine.place_caller()
    found = uvloop.run(measure(rounds, sends // 96 * 96))
    table = Table("", "store us a send", "of what a send takes [quartiles]", "keys a send", "bytes a send")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in WAYS:
        us = Spread.of(costs[name].us for costs in found)
        share = Spread.of(costs[name].us / costs["sends"].us for costs in found)
        last = found[-1][name]
        ratio = f"{share.median:.2f} [{share.low:.2f}-{share.high:.2f}]"
        table.add_row(name, f"{us.median:.1f}", ratio, f"{last.keys:.1f}", f"{last.bytes:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    app()
