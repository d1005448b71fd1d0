"""Sends and what becomes of them, told as the gateway and the webhooks tell it."""

from __future__ import annotations

import asyncio
from itertools import count

import orjson
from msgspec.structs import replace

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    WABA,
    make_ask,
    make_ledger,
    make_outcome,
    make_status,
    make_terms,
)
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.store import message_record
from tidegate.store.keys import PortfolioKeys
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.outcomes import Outcomes, counters_of
from tidegate.store.scripts import StoreClient
from tidegate.store.told_outcomes import carry_over

KEYS = PortfolioKeys(PORTFOLIO)


def about(**changes: str | None) -> dict[str, str]:
    """What was noted of a marketing template of a campaign."""
    noted = {
        "app": "checkout",
        "number": NUMBER,
        "waba": WABA,
        "category": "marketing",
        "type": "template",
        "template": "seasonal_offer/en_US",
        "campaign": "spring",
        **changes,
    }
    return {key: value for key, value in noted.items() if value is not None}


class Feed:
    """One node's ledger and outcomes, at a clock that stands where it is put."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self.now_ms = NOW_MS
        self.ids = count(1)
        self.ledger = make_ledger(client)
        self.outcomes = Outcomes(client, [PORTFOLIO], one_slot=False)
        self.counts = OutcomeCounts(client, [PORTFOLIO])

    async def at(self, now_ms: int) -> None:
        """Put the store's clock."""
        self.now_ms = now_ms
        await self.client.set(KEYS.clock, f"@{now_ms}")

    async def send(self, recipient: bytes, noted: dict[str, str] | None = None) -> str:
        """Admit and post a message that Meta accepts; its id."""
        message_id, noted = f"m{next(self.ids)}", noted or about()
        ask = make_ask(message_id, recipient, about=orjson.dumps(noted), number=noted["number"])
        facts = await self.ledger.admit(ask)
        while facts.stale:
            facts = await self.ledger.admit(replace(ask, terms=make_terms(epoch=facts.epoch)))
        assert facts.taken
        await self.ledger.settle(make_outcome(message_id))
        return message_id

    async def forgets(self, message_id: str) -> None:
        """Nothing that was counted of a message is on its record any more."""
        key = KEYS.message(message_id)
        known = await message_record.read(self.client, key)
        await self.client.delete(key)
        await self.client.hset(key, mapping=known | {b"outcomes": b"", b"kpis": b""})

    async def hears(self, message_id: str, status: str, code: int | None = None, *, late_ms: int = 1_000) -> None:
        """A status webhook comes in, `late_ms` after now by Meta's time."""
        at_ms = self.now_ms + late_ms
        counters = counters_of(MessageStatus(status), code)
        await self.ledger.refresh(make_status(message_id, status, at_ms, counters=counters))

    async def campaign(self, sends: int, noted: dict[str, str], *, withheld: int = 0, failed: int = 0, unread: int = 0,
                       opted_out: int = 0) -> None:  # fmt: skip
        """So many sends to as many users, so many of whom do not get it, do not read it or want no more."""

        async def one(i: int, number: int) -> None:
            recipient = number.to_bytes(16, "big")
            message_id = await self.send(recipient, noted)
            if i < withheld:
                await self.hears(message_id, "failed", 131049)
            elif i < withheld + failed:
                await self.hears(message_id, "failed", 131000)
            else:
                unread_too = i < withheld + failed + unread
                await self.hears(message_id, "delivered" if unread_too else "read")
                if i >= sends - opted_out:
                    at_ms = self.now_ms + 2_000
                    await self.outcomes.opted_out(PORTFOLIO, noted["number"], [recipient], at_ms)

        for start in range(0, sends, 200):
            part = range(start, min(sends, start + 200))
            await asyncio.gather(*(one(i, next(self.ids) << 64) for i in part))

    async def day(self, name: str, at_ms: int | None = None) -> dict[str, int]:
        """The counts of a scope on the day of now."""
        await carry_over(self.client, KEYS)
        key = f"tidegate:{{{PORTFOLIO}}}:outcomes:{(at_ms or self.now_ms) // DAY_MS}:{name}"
        found = await self.client.hgetall(key)
        return {field.decode(): int(value) for field, value in found.items()}
