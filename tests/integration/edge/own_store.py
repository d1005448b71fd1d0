"""A store of one test alone, which may break it, and nodes on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.conftest import KEEPING
from tests.integration.edge.callers import config_text
from tests.ports import free_port
from tidegate.app import Node, build
from tidegate.settings import load
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

_LOOPBACK = {"bind": "127.0.0.1", "protected-mode": "no"}


@dataclass
class OwnStore:
    """A server; `admin` is connected before anything breaks, and patient."""

    directory: Path
    port: int
    process: ValkeyProcess
    admin: Redis
    looping: asyncio.Task[None] | None = None  #: somebody's script that keeps it busy

    @property
    def url(self) -> str:
        """Its unix socket."""
        return socket_url(str(self.directory / SOCKET_NAME))

    @property
    def tcp(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.port

    async def ask(self, *words: str | int) -> Any:
        """A command of the operator's."""
        return await self.admin.execute_command(*words)  # type: ignore[no-untyped-call]  # it has no hints

    def send_signal(self, number: signal.Signals) -> None:
        """To the server's process."""
        os.kill(self.process.pid, number)

    async def begin_again(self, **options: str) -> None:
        """Start the server that has ended, on what it kept; it may still be loading then."""
        self.process = ValkeyProcess.spawn(self.directory, _options(self.port) | options)


def _options(port: int) -> dict[str, str]:
    return KEEPING | _LOOPBACK | {"port": str(port)}


@asynccontextmanager
async def own_store(**options: str) -> AsyncIterator[OwnStore]:
    """Start a server."""
    with TemporaryDirectory(prefix="tidegate-test-") as name:
        directory, port = Path(name), free_port()
        process = ValkeyProcess.spawn(directory, _options(port) | options)
        path = str(directory / SOCKET_NAME)
        await process.ready(path, timeout_s=10)
        async with Redis(unix_socket_path=path, socket_timeout=30, retry=Retry(NoBackoff(), 0)) as admin:
            await admin.ping()
            store = OwnStore(directory, port, process, admin)
            try:
                yield store
            finally:
                with contextlib.suppress(ProcessLookupError):
                    store.send_signal(signal.SIGCONT)
                await asyncio.shield(store.process.stop(timeout_s=5))


@asynccontextmanager
async def node_on(store_url: str, upstream: str, directory: Path, **options: Any) -> AsyncIterator[Node]:
    """Run a node on a store at `store_url`, with `upstream` for Graph."""
    path = directory / "tidegate.toml"
    text = config_text(store_url, upstream, limit=options.pop("limit", "TIER_2K"), clock=True)
    path.write_text(text + options.pop("more", ""))
    node = await build(load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"}))
    await node.start()
    try:
        yield node
    finally:
        await node.stop()
