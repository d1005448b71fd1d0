"""The books as a whole: which era they are of, who writes into them, and how what they lost is written down again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate.errors import StoreUnavailable
from tidegate.journal import Intent, Journal, JournalUnwritable
from tidegate.policy.offline import AWAY_MS
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.statuses import REMEMBER_MS
from tidegate.store.witness import Identity

#: A node that can't be reached may send for a while, and what it sends counts for a day: by then nobody counts who was
#: written to before the books were lost.
HOLD_MS: Final = AWAY_MS + 25 * 3_600_000
#: Nodes join this often, so that each of them knows the others.
JOIN_EVERY_MS: Final = 2_000
_GONE_MS: Final = 3 * JOIN_EVERY_MS
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Joined:
    """What a node found. `held_until_ms`: 0 where the books are whole. `nodes`: others and itself, heard of when."""

    now_ms: int
    era: str
    epoch: int
    held_until_ms: int
    nodes: Mapping[str, int]
    owing: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """The books as they are: their era ("" where there are none), 0 where they are whole, and who is waited for."""

    era: str
    held_until_ms: int
    waiting_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What became of the books: `owing` nodes are still waited for; `whole` says that they are from this call on."""

    owing: int
    whole: bool


class Books:
    """The books of all portfolios; who writes them again has a client that nobody watches.

    Every method raises StoreUnavailable.
    """

    def __init__(self, client: StoreClient, journal: Journal | None = None) -> None:
        """`journal`: where it is noted what is learned of sends that nobody knew of."""
        self._client = client
        self._journal = journal or Journal()

    async def join(
        self, portfolio: str, node: str, server: Identity, remembered: str, nodes: Mapping[str, int]
    ) -> Joined:
        """Say that `node` uses these books. `remembered`: the era that it wrote into ("" for none).

        `nodes`: whom it knows to have written there, itself too, and when they were heard of last.
        """
        args: list[str | int] = [node, server.run_id, secrets.token_hex(8), remembered, int(server.keeps_all)]
        args += [HOLD_MS, _GONE_MS]
        for other, heard_ms in nodes.items():
            args += (other, heard_ms)
        answer = await self._run("join", portfolio, args)
        names, owes, heard = answer[4::3], answer[5::3], answer[6::3]
        return Joined(
            now_ms=answer[0],
            era=answer[1].decode(),
            epoch=answer[2],
            held_until_ms=answer[3],
            nodes={name.decode(): at for name, at in zip(names, heard, strict=True)},
            owing=frozenset(name.decode() for name, one in zip(names, owes, strict=True) if one),
        )

    async def look(self, portfolio: str) -> Found:
        """How the books stand."""
        keys = PortfolioKeys(portfolio)
        with store_faults:
            ledger: Any = await self._client.hmget(keys.ledger, ["era", "held_until"])
            nodes: Any = await self._client.hgetall(keys.nodes)
        owing = sorted(node.decode() for node, told in nodes.items() if told.startswith(b"1 "))
        return Found((ledger[0] or b"").decode(), int(ledger[1] or 0), tuple(owing))

    async def vouch(self, portfolio: str, era: str, nodes: Sequence[str]) -> Vouched:
        """These nodes have written all that they know. None: the books are taken as they are."""
        answer = await self._run("vouch", portfolio, [era, *nodes])
        return Vouched(answer[2], answer[3] == 1)

    async def leave(self, portfolio: str, era: str, node: str) -> bool:
        """A node ends that has written all that it knew: whether nobody is going to wait for it."""
        answer = await self._run("leave", portfolio, [era, node])
        return bool(answer[1])

    async def rebuild(self, portfolio: str, intents: Iterable[Intent]) -> int:
        """Write sends into the books that do not have them; how many that were."""
        missing = 0
        left = list(intents)
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            args: list[str | bytes | int] = [OUTCOME_MS, REMEMBER_MS]
            for intent in some:
                args += _encoded(intent)
            missing += sum((await self._run("rebuild", portfolio, args))[1:])
        return missing

    async def learn(self, intent: Intent, now_ms: int) -> None:
        """Write a send into the books that they do not have: as this node remembers it, where it sent it itself."""
        known = self._journal.of(intent.portfolio).intents.get(intent.message_id)
        await self.rebuild(intent.portfolio, [known or intent])
        if known is not None:
            return
        try:
            await self._journal.intend([intent], now_ms)
        except JournalUnwritable as fault:
            raise StoreUnavailable(str(fault)) from fault

    async def restore(self, portfolio: str, standing: Mapping[bytes, bytes], breakers: Mapping[bytes, bytes]) -> int:
        """Write back what a node last read of the standing, where the store has older words; how many that were."""
        args: list[str | bytes | int] = []
        for kind, records in (("standing", standing), ("breakers", breakers)):
            for name, value in records.items():
                args += (kind, name, value)
        return int((await self._run("restore", portfolio, args))[1]) if args else 0

    async def _run(self, name: str, portfolio: str, args: Sequence[str | bytes | int]) -> list[Any]:
        answer: list[Any] = await script(name).repeatable(self._client, PortfolioKeys(portfolio).all, args)
        return answer


def _encoded(intent: Intent) -> tuple[str | bytes | int, ...]:
    return (
        intent.message_id,
        intent.attempt,
        intent.recipient,
        intent.number,
        intent.place,
        intent.window_ends_ms,
        intent.at_ms,
        intent.ends_ms,
        intent.about,
        intent.state,
        intent.wamid,
        intent.delivered_at_ms,
    )
