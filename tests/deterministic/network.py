"""Connections between the processes of a run, in memory: latency drawn by the seed, resets, refusals, silence."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from tests.deterministic.loop import PROCESS, DeterministicLoop, context_of, until

_FASTEST_S: Final = 0.000_05
_SLOWEST_S: Final = 0.000_8
_REFUSED_AFTER_S: Final = 0.000_2


class Address(NamedTuple):
    """Where somebody listens."""

    host: str
    port: int


class _Listener(NamedTuple):
    make_protocol: Callable[[], asyncio.Protocol]
    process: str


class MemoryTransport(asyncio.Transport):
    """One end of a connection. What is written arrives at the other end in order, a little later."""

    def __init__(self, network: MemoryNetwork, process: str, own: Address, peer: Address) -> None:
        super().__init__({"peername": tuple(peer), "sockname": tuple(own)})
        self.network = network
        self.process = process
        self.context: Context = context_of(process)
        self.other: MemoryTransport
        #: When the bytes that are being delivered were written (loop's time).
        self.written_at = 0.0
        self._protocol: Any = None
        self._inbox: deque[tuple[float, bytes | None]] = deque()
        self._next_at = 0.0
        self._reading = True
        self._closing = False
        self._lost = False

    # asyncio's side of it.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self.network.loop.call_soon(self._deliver, context=self.context)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self.other._arrive(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing:
            self.other._arrive(None)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.other._arrive(None)
            self.network.loop.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self.other.reset()
            self.network.loop.call_soon(self._lose, None, context=self.context)

    # The network's side of it.

    def reset(self) -> None:
        """The other end is gone: what is on its way arrives, then the connection breaks."""
        at = self._time_of_arrival()
        self.network.loop.call_at(at, self._lose, ConnectionResetError("reset by peer"), context=self.context)

    def _arrive(self, data: bytes | None) -> None:
        self._inbox.append((self.network.loop.time(), data))
        self.network.loop.call_at(self._time_of_arrival(), self._deliver, context=self.context)

    def _time_of_arrival(self) -> float:
        at = self.network.loop.time() + self.network.latency_s(self.process)
        self._next_at = max(at, self._next_at + 1e-7)
        return self._next_at

    def _deliver(self) -> None:
        while self._inbox and self._reading and not self._lost:
            if self.network.is_cut(self.process, self.other.process):
                self.network.held.append(self)
                return
            self.written_at, data = self._inbox.popleft()
            if self._closing:
                continue
            if data is not None:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def deliver_soon(self) -> None:
        """Deliver what was held back."""
        self.network.loop.call_soon(self._deliver, context=self.context)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self.network.transports.pop(self, None)
            self._protocol.connection_lost(error)


class MemoryServer(asyncio.AbstractServer):
    """What `create_server` gives: closes a listener."""

    def __init__(self, network: MemoryNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self.sockets = [self]

    def getsockname(self) -> Address:
        return self._address

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop

    async def start_serving(self) -> None:
        return

    async def serve_forever(self) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        self._network.listeners.pop(self._address, None)

    async def wait_closed(self) -> None:
        return

    def is_serving(self) -> bool:
        return self._address in self._network.listeners


class MemoryNetwork:
    """All connections of a run."""

    def __init__(self, loop: DeterministicLoop, seed: int) -> None:
        self.loop = loop
        self.listeners: dict[Address, _Listener] = {}
        #: A dict as an ordered set: in the order in which they were made.
        self.transports: dict[MemoryTransport, None] = {}
        self.held: list[MemoryTransport] = []
        self._random = Random(f"network {seed}")
        self._ports = 40_000
        self._cut: set[frozenset[str]] = set()
        self._refusing: set[Address] = set()
        loop.network = self

    def latency_s(self, process: str) -> float:
        """How long the next bytes take to a process."""
        return self._random.uniform(_FASTEST_S, _SLOWEST_S)

    def listen(self, make_protocol: Callable[[], asyncio.Protocol], host: str, port: int) -> MemoryServer:
        """Take connections for the process that asks. Raises OSError where somebody listens already."""
        address = Address(host, port)
        if address in self.listeners:
            raise OSError(98, f"address in use: {address}")
        self.listeners[address] = _Listener(make_protocol, PROCESS.get())
        return MemoryServer(self, address)

    async def connect(
        self, make_protocol: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[MemoryTransport, asyncio.Protocol]:
        """Connect the process that asks. Raises ConnectionRefusedError."""
        to, process = Address(host, port), PROCESS.get()
        await asyncio.sleep(_REFUSED_AFTER_S)
        listener = self.listeners.get(to)
        if listener is None or to in self._refusing:
            raise ConnectionRefusedError(111, f"nobody listens at {host}:{port}")
        await until(lambda: not self.is_cut(process, listener.process), 0.05)
        self._ports += 1
        own = Address("10.9.0.1", self._ports)
        near, far = MemoryTransport(self, process, own, to), MemoryTransport(self, listener.process, to, own)
        near.other, far.other = far, near
        protocol = make_protocol()
        near.set_protocol(protocol)
        far.set_protocol(far.context.run(listener.make_protocol))
        self.transports[near] = self.transports[far] = None
        self.loop.call_soon(far.get_protocol().connection_made, far, context=far.context)
        protocol.connection_made(near)
        return near, protocol

    def killed(self, process: str) -> None:
        """Its kernel closes everything: nobody listens any more, and whoever was connected gets a reset."""
        for address in [address for address, listener in self.listeners.items() if listener.process == process]:
            del self.listeners[address]
        for transport in list(self.transports):
            if transport.process == process:
                del self.transports[transport]
                transport._closing = transport._lost = True
                transport.other.reset()

    def close(self) -> None:
        """The run is over: nobody is told anything any more."""
        self.listeners.clear()
        for transport in self.transports:
            transport._closing = transport._lost = True
        self.transports.clear()

    def refuse(self, address: Address, refused: bool) -> None:
        """Have new connections to an address refused, or not any more."""
        (self._refusing.add if refused else self._refusing.discard)(address)

    def cut(self, process: str, other: str) -> None:
        """Nothing arrives between two processes any more; it is kept, as by a sender that tries again."""
        self._cut.add(frozenset((process, other)))

    def mend(self, process: str, other: str) -> None:
        """What was held back arrives."""
        self._cut.discard(frozenset((process, other)))
        held, self.held = self.held, []
        for transport in held:
            transport.deliver_soon()

    def is_cut(self, process: str, other: str) -> bool:
        """Whether nothing arrives between them now."""
        return bool(self._cut) and frozenset((process, other)) in self._cut


async def _start_connection(addr_infos: Any, **_: Any) -> Address:
    """In the place of aiohappyeyeballs' connected socket: where it would be connected to."""
    host, port = addr_infos[0][4][:2]
    network: MemoryNetwork = asyncio.get_running_loop().network  # type: ignore[attr-defined]  # it is ours
    address = Address(host, port)
    if address not in network.listeners or address in network._refusing:
        await asyncio.sleep(_REFUSED_AFTER_S)
        raise ConnectionRefusedError(111, f"nobody listens at {host}:{port}")
    return address


@contextmanager
def aiohttp_in_memory() -> Iterator[None]:
    """Have aiohttp's client ask the loop for connections, instead of the kernel for sockets."""
    with patch("aiohttp.connector.aiohappyeyeballs.start_connection", _start_connection):
        yield
