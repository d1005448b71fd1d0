"""An outcome is sealed as it is written, off the way of its answer; where the journal lasts, before that."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from tests.factories import NEVER_MS, NUMBER, PORTFOLIO, RANKS, WABA, make_ask, make_seal, user
from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import RecipientKind, Request
from tidegate.cloudapi.vocabulary import Category, MessageType
from tidegate.gateway import Claim, Held, Message, Route
from tidegate.gateway.settling import Settling, _Open
from tidegate.journal import Journal, open_slot
from tidegate.policy.verdict import Reason
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import Ledger
from tidegate.store.scripts import StoreClient
from tidegate.store.users import Users
from tidegate.tracing import NO_TRACING

WAMID = "wamid.HBgL"
ANSWERED = Held("m1", "unknown", Reason.OUTCOME_UNKNOWN, None)
REQUEST = Request(RecipientKind.PHONE, "4917612345678", "4917612345678", MessageType.TEXT, None, None, None, {})


class Told(Claim):
    """Notes when it is sealed."""

    is_sealed: bool = False

    def with_answer(self) -> bytes:
        assert self.answered is ANSWERED
        self.is_sealed = True
        return b"sealed"

    def keep_later(self) -> None:
        raise AssertionError("it could be sealed")


async def settled_with(ledger: Ledger) -> tuple[Settling, Told]:
    """What writes the outcome of the message m1, which was taken with its claim, and that is accepted just now."""
    claim = Told(entry=Entry(PORTFOLIO, "shop:same", "", "m1"))
    ask = make_ask("m1", user(1), number=NUMBER, once=claim.entry)
    claim.heed(await ledger.admit(ask))
    message = Message(
        "m1", "shop", Route(PORTFOLIO, WABA, NUMBER), REQUEST, "/v25.0/1/messages", NEVER_MS, Category.UTILITY, True,
        claim=claim, intent=ask.intent,
    )  # fmt: skip
    settling = Settling(ledger, StoreClock(), cast(Users, None), make_seal(), NO_TRACING)
    settling.told(message, "accepted", "accepted", WAMID, ANSWERED)
    assert claim.is_answered
    return settling, claim


async def test_it_is_sealed_when_it_is_written(store_client: StoreClient) -> None:
    journal = Journal()
    settling, claim = await settled_with(Ledger(store_client, (PORTFOLIO,), RANKS, one_slot=False, journal=journal))
    intent = journal.of(PORTFOLIO).intents["m1"]
    assert (intent.state, intent.wamid, claim.is_sealed) == ("sending", "", False)

    await settling.ended(timeout_s=5)

    assert intent.state == "accepted"
    keys, name = PortfolioKeys(PORTFOLIO), make_seal().wamid_index(WAMID)
    assert await store_client.get(keys.wamid(name)) == b"m1"
    assert await make_seal().open_wamid("m1", intent.wamid) == WAMID
    assert claim.is_sealed


async def test_what_a_status_tells_before_it_is_written_stands(store_client: StoreClient) -> None:
    journal = Journal()
    settling, _ = await settled_with(Ledger(store_client, (PORTFOLIO,), RANKS, one_slot=False, journal=journal))
    intent = journal.of(PORTFOLIO).intents["m1"]
    journal.freed(PORTFOLIO, "m1")

    await settling.ended(timeout_s=5)

    assert intent.state == "failed"
    assert await make_seal().open_wamid("m1", intent.wamid) == WAMID


def test_what_is_sealed_yet_to_be_is_shown_nowhere() -> None:
    shown = repr(_Open(PORTFOLIO, "m1", 1, "accepted", "accepted", unsealed=(make_seal(), WAMID, None)))

    assert shown == f"_Open({PORTFOLIO!r}, 'm1', attempt=1, state='accepted')"


async def test_a_journal_that_lasts_is_told_all_of_it_at_once(store_client: StoreClient, tmp_path: Path) -> None:
    journal = Journal(open_slot(tmp_path))
    journal.begin(0)
    settling, claim = await settled_with(Ledger(store_client, (PORTFOLIO,), RANKS, one_slot=False, journal=journal))

    sealed = journal.of(PORTFOLIO).intents["m1"].wamid
    assert await make_seal().open_wamid("m1", sealed) == WAMID
    assert claim.is_sealed

    await asyncio.gather(settling.ended(timeout_s=5), journal.close())
    again = Journal(open_slot(tmp_path))
    assert again.of(PORTFOLIO).intents["m1"].wamid == sealed
    await again.close()
