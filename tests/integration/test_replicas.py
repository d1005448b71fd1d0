"""A primary and its replica: what is promised is on both, and what the replica has not got was not promised."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import orjson
import pytest

from loadtest.deployment import APP_KEY, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.chaos.server import Server
from tests.factories import NEVER_MS, make_ask, make_ledger, make_outcome, make_seal, user
from tests.faultproxy import FaultProxy
from tests.integration.house import LIMIT, RULES, held, used, whole
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.client import connect
from tidegate.store.keys import PortfolioKeys
from tidegate.store.replicas import Replicas
from tidegate.store.scripts import require_replicas, script
from tidegate.store.send_queue import Lane, SendQueue, Waiting

#: Longer than any test.
LATER = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Pair:
    """A primary, its replica behind a link that may break, and the door by which nodes come to whoever is primary."""

    primary: Server
    replica: Server
    link: FaultProxy
    door: FaultProxy

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.door.address[1]}"

    async def follows(self) -> bool:
        """Whether the replica has all that the primary has."""
        async with self.replica.client as replica:
            info = await replica.info("replication")
        return info.get("master_link_status") == "up"

    async def cut(self) -> None:
        """Nothing comes to the replica any more, and nobody is told."""
        self.link.up.close()
        self.link.down.close()

    async def fail_over(self) -> None:
        """The replica takes over, and nodes are led to it."""
        async with self.replica.client as replica:
            await replica.replicaof("NO", "ONE")
        self.door.target = self.replica.address
        self.door.reset_all()

    async def old_one_follows(self) -> None:
        """Return once what was the primary has all that the new one has."""
        async with self.primary.client as old:
            await old.replicaof("127.0.0.1", str(self.replica.address[1]))

            async def has_it_all() -> bool:
                return (await old.info("replication")).get("master_link_status") == "up"

            await until(has_it_all)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        primary, replica = (Server(Path(directory, name), {}) for name in ("primary", "replica"))
        await primary.start()
        await replica.start()
        link, door = FaultProxy(primary.address), FaultProxy(primary.address)
        await link.start()
        await door.start()
        made = Pair(primary, replica, link, door)
        try:
            async with replica.client as client:
                await client.replicaof("127.0.0.1", str(link.address[1]))
            await until(made.follows)
            yield made
        finally:
            await door.stop()
            await link.stop()
            await replica.stop()
            await primary.stop()


@asynccontextmanager
async def waiting_client(pair: Pair) -> AsyncIterator[Any]:
    """A client that a replica has to answer for."""
    async with await connect(pair.url) as connection:
        require_replicas(connection.client, 1)
        yield connection.client


async def looked(pair: Pair) -> int | None:
    """A look at who follows the primary."""
    async with await connect(pair.url) as connection:
        return await Replicas(connection, [PORTFOLIO]).look()


async def applied_by(pair: Pair, name: str) -> set[str]:
    """What the replica was told to do for three sends at once that were admitted and settled."""
    async with waiting_client(pair) as client, pair.replica.client as replica:
        await replica.config_resetstat()
        ledger = make_ledger(client)
        asks = [make_ask(f"{name}{n}", user(n)) for n in range(3)]
        assert all(facts.taken for facts in await asyncio.gather(*map(ledger.admit, asks)))
        await asyncio.gather(*(ledger.settle(make_outcome(ask.intent.message_id)) for ask in asks))
        applied = set(await replica.info("commandstats"))
    assert {"cmdstat_set", "cmdstat_psetex", "cmdstat_msetex"} & applied
    return applied


@asynccontextmanager
async def another_replica(pair: Pair) -> AsyncIterator[None]:
    """A second one follows the primary within the block."""
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        other = Server(Path(directory), {})
        await other.start()
        try:
            async with other.client as client:
                await client.replicaof("127.0.0.1", str(pair.primary.address[1]))

                async def follows() -> bool:
                    return (await client.info("replication")).get("master_link_status") == "up"

                await until(follows)
            yield
        finally:
            await other.stop()


class TestAPromise:
    async def test_is_on_the_replica_when_it_is_made(self, pair: Pair) -> None:
        async with waiting_client(pair) as client, pair.replica.client as replica:
            ledger = make_ledger(client)
            for n in range(20):
                assert (await ledger.admit(make_ask(f"m{n}", user(n)))).taken
                assert await replica.exists(f"tidegate:{{lucky-shrub}}:message:m{n}")

    async def test_is_written_as_an_older_replica_understands_it(self, pair: Pair) -> None:
        assert {"cmdstat_mset", "cmdstat_msetex"}.isdisjoint(await applied_by(pair, "a"))

    async def test_is_written_so_too_where_the_replica_is_behind_and_nobody_waits_for_it(self, pair: Pair) -> None:
        async with await connect(pair.url) as connection, pair.replica.client as replica:
            ledger = make_ledger(connection.client)
            pair.replica.signal(signal.SIGSTOP)
            for n in range(3):
                asks = [make_ask(f"{n} {m}", user(m)) for m in range(3)]
                await asyncio.gather(*map(ledger.admit, asks))
                await asyncio.gather(*(ledger.settle(make_outcome(ask.intent.message_id)) for ask in asks))
            pair.replica.signal(signal.SIGCONT)
            await until(lambda: replica.exists("tidegate:{lucky-shrub}:message:2 2"))
            applied = await replica.info("commandstats")
        assert {"cmdstat_mset", "cmdstat_msetex"}.isdisjoint(applied)

    async def test_is_written_together_where_the_replica_is_known_to_understand_it(self, pair: Pair) -> None:
        assert await looked(pair) == 1
        assert "cmdstat_msetex" in await applied_by(pair, "a")
        async with pair.replica.client as replica:
            assert await replica.exists(*(f"tidegate:{{lucky-shrub}}:message:a{n}" for n in range(3))) == 3

    async def test_is_not_written_together_once_another_replica_follows(self, pair: Pair) -> None:
        assert await looked(pair) == 1
        async with another_replica(pair):
            assert {"cmdstat_mset", "cmdstat_msetex"}.isdisjoint(await applied_by(pair, "a"))

            assert await looked(pair) == 2
            assert "cmdstat_msetex" in await applied_by(pair, "b")

    async def test_is_not_written_together_once_a_replica_is_seen_that_is_older(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert await looked(pair) == 1
        monkeypatch.setattr("tidegate.store.replicas._OLDEST", (99, 0))
        assert await looked(pair) == 0
        assert {"cmdstat_mset", "cmdstat_msetex"}.isdisjoint(await applied_by(pair, "a"))

    async def test_is_written_together_no_longer_than_a_replica_is_known(self, pair: Pair) -> None:
        key = PortfolioKeys(PORTFOLIO).replicas
        assert await looked(pair) == 1
        async with pair.primary.client as primary:
            assert 0 < await primary.pttl(key) <= 150_000
            await primary.pexpire(key, 60_000)
            pair.replica.signal(signal.SIGSTOP)
            assert await looked(pair) is None
            pair.replica.signal(signal.SIGCONT)
            assert 0 < await primary.pttl(key) <= 60_000
            assert await looked(pair) == 1
            assert await primary.pttl(key) > 60_000

    async def test_is_written_whatever_stands_where_replicas_are_noted(self, pair: Pair) -> None:
        async with pair.primary.client as primary:
            await primary.hset(PortfolioKeys(PORTFOLIO).replicas, "damaged", "1")
        assert {"cmdstat_mset", "cmdstat_msetex"}.isdisjoint(await applied_by(pair, "a"))

    async def test_is_not_made_when_the_replica_does_not_answer(self, pair: Pair) -> None:
        async with waiting_client(pair) as client:
            pair.replica.signal(signal.SIGSTOP)
            with pytest.raises(StoreUnavailable):
                await make_ledger(client).admit(make_ask("m1", user(1)))

            pair.replica.signal(signal.SIGCONT)
            await until(lambda: _admits(client))

    async def test_is_not_made_by_a_second_call_that_writes_nothing(self, pair: Pair) -> None:
        async with waiting_client(pair) as client:
            queue = SendQueue(client, [PORTFOLIO], make_seal())
            assert await queue.enqueue(PORTFOLIO, a_waiting("m1"))
            pair.replica.signal(signal.SIGSTOP)
            with pytest.raises(StoreUnavailable):
                await queue.enqueue(PORTFOLIO, a_waiting("m2"))
        # Another connection, which has written nothing.
        async with waiting_client(pair) as client:
            queue = SendQueue(client, [PORTFOLIO], make_seal())
            with pytest.raises(StoreUnavailable):
                await queue.enqueue(PORTFOLIO, a_waiting("m2"))

    async def test_waits_for_nobody_where_nothing_is_promised(self, pair: Pair) -> None:
        pair.replica.signal(signal.SIGSTOP)
        async with waiting_client(pair) as client:
            assert (await make_ledger(client).books(PORTFOLIO)).used == 0
        async with await connect(pair.url) as connection:
            assert (await make_ledger(connection.client).admit(make_ask("m1", user(1)))).taken

    async def test_is_made_by_a_server_that_does_not_know_the_script(self, pair: Pair) -> None:
        async with waiting_client(pair) as client, pair.replica.client as replica:
            for n in range(2):
                await client.script_flush()
                assert (await make_ledger(client).admit(make_ask(f"m{n}", user(n)))).taken
                assert await replica.exists(f"tidegate:{{lucky-shrub}}:message:m{n}")

    async def test_that_breaks_is_told_as_what_it_is(self, pair: Pair) -> None:
        async with waiting_client(pair) as client, pair.primary.client as primary:
            await primary.config_set("maxmemory", "1")
            with pytest.raises(StoreUnavailable, match=r"(?i)memory|OOM"):
                await script("open_window")(
                    client, PortfolioKeys(PORTFOLIO).all, [86_400_000, 0, user(1), NUMBER.id, 1]
                )


async def _admits(client: Any) -> bool:
    try:
        return (await make_ledger(client).admit(make_ask("m2", user(2)))).taken
    except StoreUnavailable:
        return False


def a_waiting(message_id: str) -> Waiting:
    lane = Lane(NUMBER.id, Category.MARKETING)
    return Waiting(message_id, None, lane, user(1), 1, False, NEVER_MS, b"body", b"{}", "budget", None, "a test")


@dataclass
class House:
    """Nodes on the pair, which promise nothing that the replica has not got, and the platform."""

    pair: Pair
    simulator: Simulator
    session: aiohttp.ClientSession
    nodes: list[Node] = field(default_factory=list)

    async def node(self) -> Node:
        settings = Deployment(limit=LIMIT, rules=RULES).settings(self.pair.url, self.simulator.url)
        store = settings.store.model_copy(update={"replicas_ack": 1})
        node = await build(settings.model_copy(update={"store": store}))
        await node.start()
        self.nodes.append(node)
        return node

    async def end(self, node: Node) -> None:
        self.nodes.remove(node)
        await node.stop()

    async def call(self, node: Node, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {APP_KEY}")
        url = f"http://127.0.0.1:{node.address[1]}{path}"
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.session.request(method, url, data=raw, headers=named) as answer:
            text = await answer.read()
            return answer.status, orjson.loads(text) if text else None

    async def send(self, node: Node, to: str, **headers: str) -> tuple[int, Any]:
        """Status, and the id of a message that was accepted or queued, or the code of the error."""
        template = {"name": MARKETING, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
        path = f"/v25.0/{NUMBER.id}/messages"
        status, answer = await self.call(node, "POST", path, body, Content_Type="application/json", **headers)
        return status, answer["messages"][0]["id"] if status == 200 else answer["error"]["code"]

    async def writes(self, node: Node, phone: str) -> int:
        """A user's message comes by webhook; what Meta is answered."""
        now_s = node.services.clock.now_ms() // 1000
        message = {
            "from": phone,
            "id": f"wamid.{phone}",
            "timestamp": str(now_s),
            "type": "text",
            "text": {"body": "hi"},
        }
        metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message]}
        changes = [{"field": "messages", "value": value}]
        raw = orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA.id, "changes": changes}]})
        secret = Deployment(limit=LIMIT).platform.app_secret.encode()
        digest = hmac.new(secret, raw, hashlib.sha256).hexdigest()
        status, _ = await self.call(
            node, "POST", "/webhooks/whatsapp", raw, X_Hub_Signature_256=f"sha256={digest}", Authorization=""
        )
        return status

    async def queued(self, node: Node) -> int:
        _, answer = await self.call(node, "GET", "/gateway/v1/queue")
        return int(answer["waiting"])

    @property
    def accepted(self) -> int:
        return len(self.simulator.world.book.accepted)


@pytest.fixture
async def house(pair: Pair) -> AsyncIterator[House]:
    simulator = await run_simulator(config=Deployment(limit=LIMIT).platform)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        made = House(pair, simulator, session)
        try:
            yield made
        finally:
            pair.replica.signal(signal.SIGCONT)
            for node in list(made.nodes):
                await made.end(node)
            await simulator.stop()


async def test_a_node_asks_who_follows(house: House) -> None:
    await house.node()
    async with house.pair.primary.client as primary:

        async def is_known() -> bool:
            return (await primary.get(PortfolioKeys(PORTFOLIO).replicas)) == b"1"

        await until(is_known)


async def test_while_the_replica_is_stopped_nothing_is_promised_and_nothing_is_sent(house: House) -> None:
    node = await house.node()
    assert (await house.send(node, "+15550100001"))[0] == 200
    assert (await house.send(node, "+15550100002", Tidegate_Not_Before=LATER))[0] == 200
    assert (house.accepted, await house.queued(node)) == (1, 1)

    house.pair.replica.signal(signal.SIGSTOP)
    assert await house.send(node, "+15550100003") == (503, 2)
    assert await house.send(node, "+15550100004", Tidegate_Not_Before=LATER) == (503, 2)
    assert await house.writes(node, "15550100005") == 503
    assert house.accepted == 1

    house.pair.replica.signal(signal.SIGCONT)

    async def goes_again() -> bool:
        return (await house.send(node, "+15550100006"))[0] == 200

    await until(goes_again)
    assert await house.writes(node, "15550100005") == 200
    await node.services.gateway.settled(5)

    async def only_what_was_promised() -> bool:
        return (await house.queued(node), house.accepted, await used(node)) == (1, 2, 2)

    await until(only_what_was_promised)
    status, again = await house.send(node, "+15550100004", Tidegate_Not_Before=LATER)
    assert (status, isinstance(again, str), await house.queued(node)) == (200, True, 2)


async def test_what_was_answered_is_there_after_a_failover_that_lost_the_rest(house: House) -> None:
    node, gone = await house.node(), await house.node()
    promised = [await house.send((node, gone)[n % 2], f"+1555010{n:04}") for n in range(6)]
    promised += [await house.send(node, "+15550200001", Tidegate_Not_Before=LATER)]
    assert {status for status, _ in promised} == {200}
    await node.services.gateway.settled(5)
    await gone.services.gateway.settled(5)

    async def is_known() -> bool:
        return gone.recovery.journals[0].node in node.recovery.journals[0].of(PORTFOLIO).nodes

    await until(is_known)
    before_ms = await _now_ms(house.pair.primary)

    async def both_were_heard_of() -> bool:
        return await _heard_since(house.pair.replica, before_ms) >= 2

    await until(both_were_heard_of)
    await house.pair.cut()
    assert await house.send(node, "+15550109998") == (503, 2)
    assert await house.send(node, "+15550109999", Tidegate_Not_Before=LATER) == (503, 2)
    assert house.accepted == 6
    await house.end(gone)

    await house.pair.fail_over()

    await held(node)
    assert await used(node) == 6
    assert await house.queued(node) == 1
    for _, message_id in promised:
        status, told = await house.call(node, "GET", f"/gateway/v1/messages/{message_id}")
        assert (status, told["state"] in ("accepted", "sent", "delivered", "read", "queued")) == (200, True)
    assert await house.send(node, "+15550109996") == (503, 2), "it has no replica yet"
    await house.pair.old_one_follows()
    assert (await house.send(node, "+15550109997"))[0] == 200
    assert (await house.queued(node), house.accepted) == (2, 6), "it is queued: nobody knows what the other node sent"

    accept = {"portfolio": PORTFOLIO, "reason": "its node is gone for good"}
    status, answer = await house.call(node, "POST", "/gateway/v1/books:accept", accept)
    assert (status, answer["accepted"]) == (200, True)
    await whole(node)

    async def went() -> bool:
        return house.accepted == 7

    await until(went)
    assert await used(node) == 7


async def _now_ms(server: Server) -> int:
    async with server.client as client:
        seconds, micros = await client.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def _heard_since(server: Server, at_ms: int) -> int:
    """How many nodes a server has heard of since then, in whichever clock its books have."""
    async with server.client as client:
        nodes = await client.hgetall(f"tidegate:{{{PORTFOLIO}}}:nodes")
    return sum(int(told.split()[1]) >= at_ms for told in nodes.values())
