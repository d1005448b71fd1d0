"""A store that has forgotten what it acknowledged: nothing that counts goes before the nodes have told it again."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from redis import Redis

from loadtest.deployment import APP, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.messages import RecipientKind, Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Answered, Forwarded, Held, Message, Refused, Route, Unavailable
from tidegate.policy.standing import Change
from tidegate.recovery import Stores
from tidegate.settings.tables import Journal as JournalTable
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.books import HOLD_MS
from tidegate.store.embedded import socket_url
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import Inbound
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

LIMIT = 20
RULES = {"headroom": 0, "reserve": {"authentication": 0, "utility": 0}, "hold": {"utility": "reject"}}
ROUTE = Route(PORTFOLIO, WABA.id, NUMBER.id)
ON_DISK = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


@dataclass
class House:
    """A store of the test's own, which it may break, nodes on it, and the platform that they send to."""

    directory: Path
    simulator: Simulator
    nodes: list[Node] = field(default_factory=list)
    server: ValkeyProcess | None = None
    options: dict[str, str] = field(default_factory=lambda: dict(ON_DISK))

    @property
    def url(self) -> str:
        return socket_url(str(self.directory / SOCKET_NAME))

    async def start_store(self) -> None:
        self.server = ValkeyProcess.spawn(self.directory, self.options)
        await self.server.ready(str(self.directory / SOCKET_NAME), timeout_s=10)

    async def end_store(self, how: int = signal.SIGKILL) -> None:
        assert self.server is not None
        self.server._process.send_signal(how)
        await self.server.ended()

    def look(self) -> Redis:
        return Redis.from_url(self.url)

    async def node(self, journal: Path | None = None) -> Node:
        settings = Deployment(limit=LIMIT, rules=RULES).settings(self.url, self.simulator.url)
        node = await build(settings.model_copy(update={"journal": JournalTable(directory=journal)}))
        await node.start()
        self.nodes.append(node)
        return node

    async def end(self, node: Node) -> None:
        self.nodes.remove(node)
        await node.stop()

    @property
    def accepted(self) -> int:
        return len(self.simulator.world.book.accepted)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with _house() as made:
        yield made


@asynccontextmanager
async def _house() -> AsyncIterator[House]:
    simulator = await run_simulator(config=Deployment(limit=LIMIT).platform)
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        made = House(Path(directory), simulator)
        await made.start_store()
        try:
            yield made
        finally:
            for node in list(made.nodes):
                await made.end(node)
            assert made.server is not None
            await made.server.stop(5)
            await simulator.stop()


def a_message(node: Node, to: str, category: Category | None = Category.MARKETING, *, hold: bool = True) -> Message:
    if category is None:
        body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "yes"}}
    else:
        template = {"name": MARKETING, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    gateway = node.services.gateway
    return Message(
        message_id=gateway.new_id(PORTFOLIO),
        app=APP,
        route=ROUTE,
        request=request,
        raw_path=f"/v25.0/{NUMBER.id}/messages",
        deadline_ms=gateway.deadline_ms(ROUTE, category, None),
        category=category,
        hold=hold and category is not None,
    )


async def sent(node: Node, to: str, category: Category | None = Category.MARKETING, *, hold: bool = True) -> Answered:
    return await node.services.gateway.submit(a_message(node, to, category, hold=hold))


async def used(node: Node) -> int:
    return (await node.services.ledger.books(PORTFOLIO)).used


async def works_again(house: House, node: Node) -> None:
    """Return once the node trusts the books that there are now, on the server that there is now."""

    async def trusted() -> bool:
        with house.look() as store:
            era = store.hget(PortfolioKeys(PORTFOLIO).ledger, "era") or b"none"
            run_id = store.info("server")["run_id"]
        recovery = node.recovery
        known = recovery.witness._trusted == run_id and recovery.journals[0].of(PORTFOLIO).era == era.decode()
        return known and not recovery.witness.doubts.is_set()

    await until(trusted)


async def whole(node: Node) -> None:
    """Return once the books are whole, and the node knows it."""

    async def are_whole() -> bool:
        try:
            await node.services.standings.reload(PORTFOLIO, -1)
        except StoreUnavailable:
            return False
        return node.services.standings.known(PORTFOLIO).held_until_ms == 0

    await until(are_whole)


async def held(node: Node) -> None:
    async def are_held() -> bool:
        try:
            await node.services.standings.reload(PORTFOLIO, -1)
        except StoreUnavailable:
            return False
        return node.services.standings.known(PORTFOLIO).held_until_ms > 0

    await until(are_held)


async def emptied(house: House) -> None:
    with house.look() as store:
        store.flushall()


class TestAnEmptiedStore:
    async def test_is_told_again_whom_its_nodes_have_counted(self, house: House) -> None:
        first, second = await house.node(), await house.node()
        for n in range(LIMIT):
            assert isinstance(await sent((first, second)[n % 2], f"+1555010{n:04}"), Forwarded)
        assert isinstance(await sent(first, "+15550109999"), Held)

        await emptied(house)
        await works_again(house, first)
        await works_again(house, second)
        await whole(first)

        assert await used(first) == LIMIT
        assert isinstance(await sent(second, "+15550100003"), Forwarded), "who is counted takes no other place"
        over = await sent(second, "+15550108888")
        assert isinstance(over, Held) and over.reason.value == "messaging_limit"
        assert house.accepted == LIMIT + 1

    async def test_sends_nothing_that_counts_before_all_its_nodes_have_spoken(self, house: House) -> None:
        first, second = await house.node(), await house.node()
        for n in range(LIMIT // 2):
            await sent(first, f"+1555010{n:04}")
            await sent(second, f"+1555020{n:04}")
        recipient = second.services.gateway._identity.of(RecipientKind.PHONE, "15550300001")

        async def know_each_other() -> bool:
            return second.recovery.journals[0].node in first.recovery.journals[0].of(PORTFOLIO).nodes

        await until(know_each_other)
        await house.end(second)

        await emptied(house)
        await held(first)
        await works_again(house, first)

        assert await used(first) == LIMIT // 2, "what only the other node knew is not known"
        assert isinstance(await sent(first, "+15550307777", Category.AUTHENTICATION, hold=False), Unavailable)
        queued = await sent(first, "+15550306666")
        assert isinstance(queued, Held) and queued.reason.value == "store_unavailable"
        now_ms = first.services.clock.now_ms()
        await first.services.ledger.open_window(Inbound(PORTFOLIO, recipient, NUMBER.id, now_ms))
        assert isinstance(await sent(first, "+15550300001", None), Forwarded), "replies go on"
        assert house.accepted == LIMIT + 1

        steerable = first.services.steerable
        assert steerable is not None
        await steerable.advance(HOLD_MS + 1_000)
        await whole(first)

        async def went() -> bool:
            return house.accepted == LIMIT + 2

        await until(went)

    async def test_is_told_again_what_users_and_operators_have_forbidden(self, house: House) -> None:
        node = await house.node()
        users, identity = node.services.users, node.services.gateway._identity
        stopped = identity.of(RecipientKind.PHONE, "15550100001")
        now_ms = node.services.clock.now_ms()
        await users.refuse(PORTFOLIO, stopped, Category.MARKETING, "the user's own message", now_ms)
        pause = {"scope": "category", "value": "utility", "reason": "a look", "until_ms": None, "by": "ops"}
        change = Change("pause", "p1", {"pause": pause}, "operator", now_ms, "by hand", tightens=True)
        await node.services.signals.restand(PORTFOLIO, [change])
        await sent(node, "+15550100009")

        await emptied(house)
        await works_again(house, node)
        await whole(node)

        refused = await sent(node, "+15550100001")
        assert isinstance(refused, Refused) and refused.reason.value == "opted_out"
        paused = await sent(node, "+15550100002", Category.UTILITY, hold=False)
        assert isinstance(paused, Refused) and paused.reason.value == "paused_by_operator"

    async def test_says_of_a_message_what_it_said_before(self, house: House) -> None:
        node = await house.node()
        answer = await sent(node, "+15550100001")
        assert isinstance(answer, Forwarded)
        await node.services.gateway.settled(5)

        await emptied(house)
        await works_again(house, node)

        record = await node.services.messages.find(PORTFOLIO, answer.message_id)
        assert record is not None and record.state.value == "accepted" and record.wamid

    async def test_gives_a_new_node_nothing_to_wait_for(self, house: House) -> None:
        await house.end(await house.node())
        await emptied(house)

        assert isinstance(await sent(await house.node(), "+15550100001"), Forwarded)


class TestAnotherServer:
    async def test_that_has_lost_its_last_moments_sends_nothing_twice(self, house: House) -> None:
        node = await house.node()
        for n in range(5):
            await sent(node, f"+1555010{n:04}")
        await paused(node, True)
        promised = await sent(node, "+15550109999")
        assert isinstance(promised, Held)
        before = await snapshot(house)
        await paused(node, False)

        async def went() -> bool:
            return house.accepted == 6

        await until(went)
        for n in range(5, 9):
            await sent(node, f"+1555010{n:04}")

        await house.end_store()
        restored(house, before)
        await house.start_store()
        await works_again(house, node)
        await whole(node)

        assert await used(node) == 10
        await node.services.dispatcher.rouse(PORTFOLIO, ["paused_by_operator", "store_unavailable"])
        await node.services.dispatcher.drain_once(PORTFOLIO)
        await node.services.gateway.settled(5)
        assert house.accepted == 10
        record = await node.services.messages.find(PORTFOLIO, promised.message_id)
        assert record is not None and record.state.value == "accepted"

    async def test_is_asked_for_nothing_before_its_books_were_looked_at(self, house: House) -> None:
        node = await house.node()
        await sent(node, "+15550100001")
        opened, node.recovery.open_stores = node.recovery.open_stores, _nothing
        await house.end_store()
        await house.start_store()

        answer = await sent(node, "+15550100002")
        assert isinstance(answer, Unavailable)
        assert house.accepted == 1

        node.recovery.open_stores = opened
        await works_again(house, node)
        assert isinstance(await sent(node, "+15550100002"), Forwarded)

    async def test_that_forgets_nothing_needs_nobody_to_vouch(self, house: House) -> None:
        await house.end_store(signal.SIGTERM)
        house.options["appendfsync"] = "always"
        await house.start_store()
        gone, stays = await house.node(), await house.node()
        await sent(gone, "+15550100001")
        await house.end(gone)

        await house.end_store()
        await house.start_store()
        await works_again(house, stays)

        assert isinstance(await sent(stays, "+15550100002"), Forwarded)
        assert await used(stays) == 2


class TestAJournalOnDisk:
    async def test_tells_what_a_node_knew_that_was_killed(self, house: House, tmp_path: Path) -> None:
        killed = await house.node(tmp_path / "journal")
        for n in range(LIMIT):
            await sent(killed, f"+1555010{n:04}")
        copied = shutil.copytree(tmp_path / "journal", tmp_path / "as it was on the disk")
        await house.end(killed)
        await emptied(house)

        node = await house.node(copied)

        await whole(node)
        assert await used(node) == LIMIT
        assert isinstance(await sent(node, "+15550108888"), Held)

    async def test_of_a_node_that_is_gone_is_told_by_another(self, house: House, tmp_path: Path) -> None:
        first, second = await house.node(tmp_path), await house.node(tmp_path)
        await sent(first, "+15550100001")
        await sent(second, "+15550100002")
        await house.end(first)
        await house.end(second)
        await emptied(house)

        node = await house.node(tmp_path)

        await whole(node)
        assert await used(node) == 2

    async def test_that_can_not_be_written_sends_nothing(self, house: House, tmp_path: Path) -> None:
        node = await house.node(tmp_path)
        slot = node.recovery.journals[0]._slot
        assert slot is not None and slot._file is not None
        with open("/dev/full", "wb") as full:
            os.dup2(full.fileno(), slot._file)

            assert isinstance(await sent(node, "+15550100001", hold=False), Unavailable)

        await node.services.gateway.settled(5)
        assert house.accepted == 0
        assert await used(node) == 0


async def test_a_stop_gives_the_journal_up(house: House, tmp_path: Path) -> None:
    for _ in range(2):
        node = await house.node(tmp_path)
        assert node.recovery.journals[0].node == "node-1"
        await house.end(node)


async def test_ten_thousand_sends_are_told_again_in_a_few_trips(house: House) -> None:
    node = await house.node()
    await sent(node, "+15550100001")
    own = node.recovery.journals[0]
    [intent] = own.of(PORTFOLIO).intents.values()
    many = [replace(intent, message_id=f"{intent.message_id}-{n}", recipient=a_name(n)) for n in range(10_000)]
    await own.intend(many, intent.at_ms)

    await emptied(house)
    await works_again(house, node)
    await whole(node)

    assert await used(node) == 10_001


def a_name(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()[:16]


async def paused(node: Node, yes: bool) -> None:
    pause = {"scope": "number", "value": NUMBER.id, "reason": "a look", "until_ms": None, "by": "ops"}
    now_ms = node.services.clock.now_ms()
    change = Change("pause", "p1", {"pause": pause if yes else None}, "operator", now_ms, "by hand", tightens=yes)
    await node.services.signals.restand(PORTFOLIO, [change])


async def snapshot(house: House) -> Path:
    """What the store had on its disk at this moment."""
    with house.look() as store:
        store.config_set("appendfsync", "always")
        store.set("snapshot", "now")
        store.config_set("appendfsync", "everysec")
    target = house.directory / "snapshot"
    shutil.copytree(house.directory / "appendonlydir", target)
    return target


def restored(house: House, before: Path) -> None:
    shutil.rmtree(house.directory / "appendonlydir")
    shutil.move(before, house.directory / "appendonlydir")


@asynccontextmanager
async def _nothing() -> AsyncIterator[Stores]:
    raise StoreUnavailable("nobody looks at the books yet")
    yield


def test_the_keys_of_the_books_are_where_the_scripts_look() -> None:
    assert PortfolioKeys(PORTFOLIO).nodes.endswith(":nodes")
