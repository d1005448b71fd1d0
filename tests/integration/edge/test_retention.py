"""Every key of a store that was used goes by itself, or is one of those that are documented to stay."""

from __future__ import annotations

import re
from typing import Final

from tests.integration.edge.callers import ANN, BOB, NUMBER, Caller, template, text
from tidegate.store import keys
from tidegate.store.scripts import StoreClient

#: Keys without an end of their own, and why that is right. What each holds goes as store/keys.py says.
KEPT: Final = {
    "clock": "only with a test clock",
    "ledger": "counts and times of the numbers; ids of messages, until they are sent; no user",
    "places": "a user's 7 bytes of hash, until the place ends",
    "calendar": "buckets of places",
    "holds": "with their places",
    "releases": "with their places",
    "inflight": "ids of messages, until their fate is sure",
    "lane": "ids of messages, until they are sent or end",
    "waiting": "ids of messages, until they are sent or end",
    "leases": "ids of messages, until they are submitted",
    "deadlines": "ids of messages, until they end",
    "queued_for": "ids of messages by hash, until they end",
    "standing": "what Meta and operators say of numbers, templates and accounts",
    "history": "the newest 100,000 changes of the standing",
    "breakers": "8 days after they closed",
    "user": "a refusal, until the user takes it back; all else of a user has an end",
    "outcome_scopes": "40 days after the last news of each",
    "ramps": "numbers and templates that are warmed up",
    "topups": "references of payments, as hashes",
    "warnings": "numbers and templates that early warning watches",
    "heard": "a time for each number",
    "key_uses": "an hour for each key of an app",
    "relay": "webhooks that wait for their apps, encrypted, with their end beside them",
    "audit": "each entry for privacy.audit_kept",
    "audited": "how far the history was taken over",
    "data_keys": "each key for its span",
}


def kind_of(key: bytes) -> str:
    match = re.match(rb"tidegate:(?:\{[^}]*\}:)?([a-z_]+)", key)
    assert match is not None, key
    return match[1].decode()


async def endless(client: StoreClient) -> set[str]:
    """The kinds of keys that have no end."""
    return {kind_of(key) for key in await client.keys("*") if await client.pttl(key) == -1}


async def test_every_key_of_a_used_store_has_an_end_or_is_known_to_stay(call: Caller, client: StoreClient) -> None:
    await call.send(template(ANN), Idempotency_Key="k1", Tidegate_Delivery="at_least_once")
    await call.send(text(BOB))
    await call("PUT", f"/gateway/v1/recipients/{BOB}/consent", json={"marketing": False, "utility": True})
    pause = {"scope": {"number": NUMBER}, "reason": "a test", "for": "1h"}
    await call("POST", "/gateway/v1/pauses", json=pause)
    held = await call.send(template(BOB), Tidegate_Category="utility")
    assert held["Tidegate-Verdict"] == "queue"

    found = await endless(client)
    assert found - KEPT.keys() == set()
    assert {kind_of(key) for key in await client.keys("*")} >= {"message", "once", "user", "places", "audit"}


async def test_what_stays_is_described_with_all_other_keys() -> None:
    described = set(re.findall(r"^\| ([a-z_]+)", keys.__doc__ or "", re.MULTILINE))
    assert KEPT.keys() - described <= {"data_keys"}
