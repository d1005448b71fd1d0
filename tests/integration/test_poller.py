"""The poller: what it passes on, when it reads, and how all nodes rest when Meta asks one of them to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA, make_case, make_rules, make_standing
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.graph_reads import GraphReads
from tidegate.policy.breaker import Board, Breaker, covers, step
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.standing import Change, Standing
from tidegate.poller import LOOK_EVERY_MS, Account, Poller
from tidegate.store.leases import Leases
from tidegate.store.scripts import StoreClient
from tidegate.tasks import spawn
from tidegate.upstream import Upstream

INTERVAL_MS = 300_000
MINUTE_MS = 60_000
OTHER = "300000000000003"


@dataclass
class Graph:
    """A stand-in for Graph that counts calls by account; an account in `refusals` is answered this error."""

    url: str = ""
    refusals: dict[str, int] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        waba = request.headers["Authorization"].removeprefix("Bearer ")
        if not request.path.endswith("message_templates") and request.path.split("/")[2] == waba:
            self.reads.append(waba)
        code = self.refusals.get(waba)
        if code is not None:
            return web.json_response({"error": {"message": "no", "code": code}}, status=400)
        return web.json_response({"quality_rating": "RED", "account_review_status": "APPROVED", "data": []})


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    made = Graph()
    application = web.Application()
    application.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass
class Store:
    """What all nodes share: the standing, in which signals open breakers as the rules say; and what was told."""

    standing: Standing = field(default_factory=make_standing)
    told: list[tuple[str, Any]] = field(default_factory=list)
    down: bool = False
    #: So many readings end in a fault of ours.
    breaks: int = 0
    attempts: int = 0

    async def restand(self, portfolio: str, changes: Sequence[Change]) -> None:
        self._reach()
        self.told += [("change", change) for change in changes]

    async def consider(self, signals: Sequence[Signal]) -> None:
        self._reach()
        self.told += [("signal", signal) for signal in signals]
        breakers: dict[str, Breaker] = {breaker.id: breaker for breaker in self.standing.breakers}
        for signal in signals:
            for effect in self.standing.rules.consequences.of(signal):
                event = effect.event()
                after = step(breakers.get(effect.breaker_id), event, signal.at_ms) if event else None
                if after is not None:
                    breakers[after.id] = after
        self.standing = replace(self.standing, breakers=Board(breakers.values()))

    async def read(self, portfolio: str) -> Standing:
        self.attempts += 1
        if self.breaks:
            self.breaks -= 1
            raise ValueError("a record that nobody can bear")
        self._reach()
        return self.standing

    def _reach(self) -> None:
        if self.down:
            raise StoreUnavailable("out of reach")

    @property
    def signals(self) -> list[str]:
        return [told.name for kind, told in self.told if kind == "signal"]


@dataclass
class PolledNode:
    """One node's poller, and its clock."""

    poller: Poller
    clock: StoreClock

    def advance(self, ms: int) -> None:
        """The store's time moves on, and the node has heard of it."""
        self.clock.observe(self.clock.now_ms() + ms)


NodeMaker = Callable[..., Awaitable[PolledNode]]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def make_node(client: StoreClient, graph: Graph, store: Store) -> AsyncIterator[NodeMaker]:
    """Start pollers of one store; every account's token is its id."""
    upstream = Upstream(graph.url, 5, {})
    await upstream.start()
    running: list[asyncio.Task[None]] = []

    async def make(holder: str = "node", wabas: Sequence[str] = (WABA,), *, tried: bool = True) -> PolledNode:
        clock = StoreClock()
        clock.observe(NOW_MS)
        accounts = [
            Account(PORTFOLIO, waba, (NUMBER,), GraphReads(upstream, PORTFOLIO, waba, partial(str, waba), clock.now_ms))
            for waba in wabas
        ]
        poller = Poller(
            restand=store.restand,
            consider=store.consider,
            standing=store.read,
            clock=clock,
            leases=Leases(client, holder),
            accounts=accounts,
            interval_ms=INTERVAL_MS,
        )
        running.append(spawn(poller.run(), "poller"))
        if tried:
            async with asyncio.timeout(10):
                await poller.tried.wait()
        return PolledNode(poller, clock)

    yield make
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await upstream.close()


def read(store: Store, times: int, waba: str = WABA) -> Callable[[], Awaitable[bool]]:
    """Whether an account was read so many times, to the end."""

    async def check() -> bool:
        return len(asked_at_ms(store, waba)) >= times

    return check


async def tries_to_look(node: PolledNode, store: Store) -> None:
    """Have a node look twice: when the second attempt is seen the first one has ended."""

    async def attempted() -> bool:
        return store.attempts > before

    for _ in range(2):
        before = store.attempts
        node.poller.look(WABA)
        node.advance(LOOK_EVERY_MS)
        await until(attempted)


def asked_at_ms(store: Store, waba: str = WABA) -> list[int]:
    """When each reading of an account began, by the store's time."""
    told = [signal for kind, signal in store.told if kind == "signal"]
    return [signal.at_ms for signal in told if (signal.name, signal.subject.waba) == ("token.accepted", waba)]


async def test_facts_are_written_before_consequences_are_drawn(make_node: NodeMaker, store: Store) -> None:
    await make_node()

    kinds = [kind for kind, _ in store.told]
    assert kinds == sorted(kinds), "changes first"
    assert {"number.quality.RED", "account.review.APPROVED", "token.accepted"} <= set(store.signals)


async def test_every_node_that_starts_reads_and_then_one_of_them(
    make_node: NodeMaker, graph: Graph, store: Store
) -> None:
    nodes = [await make_node("one"), await make_node("two")]
    assert len(graph.reads) == 2

    for reads in (3, 4, 5):
        for node in nodes:
            node.advance(INTERVAL_MS)
        await until(read(store, reads))

    assert len(graph.reads) == 5


async def test_the_node_that_reads_an_account_knows_how_old_its_word_is_and_no_other(
    make_node: NodeMaker, graph: Graph, store: Store
) -> None:
    one, other = await make_node("one"), await make_node("other")
    assert all(node.poller.read_at_ms[PORTFOLIO] for node in (one, other)), "each has read for itself"
    graph.refusals[WABA] = 2
    for node in (one, other):
        node.advance(INTERVAL_MS + MINUTE_MS)

    async def has_been_settled() -> bool:
        return sorted(len(node.poller.read_at_ms[PORTFOLIO]) for node in (one, other)) == [0, 1]

    await until(has_been_settled)
    [read_at_ms] = [at for node in (one, other) for at in node.poller.read_at_ms[PORTFOLIO].values()]
    assert read_at_ms < NOW_MS + INTERVAL_MS, "what failed does not make it younger"


async def test_an_account_that_cannot_be_read_keeps_no_other_waiting(
    make_node: NodeMaker, graph: Graph, store: Store
) -> None:
    graph.refusals = {OTHER: 190}
    node = await make_node(wabas=(OTHER, WABA))

    node.advance(INTERVAL_MS)

    await until(read(store, 2))


async def test_a_reading_that_failed_is_tried_again_soon(make_node: NodeMaker, graph: Graph, store: Store) -> None:
    store.down = True
    await make_node()
    assert graph.reads == []

    store.down = False

    await until(read(store, 1))
    assert "number.quality.RED" in store.signals


async def test_a_token_that_a_read_is_refused_with_stops_its_account_and_no_other(
    make_node: NodeMaker, graph: Graph, store: Store
) -> None:
    graph.refusals = {OTHER: 190}

    await make_node(wabas=(OTHER, WABA))

    tripped = [breaker for breaker in store.standing.breakers if breaker.rule == "token"]
    assert [breaker.value for breaker in tripped] == [OTHER]
    assert not covers(tripped[0], make_case())
    assert covers(tripped[0], make_case(waba=OTHER))


class TestRest:
    async def test_no_node_asks_on_when_meta_asked_one_of_them_to_stop(
        self, make_node: NodeMaker, graph: Graph, store: Store
    ) -> None:
        graph.refusals = {WABA: 80007}
        first = await make_node("one")
        graph.refusals = {}
        second = await make_node("two")
        assert store.signals == ["error.80007"]

        for node in (first, second):
            node.advance(8 * MINUTE_MS)
            await tries_to_look(node, store)
        assert graph.reads == []

        for node in (first, second):
            node.advance(3 * MINUTE_MS)
        await until(read(store, 1))

    async def test_a_rest_holds_no_other_account(self, make_node: NodeMaker, graph: Graph) -> None:
        graph.refusals = {WABA: 4}
        await make_node("one")

        await make_node("two", (OTHER,))

        assert graph.reads == [OTHER]

    async def test_a_node_that_was_asked_itself_rests_whatever_the_rules_say(
        self, make_node: NodeMaker, graph: Graph, store: Store
    ) -> None:
        rules = make_rules(consequence=[{"id": "management_calls", "mode": "off"}])
        store.standing = replace(store.standing, rules=rules)
        graph.refusals = {WABA: 80007}
        node = await make_node()
        graph.refusals = {}

        await tries_to_look(node, store)

        assert graph.reads == []

    async def test_a_rest_stops_no_send(self, make_node: NodeMaker, graph: Graph, store: Store) -> None:
        graph.refusals = {WABA: 80008}
        await make_node()

        (breaker,) = store.standing.breakers
        assert breaker.rule == "management_calls"
        assert not covers(breaker, make_case())

    @pytest.mark.parametrize("mode", ["shadow", "off"])
    async def test_a_rule_that_is_not_enforced_holds_no_other_node(
        self, make_node: NodeMaker, graph: Graph, store: Store, mode: str
    ) -> None:
        graph.refusals = {WABA: 80007}
        await make_node("one")
        rules = make_rules(consequence=[{"id": "management_calls", "mode": mode}])
        store.standing = replace(store.standing, rules=rules)
        graph.refusals = {}

        await make_node("two")

        assert graph.reads == [WABA]

    async def test_a_rest_outlasts_a_look(self, make_node: NodeMaker, graph: Graph, store: Store) -> None:
        graph.refusals = {WABA: 80007}
        node = await make_node()
        graph.refusals = {}

        await tries_to_look(node, store)

        assert graph.reads == []


class TestLook:
    async def test_a_look_reads_at_once_though_another_node_has_the_duty(
        self, make_node: NodeMaker, store: Store, client: StoreClient
    ) -> None:
        assert await Leases(client, "another").hold(PORTFOLIO, f"poll:{WABA}", 600_000)
        node = await make_node()

        node.poller.look(WABA)

        await until(read(store, 2))

    async def test_looks_one_after_the_other_are_spaced_and_none_is_lost(
        self, make_node: NodeMaker, store: Store
    ) -> None:
        node = await make_node(wabas=(WABA, OTHER))
        node.poller.look(WABA)
        await until(read(store, 2))

        node.poller.look(WABA)
        node.poller.look(OTHER)
        await until(read(store, 2, OTHER))
        node.advance(LOOK_EVERY_MS)
        await until(read(store, 3))

        _, first, second = asked_at_ms(store)
        assert second - first >= LOOK_EVERY_MS

    async def test_looks_that_wait_for_one_another_are_one(self, make_node: NodeMaker, store: Store) -> None:
        node = await make_node(wabas=(WABA, OTHER))
        for _ in range(3):
            node.poller.look(WABA)
        await until(read(store, 2))

        for times in (2, 3):
            node.advance(LOOK_EVERY_MS)
            node.poller.look(OTHER)
            await until(read(store, times, OTHER))

        assert len(asked_at_ms(store)) == 2

    async def test_only_the_account_that_was_named_is_looked_at(
        self, make_node: NodeMaker, graph: Graph, store: Store
    ) -> None:
        node = await make_node(wabas=(WABA, OTHER))

        node.poller.look(OTHER)
        node.poller.look("nobodys")

        await until(read(store, 2, OTHER))
        assert graph.reads.count(WABA) == 1


async def test_a_node_without_accounts_has_tried_them_all(make_node: NodeMaker) -> None:
    node = await make_node(wabas=(), tried=False)

    async with asyncio.timeout(10):
        await node.poller.tried.wait()


async def test_a_fault_of_ours_in_one_reading_is_not_the_end_of_all(make_node: NodeMaker, store: Store) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
    store.breaks = 1

    await make_node()

    await until(read(store, 1))
