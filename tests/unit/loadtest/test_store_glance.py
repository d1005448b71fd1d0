"""What is seen of the store at a glance."""

from __future__ import annotations

from fakeredis import FakeStrictRedis

from loadtest.store_glance import Glance, LaneGlance, StoreGlance
from tidegate.cloudapi.vocabulary import Category
from tidegate.store.send_queue import Lane

CODES, OFFERS = Lane("1", Category.AUTHENTICATION), Lane("1", Category.MARKETING)


def test_an_empty_store_has_nothing_in_hand_and_awaits_nothing() -> None:
    glance = StoreGlance(FakeStrictRedis(), "acme", [CODES, OFFERS]).look()
    assert glance == Glance(0, 0, 0, None, None, None, (LaneGlance(CODES, 0, None, 0), LaneGlance(OFFERS, 0, None, 0)))
    assert (glance.queued, glance.next_ms) == (0, None)


def test_places_work_in_hand_and_each_lane_are_seen_and_what_comes_first() -> None:
    store = FakeStrictRedis()
    prefix = "tidegate:{acme}:"
    store.hset(f"{prefix}ledger", mapping={"used": 7, "8000": "x y z", "8000 left": 2})
    store.zadd(f"{prefix}inflight", {"a": 9_000, "u": 1_795_300_440_000, "v": 1_795_300_450_000, "s": 9_500})
    store.set(f"{prefix}message:s", "as it went")
    for message_id, state in (("a", "sending"), ("u", "unknown"), ("v", "unknown")):
        store.hset(f"{prefix}message:{message_id}", "state", state)
    store.zadd(f"{prefix}leases", {"b": 8_000, "c": 8_500})
    store.zadd(f"{prefix}calendar", {"12": 1_795_300_432_180, "13": 1_795_300_432_999})
    store.zadd(f"{prefix}deadlines", {"d": 1_795_300_500_000})
    store.zadd(f"{prefix}lane:1:marketing", {"d": 1_795_300_432_001, "e": 1_795_300_432_002})
    store.zadd(f"{prefix}waiting:1:marketing", {"f": 1})
    glance = StoreGlance(store, "acme", [CODES, OFFERS]).look()
    assert glance == Glance(
        used=7,
        in_flight=4,
        leased=2,
        unresolved_ms=1_795_300_440_000,
        release_ms=1_795_300_432_180,
        deadline_ms=1_795_300_500_000,
        lanes=(LaneGlance(CODES, 0, None, 0), LaneGlance(OFFERS, 2, 1_795_300_432_001, 1)),
    )
    assert (glance.queued, glance.next_ms) == (3, 1_795_300_432_001)
