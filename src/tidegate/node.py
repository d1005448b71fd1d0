"""One running node: started, watched, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiohttp import web

from tidegate.edge.door.tls import Tls
from tidegate.edge.routes import IN_HAND, Listener
from tidegate.edge.services import Services
from tidegate.ending import Ending
from tidegate.errors import CannotListen, StoreUnavailable, UnfitStore
from tidegate.offline_duty import OfflineDuty
from tidegate.policy.identity import Identity
from tidegate.poller import Poller
from tidegate.recovery import Recovery
from tidegate.settings import Settings
from tidegate.store.client import StoreConnection
from tidegate.store.condition import inspect
from tidegate.store.embedded import EmbeddedStore
from tidegate.store.identity_mark import REMEDY, marked
from tidegate.store.steerable_clock import SteerableClock
from tidegate.tasks import cancelled, lasting, spawn

#: How long a start waits for Graph before it serves with what the configuration and the store say.
_FIRST_READ_S: Final = 5.0
#: A stop takes less than half a minute: this for what is in hand, CLOSE_S twice for what does not end, this for
#: outcomes that the store would not take yet, and what an embedded store needs to end.
_DRAIN_S: Final = 20.0
CLOSE_S: Final = 0.5
_SETTLE_S: Final = 3.0

#: So long a connection may wait for its next request before it is closed without having been told so.
_LINGER_S: Final = 10.0
_LINGER_STEP_S: Final = 0.02

#: A store that is busy at the moment of a start is asked again before the start fails.
_TRIES: Final = 8
_TRY_AGAIN_S: Final = 0.25

#: Python's own thresholds have it look through everything several times while it reads one large body.
_COLLECT: Final = (50_000, 20, 50)

log = structlog.get_logger()


@dataclass(slots=True)
class Node:
    """One running node. `start` it, `stop` it; `address` is where it listens."""

    settings: Settings
    connection: StoreConnection
    services: Services
    poller: Poller
    runner: web.AppRunner
    recovery: Recovery
    without_store: OfflineDuty
    _ending: Ending
    #: What runs beside the sends for as long as the node does, by name.
    duties: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]
    #: None: the port speaks plain HTTP.
    tls: Tls | None = None
    #: The control plane's own port; None: it is on the same one.
    control: web.AppRunner | None = None
    _beside: list[asyncio.Task[None]] = field(default_factory=list)
    #: Set when the node can't go on: its own store ended.
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port in use. Raises IndexError before `start`."""
        host, port = self.runner.addresses[0][:2]
        return host, port

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Reach the store, read the standing, listen, drain the queue. Raises StoreUnavailable, OSError.

        `sockets` listen already: the port's, and the control plane's where it has one of its own.
        """
        services, server = self.services, self.settings.server
        await _patiently(self._check_store)
        await _patiently(self._check_identity)
        await _patiently(self.recovery.begin)
        if self.connection.embedded is not None:
            self._beside.append(spawn(self._watch(self.connection.embedded), "embedded store"))
        services.clock.observe(await _store_now_ms(services, self.connection))
        await services.seal.ready()
        await services.rules.begin()
        await services.upstream.start()
        polling = spawn(self.poller.run(), "poller")
        self._beside.append(polling)
        await _within(self.poller.tried, _FIRST_READ_S)
        await self.runner.setup()
        tls = self.tls.context if self.tls else None
        own, beside = itertools.islice(itertools.chain(sockets, itertools.repeat(None)), 2)
        await Listener(self.runner, server, tls, own).start()
        if self.control is not None and server.control is not None:
            await self.control.setup()
            try:
                await Listener(self.control, server.control, tls, beside).start()
            except OSError as fault:
                raise CannotListen("server.control_listen", server.control.listen, fault) from fault
            log.info("control_plane_listening", listen=server.control.listen)
        services.dispatcher.start()
        self._beside += [spawn(lasting(duty, name), name) for name, duty in self.duties.items()]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        log.info("listening", host=self.address[0], port=self.address[1], version=services.version)

    async def hand_over(self) -> None:
        """Take no connection more, for somebody else does by now, and see the last one off.

        Whatever comes on one that is open is done as ever, and its answer closes it. One that nobody uses for
        `_LINGER_S` is closed by the stop that follows.
        """
        self._ending.hand_over()
        runners = [self.runner, *([self.control] if self.control is not None else [])]
        for site in [site for runner in runners for site in runner.sites]:
            await site.stop()
        for _ in range(round(_LINGER_S / _LINGER_STEP_S)):
            if not any(runner.server.connections for runner in runners if runner.server is not None):
                break
            await asyncio.sleep(_LINGER_STEP_S)
        log.info("handed_over")

    async def stop(self) -> None:
        """Take no more work, finish what is in hand, close; within half a minute, whatever Meta or the store do.

        A send that Meta has not answered by then is cut; its intent is stored, so that its outcome is unknown and it
        is never sent again.
        """
        self._ending.drain()
        await cancelled(self._beside, CLOSE_S)
        # The port still answers meanwhile: /readyz says that the node drains.
        endings = [
            spawn(self.services.dispatcher.stop(), "end of the dispatcher"),
            spawn(self.runner.app[IN_HAND].ended(), "end of what is in hand"),
        ]
        _, cut = await asyncio.wait(endings, timeout=_DRAIN_S)
        for ending in cut:
            ending.cancel()
        await self.runner.cleanup()
        if self.control is not None:
            await self.control.cleanup()
        await self.services.gateway.settled(0 if self.broken.is_set() else _SETTLE_S)
        await self.services.fate_notes.ended(0 if self.broken.is_set() else _SETTLE_S)
        await self.services.upstream.close()
        if not self.broken.is_set():
            await self.without_store.end()
        await self.services.tracing.end()
        await self.recovery.end()
        await self.connection.aclose()
        log.info("stopped", cut=bool(cut))

    async def _check_store(self) -> None:
        store = self.settings.store
        async with self.connection.unwatched() as aside:
            condition = await inspect(aside.client)
        allowed = store.undurable == "allow" or self.settings.testing.clock
        refusals = condition.refusals(store.replicas_ack, undurable_allowed=allowed)
        if refusals:
            raise UnfitStore("; ".join(refusals))
        for warning in condition.warnings(store.replicas_ack):
            log.warning("store_promises_less", why=warning)

    async def _check_identity(self) -> None:
        mark = Identity(self.settings.privacy.identity_key.get_secret_value()).mark
        async with self.connection.unwatched() as aside:
            wrong = await marked(aside.client, self.services.standings.portfolios, mark)
        if wrong is not None:
            raise UnfitStore(f"{wrong}: {REMEDY}")

    async def _watch(self, embedded: EmbeddedStore) -> None:
        code = await embedded.ended()
        if not self._ending.drains:
            log.critical("embedded_store_ended", code=code)
            self.broken.set()


async def _within(event: asyncio.Event, timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


async def _store_now_ms(services: Services, connection: StoreConnection) -> int:
    clock = services.steerable or SteerableClock(connection.client, services.standings.portfolios)
    return await clock.now_ms()


async def _patiently(step: Callable[[], Coroutine[Any, Any, None]]) -> None:
    for _ in range(_TRIES - 1):
        try:
            return await step()
        except StoreUnavailable:
            await asyncio.sleep(_TRY_AGAIN_S)
    await step()
