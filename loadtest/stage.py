"""A stage: a store, the simulated Cloud API and gateway nodes in one process, over real HTTP, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from redis import Redis

from loadtest.caller import Caller
from loadtest.deployment import APP_KEY, NUMBER, PORTFOLIO, Deployment
from loadtest.store_glance import Glance, StoreGlance
from loadtest.virtual_time import VirtualTime
from tidegate.app import Node, build
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.capacity import category_places
from tidegate.simulator import notices
from tidegate.simulator.notices import Webhook
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.batch import is_any_busy
from tidegate.store.send_queue import Lane

#: Time is put forward by at least this much at a step, so that what happens close together is done together.
GRAIN_MS: Final = 20_000
#: ... and by no more than this, so that what only happens now and then (a webhook's next try) is not passed over.
_LONGEST_STEP_MS: Final = 600_000
_STALLED_S: Final = 60.0
#: Looks come soon at first, then less often: what takes long is not hurried by looking.
_FIRST_LOOK_S: Final = 0.001
_LAST_LOOK_S: Final = 0.02
#: Where webhooks go while no node runs: nobody listens there, so they come again later.
_NOWHERE: Final = "http://127.0.0.1:9"
#: Tasks of a node that are work in hand; by name, as the node gives them.
_WORK: Final = frozenset({"queued send", "settle", "note", "give back", "rouse", "signals"})


class NeverQuiet(Exception):
    """Work is in hand or due, and nothing goes on for a minute of real time; says which."""


@dataclass(slots=True)
class Stage:
    """Everything that is on; made by `open_stage`."""

    deployment: Deployment
    store_url: str
    time: VirtualTime
    simulator: Simulator
    nodes: list[Node]
    caller: Caller
    _glance: StoreGlance
    _steps: int = 0

    def look(self) -> Glance:
        """What the store holds and awaits now."""
        return self._glance.look()

    def report(self) -> dict[str, Any]:
        """The platform's own book: what it accepted and refused, and which rules were broken."""
        self.simulator.world.catch_up(self.time())
        return self.simulator.world.book.report()

    def committed(self) -> int:
        """Users that the platform's book counts now: delivered to in the last 24 h, or on their way."""
        return self.simulator.world.estate.portfolios[PORTFOLIO].places.committed(self.time())

    async def advance(self, by_ms: int, grain_ms: int = GRAIN_MS) -> None:
        """Let this much time pass, from event to event, and return when all that it brought is done.

        Raises NeverQuiet.
        """
        end_ms = self.time() + by_ms
        await self.quiet()
        while (now_ms := self.time()) < end_ms:
            at_ms = min(end_ms, max(now_ms + grain_ms, self._next_ms(now_ms)))
            alarm_ms = self.time.next_alarm_ms
            if alarm_ms is not None:
                at_ms = min(at_ms, alarm_ms)
            self.put_forward(max(0, at_ms - now_ms))
            await self.quiet()

    def put_forward(self, by_ms: int) -> None:
        """Put the clock forward, and do not wait for what that brings."""
        self.time.put_forward(by_ms)
        self._next_node_gets_webhooks()
        for node in self.nodes:
            # A node would learn of it at its next look at the store, within a quarter of a second.
            node.services.clock.observe(self.time())
            node.services.dispatcher.wake_all()

    async def accepted(self, count: int) -> None:
        """Return once the platform has accepted this many sends in all. Raises NeverQuiet where it never does."""
        book = self.simulator.world.book
        for _ in range(int(_STALLED_S / _FIRST_LOOK_S)):
            if len(book.accepted) >= count:
                return
            await asyncio.sleep(_FIRST_LOOK_S)
        raise NeverQuiet(f"{len(book.accepted)} of {count} were accepted; {self.look()}")

    async def quiet(self) -> None:
        """Return when nothing is in hand and nothing is due: not here, not in the store, not at the platform.

        Raises NeverQuiet.
        """
        look_s, done, until_s = _FIRST_LOOK_S, self._done(), monotonic() + _STALLED_S
        while (stirring := await self._settled()) is not None:
            if stirring == "due":
                self._wake_nodes()
            if self._done() != done:
                done, until_s = self._done(), monotonic() + _STALLED_S
            elif monotonic() > until_s:
                raise NeverQuiet(f"nothing went on for {_STALLED_S:g} s: {stirring}; {self.look()}")
            await asyncio.sleep(look_s)
            look_s = min(2 * look_s, _LAST_LOOK_S)

    async def _settled(self) -> str | None:
        """What is going on once the platform's webhooks were taken; None: nothing."""
        try:
            async with asyncio.timeout(_STALLED_S):
                await self.simulator.settled()
        except TimeoutError:
            raise NeverQuiet(f"webhooks were not taken for {_STALLED_S:g} s; {self.look()}") from None
        stirring = self._stirring()
        if stirring is None:
            # Whoever was woken by the last change gets its turn; what it began is seen then.
            await asyncio.sleep(0)
            stirring = self._stirring()
        return stirring

    def _done(self) -> tuple[int, int, int]:
        return len(self.simulator.world.book.accepted), self.simulator.courier.taken, self.look().queued

    def _stirring(self) -> str | None:
        """What is going on; "due" where only a node's next look at the store is missing; None: nothing."""
        if self.caller.under_way:
            return "a caller waits for its answer"
        if is_any_busy() or any(task.get_name() in _WORK for task in asyncio.all_tasks()):
            return "a node has work in hand"
        glance, now_ms = self.look(), self.time()
        if glance.in_flight:
            return "an outcome is not known yet"
        due = any(at_ms <= now_ms for at_ms in glance.times)
        has_room = any(lane.waiting and self._has_room(lane.lane, glance) for lane in glance.lanes)
        return "due" if due or has_room or glance.leased else None

    def _has_room(self, lane: Lane, glance: Glance) -> bool:
        limit = self.simulator.world.estate.portfolios[PORTFOLIO].places.limit
        places = category_places(limit, lane.category, self.nodes[0].settings.rules)
        return places < 0 or glance.used < places

    def _next_ms(self, now_ms: int) -> int:
        times = [self.simulator.world.next_event_at_ms(), self.look().next_ms]
        return min((at_ms for at_ms in times if at_ms is not None), default=now_ms + _LONGEST_STEP_MS)

    def _wake_nodes(self) -> None:
        for node in self.nodes:
            node.services.dispatcher.wake_all()

    def _next_node_gets_webhooks(self) -> None:
        self._steps += 1
        bases = self.caller.bases or [_NOWHERE]
        self.simulator.courier.url = f"{bases[self._steps % len(bases)]}/webhooks/whatsapp"

    async def post_webhook(self, webhook: Webhook, node: int = 0) -> int:
        """Sign a webhook as Meta does and POST it to a node; the status answered."""
        body = notices.envelope([webhook])
        return await self.caller.post_webhook(body, notices.signature(body, self.simulator.config.app_secret), node)

    async def add_node(self) -> Node:
        """Start one more node on the same store."""
        node = await build(self.deployment.settings(self.store_url, self.simulator.url), self.store_url)
        await node.start()
        self.nodes.append(node)
        self._know_addresses()
        return node

    async def stop_node(self, index: int) -> None:
        """Stop a node as SIGTERM does: it takes no more work and finishes what is in hand."""
        node = self.nodes.pop(index)
        self._know_addresses()
        # As behind a load balancer: what is sent to it is let through before it goes.
        await self.simulator.settled()
        await node.stop()

    def _know_addresses(self) -> None:
        self.caller.bases = ["http://{}:{}".format(*node.address) for node in self.nodes]
        self._next_node_gets_webhooks()


@asynccontextmanager
async def open_stage(store_url: str, deployment: Deployment) -> AsyncIterator[Stage]:
    """Put a stage up on an empty store at `store_url` (unix://...), and take it down again.

    Raises ValueError where the store is not empty: a test of somebody's data is none.
    """
    async with AsyncExitStack() as stack:
        store = stack.enter_context(Redis.from_url(store_url))
        if store.dbsize():
            raise ValueError("the store of a stage has to be empty")
        time = VirtualTime(store, [PORTFOLIO])
        simulator = await run_simulator(config=deployment.platform, clock=time)
        stack.push_async_callback(simulator.stop)
        caller = Caller(APP_KEY, NUMBER.id, time)
        stack.push_async_callback(caller.close)
        await caller.start()
        lanes = [Lane(NUMBER.id, category) for category in Category]
        stage = Stage(deployment, store_url, time, simulator, [], caller, StoreGlance(store, PORTFOLIO, lanes))
        stack.push_async_callback(_stop_nodes, stage)
        for _ in range(deployment.nodes):
            await stage.add_node()
        await stage.quiet()
        yield stage


async def _stop_nodes(stage: Stage) -> None:
    # All at once: a node's end waits for the tasks of its process, which here is also the others'.
    nodes, stage.nodes = stage.nodes, []
    await asyncio.gather(*(node.stop() for node in nodes))
