"""What an erasure leaves of a user's messages: their states, under the hash; and nobody else's message is touched."""

from __future__ import annotations

import orjson
import pytest

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO, make_ask, make_ledger, make_outcome, make_seal, make_status, user
from tidegate.store.keys import PortfolioKeys
from tidegate.store.messages import Messages
from tidegate.store.scripts import StoreClient

SEAL = make_seal()
KEYS = PortfolioKeys(PORTFOLIO)


@pytest.mark.parametrize(
    "noted",
    [
        pytest.param({"app": "a", "opaque": "sealed+/=", "number": "1"}, id="in the middle"),
        pytest.param({"app": "a", "number": "1", "opaque": "sealed+/="}, id="at the end"),
        pytest.param({"app": "a", "number": "1", "to": "sealed+/=", "opaque": "sealed+/="}, id="with whom it was for"),
        pytest.param({"app": "a", "number": "1"}, id="nowhere"),
    ],
)
async def test_what_was_said_goes_and_the_state_stays(store_client: StoreClient, noted: dict[str, str]) -> None:
    ledger, messages = make_ledger(store_client), Messages(store_client, [PORTFOLIO], SEAL)
    about = orjson.dumps(noted)
    for message_id, recipient in (("m1", user(0)), ("m2", user(1))):
        await ledger.admit(make_ask(message_id, recipient, about=about, body=b"sealed body"))
        wamid = SEAL.close_wamid(message_id, f"wamid.{message_id}")
        await ledger.settle(make_outcome(message_id, wamid=wamid))
    before = await store_client.hgetall(KEYS.message("m2"))

    assert await messages.erase(PORTFOLIO, [user(0), user(7)]) == 1

    left = await messages.find(PORTFOLIO, "m1")
    assert left is not None
    assert (left.state.value, left.about, left.wamid, left.taken) == (
        "accepted",
        {"app": "a", "number": "1"},
        None,
        True,
    )
    stored = await store_client.hgetall(KEYS.message("m1"))
    assert not {b"body", b"sent", b"taken"} & set(stored)
    assert not any(b"sealed" in value for value in stored.values())
    assert await store_client.pttl(KEYS.message("m1")) > 0
    assert await store_client.hgetall(KEYS.message("m2")) == before
    assert await messages.erase(PORTFOLIO, [user(0)]) == 1, "again it changes nothing"


async def test_a_late_delivery_of_an_erased_users_message_still_takes_its_place(store_client: StoreClient) -> None:
    ledger, messages = make_ledger(store_client), Messages(store_client, [PORTFOLIO], SEAL)
    await store_client.set(KEYS.clock, f"@{NOW_MS}")
    await ledger.admit(make_ask("m1", user(0)))
    await ledger.settle(make_outcome("m1"))
    await messages.erase(PORTFOLIO, [user(0)])
    assert (await ledger.books(PORTFOLIO)).used == 1

    later_ms = NOW_MS + DAY_MS // 2
    await store_client.set(KEYS.clock, f"@{later_ms}")
    await ledger.refresh(make_status("m1", "delivered", later_ms))

    await store_client.set(KEYS.clock, f"@{NOW_MS + DAY_MS + 1_000}")
    assert (await ledger.books(PORTFOLIO)).used == 1
