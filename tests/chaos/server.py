"""A store's server that is killed, frozen, emptied, or loses its power."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.ports import free_port
from tests.waiting import until
from tidegate.store.valkey_process import ValkeyProcess

_DURABLE: Final = {
    "appendonly": "yes",
    "save": "",
    "maxmemory-policy": "noeviction",
    # A rewritten file would have to be followed as well, and nothing here lives long enough to need one.
    "auto-aof-rewrite-percentage": "0",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
    "repl-timeout": "60",
}
_WRITES: Final = re.compile(r"^[0-9]+ +write\([0-9]+<([^>]*\.aof)>, \"\"(?:\.\.\.)?, ([0-9]+)")
_SYNCS: Final = re.compile(r"^([0-9]+) +f(?:data)?sync\([0-9]+<([^>]*\.aof)>(\) += 0| <unfinished)")
_SYNCED: Final = re.compile(r"^([0-9]+) +<\.\.\. f(?:data)?sync resumed>\) += 0$")


class Server:
    """One server with a directory of its own, on a port of the loopback that stays the same over its lives."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        self.directory = directory
        self._options = {**_DURABLE, **options}
        self.address = ("127.0.0.1", free_port())
        self._process: ValkeyProcess | None = None
        self._trace: asyncio.subprocess.Process | None = None

    @property
    def client(self) -> Redis:
        """A client of it; close it."""
        return Redis(host=self.address[0], port=self.address[1], socket_timeout=5)

    async def start(self) -> None:
        """Start it on what its directory holds. Raises StoreUnavailable, AssertionError when it gets not ready."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        options = {**self._options, "port": str(self.address[1]), "bind": "127.0.0.1"}
        self._process = ValkeyProcess.spawn(self.directory, options)
        await until(self.answers)

    async def answers(self) -> bool:
        """Whether it answers now, its data loaded."""
        try:
            async with self.client as client:
                return bool(await client.ping())
        except (RedisError, OSError):
            return False

    async def kill(self) -> None:
        """End it as `kill -9` does. Harmless if it has ended."""
        if self._process is not None and self._process.running:
            self.signal(signal.SIGKILL)
            await self._process.ended()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes it, SIGCONT lets it go on."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def empty(self) -> None:
        """Take away what it has on disk; it must not run."""
        shutil.rmtree(self.directory)

    async def watch_disk(self) -> None:
        """From now on, know of every byte of its append-only files whether the disk has it. Needs strace."""
        assert self._process is not None
        strace = shutil.which("strace")
        assert strace is not None, "strace is missing: apt-get install strace"
        command = (strace, "-f", "-y", "-s", "0", "-e", "trace=write,fdatasync,fsync", "-o", str(self._traced))
        told = self.directory / "strace.log"
        with told.open("wb") as log:
            trace = await asyncio.create_subprocess_exec(*command, "-p", str(self._process.pid), stderr=log)
        self._trace = trace

        async def attached() -> bool:
            assert trace.returncode is None, f"strace could not attach: {told.read_text()}"
            return b"attached" in told.read_bytes()

        await until(attached)

    async def lose_power(self) -> int:
        """End it, and take away what the disk had not got by then; how many bytes that were. Needs `watch_disk`."""
        assert self._trace is not None
        await self.kill()
        await self._trace.wait()
        lost = unsynced(self._traced.read_text().splitlines())
        for path in self._files():
            os.truncate(path, path.stat().st_size - lost.get(str(path), 0))
        return sum(lost.values())

    def unsynced(self) -> int:
        """How many bytes the disk has not got now. Needs `watch_disk`."""
        return sum(unsynced(self._traced.read_text().splitlines()).values())

    async def stop(self) -> None:
        """End it, and who watches it."""
        if self._process is not None and self._process.running:
            self.signal(signal.SIGCONT)
        await self.kill()
        if self._trace is not None:
            await self._trace.wait()

    @property
    def _traced(self) -> Path:
        return self.directory / "strace.out"

    def _files(self) -> list[Path]:
        return sorted((self.directory / "appendonlydir").glob("*.aof"))


def unsynced(lines: Iterable[str]) -> dict[str, int]:
    """Of each file, how many of its last bytes were written after the last sync of it began that ended well.

    `lines` of strace -f -y. A write that was cut off counts whole.
    """
    pending: Counter[str] = Counter()
    syncing: dict[str, tuple[str, int]] = {}
    for line in lines:
        if match := _WRITES.match(line):
            pending[match[1]] += int(match[2])
        elif match := _SYNCS.match(line):
            if match[3].startswith(")"):
                pending[match[2]] = 0
            else:
                syncing[match[1]] = (match[2], pending[match[2]])
        elif (match := _SYNCED.match(line)) and match[1] in syncing:
            path, covered = syncing.pop(match[1])
            pending[path] = max(0, pending[path] - covered)
    return +pending
