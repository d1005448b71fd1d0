"""A key that was revoked, on a node that the store answers late."""

from __future__ import annotations

import pytest

from tests.factories import PORTFOLIO
from tests.faultproxy import FaultProxy
from tests.integration.edge.own_store import own_store
from tidegate.clock import StoreClock
from tidegate.keys_in_force import LEASE_MS, KeysInForce
from tidegate.policy.standing import Standing
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App
from tidegate.store.client import connect
from tidegate.store.key_records import key_id
from tidegate.store.key_uses import KeyUses
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings

pytestmark = pytest.mark.impatient

KEY = hash_key("tg_file")
APPS = (App(name="checkout", key_sha256=(KEY,)),)


class Time:
    """A clock's monotonic time, moved by hand."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def a_node(client: StoreClient, time: Time) -> KeysInForce:
    standings = Standings(client, [Standing(PORTFOLIO, 0, 2_000, "config")])
    return KeysInForce(APPS, standings, KeyUses(client, PORTFOLIO), StoreClock(time))


async def test_it_is_taken_by_no_request_after_the_revocation_was_answered() -> None:
    async with own_store() as store:
        proxy, time = FaultProxy(store.tcp), Time()
        await proxy.start()
        try:
            async with (
                await connect(f"redis://{store.tcp[0]}:{store.tcp[1]}") as near,
                await connect(f"redis://127.0.0.1:{proxy.address[1]}") as far,
            ):
                here, there = a_node(near.client, time), a_node(far.client, time)
                await here.refresh()
                await there.refresh()
                assert there.find(KEY) is not None

                # Later than a request was waited for once, and sooner than the client gives up.
                proxy.down.delay_s = 0.12
                known = here.key(key_id(KEY))
                assert known is not None
                await here.revoke(known, "admin", "leaked")
                time.now_s += LEASE_MS / 1000

                await there.refresh()
                assert there.find(KEY) is None
        finally:
            await proxy.stop()
