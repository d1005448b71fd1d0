"""One upstream and several candidates before it, each a process of its own; all ended when the stage is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Final

import aiohttp
import orjson

from loadtest.bench.served import answers, free_port
from loadtest.bench.speed import machine
from loadtest.bench.speed.traffic import Traffic
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

_FORGETFUL: Final = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
_START_S: Final = 60.0
_END_S: Final = 40.0


class NotStarted(Exception):
    """A process that is to be measured did not come so far."""


@dataclass
class Candidate:
    """What is measured: where it listens, its processes, those of its store, and what it is asked."""

    name: str
    port: int
    pids: Sequence[int]
    traffic: Traffic
    stores: Sequence[ValkeyProcess] = ()
    #: The URL of its store; none: it has none.
    store_url: str = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store_pids(self) -> list[int]:
        """The processes of its store."""
        return [store.pid for store in self.stores]


@dataclass
class Stage:
    """The upstream of all candidates, and how to start some."""

    directory: Path
    upstream_port: int
    session: aiohttp.ClientSession
    _processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    _stores: list[ValkeyProcess] = field(default_factory=list)

    @property
    def upstream_url(self) -> str:
        """Where the upstream listens."""
        return f"http://127.0.0.1:{self.upstream_port}"

    async def upstream(self, word: str) -> Any:
        """Tell the upstream something (`reset`, `delay?ms=100`, `keep`, `kept`); its answer."""
        async with self.session.get(f"{self.upstream_url}/_bench/{word}") as answer:
            return orjson.loads(await answer.read())

    def folder(self) -> Path:
        """A folder for one process."""
        return Path(mkdtemp(dir=self.directory))

    async def start(self, *command: str, folder: Path, measured: bool = True) -> asyncio.subprocess.Process:
        """Start a program in its folder, on the gateway's core if it is `measured`; what it says is in `log` there."""
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *(machine.on_gateway_core() if measured else ()),
                *command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        finally:
            os.close(log)
        self._processes.append(process)
        return process

    async def serving(self, process: asyncio.subprocess.Process, port: int, folder: Path) -> None:
        """Return when the process answers. Raises NotStarted with the end of its log."""
        waits = asyncio.create_task(answers(f"http://127.0.0.1:{port}", _START_S))
        ends = asyncio.create_task(process.wait())
        await asyncio.wait([waits, ends], return_when=asyncio.FIRST_COMPLETED)
        ends.cancel()
        if not waits.done() or waits.exception() is not None:
            waits.cancel()
            tail = (folder / "log").read_bytes()[-1_500:].decode(errors="replace")
            raise NotStarted(f"what is to be measured did not start: {tail}")

    async def store(self, options: dict[str, str] | None = None) -> tuple[ValkeyProcess, str]:
        """Start a store of its own; its process, and its URL."""
        folder = self.folder()
        process = ValkeyProcess.spawn(folder, _FORGETFUL | (options or {}))
        self._stores.append(process)
        path = str(folder / SOCKET_NAME)
        await process.ready(path, timeout_s=20)
        return process, socket_url(path)

    async def end(self, candidate: Candidate) -> None:
        """End one candidate before the stage is left."""
        for process in [process for process in self._processes if process.pid in candidate.pids]:
            await _ended(process)
            self._processes.remove(process)
        for store in candidate.stores:
            await store.stop(timeout_s=10)
            self._stores.remove(store)

    async def clear(self) -> None:
        """End everything."""
        await asyncio.gather(*map(_ended, self._processes))
        await asyncio.gather(*(store.stop(timeout_s=10) for store in self._stores))


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Have an upstream, and room for candidates, within the block."""
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        async with aiohttp.ClientSession() as session:
            made = Stage(Path(directory), free_port(), session)
            try:
                folder = made.folder()
                command = (sys.executable, "-m", "loadtest.bench.peers.cloud_api", str(made.upstream_port))
                process = await made.start(*command, folder=folder, measured=False)
                await made.serving(process, made.upstream_port, folder)
                yield made
            finally:
                await made.clear()
