"""The store of a run: fakeredis behind the same bytes as a real server, with the faults that a real one has.

Its clock is the run's. Every command is kept in a log, so that a replica is a count of commands: what is lost in a
failover is what came after it. `WAIT` brings the replica up to date where the link to it is whole.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import hiredis
from fakeredis import FakeServer
from fakeredis._helpers import SimpleError
from fakeredis._socket import FakeSocket
from fakeredis.commands_mixins.scripting_mixin import LUA_MODULE
from redis import Redis

from tests import lua_struct
from tests.deterministic.loop import DeterministicLoop, context_of
from tests.deterministic.network import Address, MemoryNetwork, MemoryTransport

lua_struct.install()

STORE: Final = "store"
ADDRESS: Final = Address("10.0.0.100", 6379)
URL: Final = f"redis://{ADDRESS.host}:{ADDRESS.port}/0"
#: Changes nothing, so that no replica needs it.
_LOOKS: Final = frozenset(
    {b"PING", b"CLIENT", b"HELLO", b"INFO", b"WAIT", b"CONFIG", b"GET", b"HGET", b"HGETALL", b"TIME"}
)
_REPLICATES_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """How often a command gets into trouble: shares of all commands."""

    request_lost: float = 0.0
    reply_lost: float = 0.0
    slow: float = 0.0
    slow_s: float = 0.3


NO_TROUBLE: Final = StoreTrouble()


class _Error(Exception):
    """What the server answers instead: code and words."""


class _Socket(FakeSocket):
    """A connection inside fakeredis; errors stay as the server words them."""

    def _decode_error(self, error: SimpleError) -> Any:
        return _Error(error.value)

    def eval(self, script: bytes, numkeys: int, *keys_and_args: bytes) -> Any:
        """As fakeredis does, except that a script is compiled once, and Lua's heap is not swept after each call."""
        server: Any = self._server
        lua = self._get_server_runtime(server)
        compiled = server.__dict__.setdefault("compiled", {})
        if script not in compiled:
            server.script_cache[hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()] = script
            compiled[script] = lua.compile(script)
        server._lua_current_socket[0] = self
        server._lua_set_keys_argv(lua.table_from(keys_and_args[:numkeys]), lua.table_from(keys_and_args[numkeys:]))
        self._script_resp = 2
        try:
            result = compiled[script]()
        except LUA_MODULE.LuaError as fault:
            raise SimpleError(f"ERR {fault}") from None
        finally:
            self._script_resp = None
        return self._convert_lua_result(result, nested=False)


class MemoryStore:
    """A primary and its replica. One process, `STORE`, that can be stopped, killed, started and failed over."""

    def __init__(
        self, loop: DeterministicLoop, network: MemoryNetwork, seed: int, edit: Callable[[bytes], bytes]
    ) -> None:
        """`edit` may change a script's text before the server gets it."""
        self._loop = loop
        self._network = network
        self._random = Random(f"store {seed}")
        self._edit = edit
        self._log: list[tuple[float, list[bytes]]] = []
        self._held_by_replica = 0
        self._at: float | None = None
        self._life = 0
        self.run_id = ""
        #: Whose replica it was before it took over; nobody's.
        self._replicated = "0" * 40
        self.trouble = StoreTrouble()
        self.replica_linked = True
        #: Whether commands are kept for a replica at all.
        self.has_replica = True
        self.commands = 0
        #: Called with the process that asked, the command and its answer, before the answer leaves.
        self.watchers: list[Callable[[str, list[bytes], Any], None]] = []
        #: Whether what a failover lost was anything.
        self.lost = 0
        self._server = FakeServer(version=(7, 2))
        self._replay_socket = _Socket(self._server, 0, client_class=Redis)

    @property
    def process(self) -> str:
        """The name of the process that serves now."""
        return f"{STORE}#{self._life}"

    def now_s(self) -> float:
        """What the server's clock says, in seconds since 1970."""
        return wall_s(self._loop.time() if self._at is None else self._at)

    def start(self) -> None:
        """Serve, with what is there."""
        self._life += 1
        self.run_id = f"{self._random.getrandbits(160):040x}"
        context_of(self.process).run(self._network.listen, lambda: _Session(self), *ADDRESS)
        self._loop.call_later(_REPLICATES_EVERY_S, self._replicate, self._life, context=context_of(self.process))

    def kill(self) -> None:
        """End without warning. What was written stays: every write was on disk before it was answered."""
        self._loop.kill(self.process)

    def fail_over(self, *, empty: bool = False) -> None:
        """Serve what the replica has (or nothing at all); what came after that is lost."""
        if self._loop.is_alive(self.process):
            self.kill()
        if not empty:
            self._replicated = self.run_id
        kept = [] if empty else self._log[: self._held_by_replica]
        self.lost = len(self._log) - len(kept)
        self._log, self._held_by_replica = list(kept), len(kept)
        self._server = FakeServer(version=(7, 2))
        self._replay_socket = _Socket(self._server, 0, client_class=Redis)
        for self._at, command in kept:
            self._execute(self._replay_socket, command)
        self._at = None
        self.start()

    def _replicate(self, life: int) -> None:
        if life != self._life:
            return
        if self.replica_linked:
            self._held_by_replica = len(self._log)
        self._loop.call_later(_REPLICATES_EVERY_S, self._replicate, life)

    def new_socket(self) -> _Socket:
        """A connection inside the server."""
        return _Socket(self._server, 0, client_class=Redis)

    def draw_fate(self) -> str:
        """What happens to the next command."""
        trouble, drawn = self.trouble, self._random.random()
        for fate in ("request_lost", "reply_lost", "slow"):
            drawn -= getattr(trouble, fate)
            if drawn < 0:
                return fate
        return "done"

    def wait(self, asked: int) -> int | None:
        """How many replicas hold what was written; None: none will before the caller's patience ends."""
        if self.replica_linked and self.has_replica:
            self._held_by_replica = len(self._log)
            return 1
        return 0 if asked == 0 else None

    def execute(self, socket: _Socket, command: list[bytes]) -> Any:
        """Carry a command out, and keep it for the replica."""
        self.commands += 1
        name = command[0].upper()
        if name == b"INFO":
            return self._info()
        if name == b"CONFIG":
            return {b"appendfsync": b"always"} if b"appendfsync" in command else {}
        if name == b"CLIENT":
            return b"OK"
        if name == b"EVAL":
            # Kept under the name that the client knows it by.
            sha = hashlib.sha1(command[1], usedforsecurity=False).hexdigest().encode()
            command = [command[0], self._edit(command[1]), *command[2:]]
            self._server.script_cache[sha] = command[1]
        if name not in _LOOKS and self.has_replica:
            self._log.append((self._loop.time(), command))
        return self._execute(socket, command)

    def _execute(self, socket: _Socket, command: list[bytes]) -> Any:
        socket._process_command(command)
        replies: Any = socket.responses
        answer = None
        while not replies.empty():
            answer = replies.get_nowait()
        return answer

    def _info(self) -> bytes:
        lines = {
            "redis_version": "7.2.0",
            "run_id": self.run_id,
            "tcp_port": str(ADDRESS.port),
            "role": "master",
            "connected_slaves": str(int(self.has_replica and self.replica_linked)),
            "master_replid": self.run_id,
            "master_replid2": self._replicated,
            "master_repl_offset": str(len(self._log)),
            "aof_enabled": "1",
            "aof_last_write_status": "ok",
            "aof_last_bgrewrite_status": "ok",
            "loading": "0",
            "maxmemory_policy": "noeviction",
            "maxmemory": "0",
            "cluster_enabled": "0",
        }
        return "".join(f"{name}:{value}\r\n" for name, value in lines.items()).encode()


class _Session(asyncio.Protocol):
    """One connection: commands are carried out one after the other."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._socket = store.new_socket()
        self._reader = hiredis.Reader()
        self._commands: list[list[bytes]] = []
        self._busy = False
        self._transport: MemoryTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, MemoryTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            self._commands.append(command)
        self._go_on()

    def _go_on(self) -> None:
        while self._commands and not self._busy and not self._transport.is_closing():
            self._carry_out(self._commands.pop(0))

    def _carry_out(self, command: list[bytes]) -> None:
        if command[0].upper() == b"WAIT":
            self._wait(int(command[1]), int(command[2]))
            return
        fate = self._store.draw_fate()
        if fate == "request_lost":
            self._transport.abort()
            return
        value = self._store.execute(self._socket, command)
        for watch in list(self._store.watchers):
            watch(self._transport.other.process, command, value)
        answer = encode(value)
        if fate == "reply_lost":
            self._transport.abort()
        elif fate == "slow":
            self._later(self._store.trouble.slow_s, answer)
        else:
            self._transport.write(answer)

    def _wait(self, asked: int, timeout_ms: int) -> None:
        reached = self._store.wait(asked)
        if reached is None:
            self._later(timeout_ms / 1000 if timeout_ms else 3_600.0, encode(0))
        else:
            self._later(0.000_3, encode(reached))

    def _later(self, delay_s: float, answer: bytes) -> None:
        self._busy = True
        asyncio.get_running_loop().call_later(delay_s, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        self._busy = False
        self._transport.write(answer)
        self._go_on()


def encode(answer: Any) -> bytes:
    """A value as RESP3, which the client asks for."""
    match answer:
        case _Error():
            # An error is one line.
            return f"-{' '.join(str(answer).splitlines())}\r\n".encode()
        case None:
            return b"_\r\n"
        case bool():
            return b"#t\r\n" if answer else b"#f\r\n"
        case int():
            return b":%d\r\n" % answer
        case float():
            return f",{answer!r}\r\n".encode()
        case str():
            return encode(answer.encode())
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(answer), answer)
        case dict():
            return b"%%%d\r\n" % len(answer) + b"".join(encode(part) for pair in answer.items() for part in pair)
        case _:
            return b"*%d\r\n" % len(answer) + b"".join(map(encode, answer))


#: Virtual second 0, in seconds since 1970.
_EPOCH_S: Final = 1_795_000_000.0


def wall_s(virtual_s: float) -> float:
    """Seconds since 1970 at a virtual second."""
    return _EPOCH_S + virtual_s
