"""Several processes that share one port: started, watched, replaced when one dies, drained together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import structlog

from tidegate.settings import Settings
from tidegate.store.client import connect
from tidegate.tasks import spawn

#: A worker that dies sooner than this after its start is not replaced at once.
_SHORT_LIFE_S: Final = 5.0
_GRACE_S: Final = 28.0

#: Set in a worker's environment: the process id of the one that watches over it.
WORKER: Final = "TIDEGATE_WORKER"

log = structlog.get_logger()


class Workers:
    """`server.workers` processes, each a node of its own on the same port and the same store."""

    def __init__(self, settings: Settings, config: Path, log_level: str) -> None:
        self._settings = settings
        self._command = [sys.executable, "-m", "tidegate", "serve", "--config", str(config), "--log-level", log_level]
        self._processes: set[asyncio.subprocess.Process] = set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Drain all workers. A second call ends them at once."""
        number = signal.SIGKILL if self._stopping.is_set() else signal.SIGTERM
        self._stopping.set()
        for process in self._processes:
            process.send_signal(number)

    def reread(self) -> None:
        """Have each worker read its configuration file anew."""
        for process in self._processes:
            # One that has just ended is replaced by one that reads it.
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)

    async def run(self) -> None:
        """Run until `stop`, and until the last worker has ended. Raises OSError when the port can't be had."""
        server = self._settings.server
        connection = await connect(self._settings.store.url.get_secret_value())
        try:
            family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
            with socket.socket(family) as held:
                # Bound but not listening: keeps the port ours while workers come and go.
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                held.bind((server.host, server.port))
                port = held.getsockname()[1]
                environment = {
                    **os.environ,
                    "TIDEGATE_STORE__URL": connection.url,
                    "TIDEGATE_SERVER__LISTEN": f"{_bracketed(server.host)}:{port}",
                    WORKER: str(os.getpid()),
                }
                await asyncio.gather(*(self._keep_one(environment) for _ in range(server.workers)))
        finally:
            await connection.aclose()

    async def _keep_one(self, environment: dict[str, str]) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            process = await asyncio.create_subprocess_exec(*self._command, env=environment)
            self._processes.add(process)
            code = await self._ended(process)
            self._processes.discard(process)
            if self._stopping.is_set():
                return
            if code == -signal.SIGHUP:
                # It was told to read its file before it could hear: its successor reads it at its start.
                continue
            log.error("worker_ended", code=code)
            if loop.time() - began < _SHORT_LIFE_S:
                await self._pause()

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        ending = spawn(process.wait(), "worker")
        stopping = spawn(self._stopping.wait(), "stop of a worker")
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ending.done():
            await asyncio.wait({ending}, timeout=_GRACE_S)
        if not ending.done():
            process.kill()
        return await ending

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._stopping.wait()
        except TimeoutError:
            return


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
