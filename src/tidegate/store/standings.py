"""The standing of every portfolio: kept in the store under an epoch, cached here until the epoch moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from tidegate.errors import StoreUnavailable
from tidegate.policy.breaker import Breaker, State, state_at, to_json
from tidegate.policy.standing import Change, Standing
from tidegate.store.faults import store_faults
from tidegate.store.key_records import KeyRecord, key_field, read_keys
from tidegate.store.keys import PortfolioKeys
from tidegate.store.rules_record import RulesReader, RulesRecord
from tidegate.store.scripts import StoreClient, script
from tidegate.store.standing_fields import board_of, merged

_HISTORY: Final = 100_000
#: A closed breaker is kept for as long as Meta repeats a webhook (7 days): an old one must not open it again.
FORGET_MS: Final = 8 * 86_400_000


class Standings:
    """Reads and changes standings. Every method that is awaited raises StoreUnavailable."""

    def __init__(self, client: StoreClient, configured: Iterable[Standing]) -> None:
        """`configured`: what the configuration says of each portfolio, in force until Meta says otherwise."""
        self._client = client
        self._configured = {standing.portfolio: standing for standing in configured}
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in self._configured}
        self._current: dict[str, Standing] = {}
        #: Gives a portfolio's standing as last read; None before it was.
        self.read: Final[Callable[[str], Standing | None]] = self._current.get
        #: How often each breaker was written, as last read: what `swing` compares.
        self._revisions: dict[str, dict[str, int]] = {}
        self._rules_reader = RulesReader()
        self._rules: dict[str, RulesRecord | None] = {}
        self._keys_of_apps: dict[str, dict[str, KeyRecord]] = {}
        #: Grows whenever `key_records` of a portfolio say something else than before.
        self.keys_version = 0
        #: The fields as they were read last, for the day on which the store has lost them.
        self._raw: dict[str, tuple[dict[Any, Any], dict[Any, Any]]] = {}
        self._eras: dict[str, str] = {}
        #: Called when the store has other books than those that are expected.
        self.on_other_books: Callable[[], None] = lambda: None
        #: Called when the places that nodes have leased are called back.
        self.on_recall: Callable[[], None] = lambda: None
        self._reading: dict[str, asyncio.Lock] = {portfolio: asyncio.Lock() for portfolio in self._configured}

    @property
    def portfolios(self) -> tuple[str, ...]:
        return tuple(self._configured)

    def known(self, portfolio: str) -> Standing:
        """The standing as last read; as it is configured before it was."""
        return self._current.get(portfolio) or self._configured[portfolio]

    async def current(self, portfolio: str) -> Standing:
        """The standing as last read; it may be old, which `admit` will tell by the epoch."""
        return self._current.get(portfolio) or await self.reload(portfolio, epoch=0)

    def expect(self, portfolio: str, era: str) -> None:
        """Take the standing from the books of this era only."""
        self._eras[portfolio] = era

    def last_read(self, portfolio: str) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
        """The records of the standing and of the breakers as the store had them when they were read last."""
        return self._raw.get(portfolio, ({}, {}))

    async def reload(self, portfolio: str, epoch: int) -> Standing:
        """The standing, read again unless somebody else has just read this epoch.

        An epoch lower than the known one is read too: a store that was emptied begins anew.
        """
        async with self._reading[portfolio]:
            known = self._current.get(portfolio)
            if known is not None and known.epoch == epoch:
                return known
            keys = self._keys[portfolio]
            with store_faults:
                # The epoch is read before the records: records newer than their epoch only cost one more reading.
                books = await self._client.hmget(keys.ledger, ["epoch", "era", "held_until", "prepaid", "recalled_at"])
                found = books[0]
                self._check_era(portfolio, books[1])
                records = await self._client.hgetall(keys.standing)
                breakers = await self._client.hgetall(keys.breakers)
            try:
                standing = merged(self._configured[portfolio], int(found or 0), dict(records))
                board, self._revisions[portfolio] = board_of(dict(breakers))
                record = self._rules[portfolio] = self._rules_reader.read(records)
                keys_of_apps = read_keys(records)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                # Damaged. What it says may be a stop, so nothing is sent until it can be read.
                raise StoreUnavailable(f"the standing can't be read: {type(error).__name__}") from None
            rules = record.rules if record is not None and record.rules is not None else standing.rules
            held_until_ms, prepaid, recalled_at_ms = (int(found or 0) for found in books[2:])
            standing = replace(
                standing,
                breakers=board,
                rules=rules,
                held_until_ms=held_until_ms,
                prepaid=prepaid,
                recalled_at_ms=recalled_at_ms,
            )
            if keys_of_apps != self.key_records(portfolio):
                self._keys_of_apps[portfolio] = keys_of_apps
                self.keys_version += 1
            if known is not None and known.recalled_at_ms != recalled_at_ms:
                self.on_recall()
            self._raw[portfolio] = (dict(records), dict(breakers))
            self._current[portfolio] = standing
            return standing

    async def look(self, portfolio: str) -> None:
        """Read the standing again if the store has another epoch than the one that is known."""
        with store_faults:
            found = await self._client.hget(self._keys[portfolio].ledger, "epoch")
        if portfolio not in self._current or self._current[portfolio].epoch != int(found or 0):
            await self.reload(portfolio, int(found or 0))

    def _check_era(self, portfolio: str, found: Any) -> None:
        expected = self._eras.get(portfolio)
        if expected is not None and (found or b"") != expected.encode():
            self.on_other_books()
            raise StoreUnavailable("the store has other books than before: they are looked at first")

    def rules_record(self, portfolio: str) -> RulesRecord | None:
        """The record of the rules that `current` has; None while the rules are the configuration's."""
        return self._rules.get(portfolio)

    def key_records(self, portfolio: str) -> Mapping[str, KeyRecord]:
        """The keys that were made or revoked at run time, by their ids, as `current` has them."""
        return self._keys_of_apps.get(portfolio, {})

    async def forget_keys(self, portfolio: str, ids: Sequence[str]) -> None:
        """Forget the records of keys of which nobody needs to hear any more; nodes learn it when they read next."""
        with store_faults:
            await self._client.hdel(self._keys[portfolio].standing, *map(key_field, ids))

    async def forget_campaign(self, portfolio: str, campaign_id: str) -> None:
        """Forget that there was anything to say of a campaign of which nothing can be sent any more."""
        with store_faults:
            await self._client.hdel(self._keys[portfolio].standing, f"campaign:{campaign_id}|campaign@operator")

    async def change(self, portfolio: str, changes: Sequence[Change]) -> tuple[int, list[bool]]:
        """Write changes under a new epoch; the store's time, and which of them were newer than what was known."""
        return await self._restand(portfolio, "", changes)

    async def change_under(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
        """Write changes unless the epoch is another one by now; whether they were written."""
        _, applied = await self._restand(portfolio, epoch, changes)
        return len(applied) > 0

    async def _restand(self, portfolio: str, under: int | str, changes: Sequence[Change]) -> tuple[int, list[bool]]:
        args: list[str | bytes | int] = [_HISTORY, under]
        for change in changes:
            for name, value in change.values.items():
                record = f"{change.kind}:{change.key}" if change.key else change.kind
                args += (record, f"{name}@{change.source}", orjson.dumps(value), change.at_ms, change.cause)
        answer = await script("restand")(self._client, self._keys[portfolio].all, args)
        await self.reload(portfolio, epoch=answer[1])
        return answer[0], [applied == 1 for applied in answer[2:]]

    async def swing(self, portfolio: str, swings: Sequence[Swing]) -> list[bool]:
        """Write breakers anew under a new epoch; which of them somebody else had not changed in between.

        Each swing rests on the breaker as `current` or `reload` gave it last. Breakers that closed long ago are
        forgotten on the way.
        """
        revisions = self._revisions.get(portfolio, {})
        args: list[str | bytes | int] = [_HISTORY]
        for swing in swings:
            before = "closed" if swing.before is None else swing.before.value
            moved = f"{before} {swing.after.state.value}" if before != swing.after.state.value else ""
            record = orjson.dumps(to_json(swing.after))
            args += (swing.after.id, revisions.get(swing.after.id, 0), record, moved, swing.after.cause)
        for breaker in self._current[portfolio].breakers if portfolio in self._current else ():
            if _is_forgotten(breaker, swings):
                args += (breaker.id, revisions.get(breaker.id, 0), "", "", "")
        answer = await script("swing").repeatable(self._client, self._keys[portfolio].all, args)
        written = [one == 1 for one in answer[2 : 2 + len(swings)]]
        # Who lost knows less, also where the epoch is the same (a breaker was forgotten): no epoch is below 0.
        await self.reload(portfolio, epoch=answer[1] if all(written) else -1)
        return written


class Swing(NamedTuple):
    """A breaker as it is to be written, and the state that it was in."""

    before: State | None
    after: Breaker


def _is_forgotten(breaker: Breaker, swings: Sequence[Swing]) -> bool:
    if any(swing.after.id == breaker.id for swing in swings):
        return False
    last_at_ms = max(breaker.event_at_ms, breaker.proven_at_ms, breaker.until_ms or 0)
    now_ms = max(swing.after.event_at_ms for swing in swings)
    return state_at(breaker, now_ms) is State.CLOSED and now_ms - last_at_ms > FORGET_MS
