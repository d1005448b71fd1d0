"""Several processes that share one port: started, watched, replaced when one dies or by turns, drained together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from tidegate.errors import CannotListen
from tidegate.inheritance import VARIABLE
from tidegate.settings import Settings
from tidegate.settings.tables import Server
from tidegate.store.client import connect
from tidegate.tasks import spawn

#: A worker that dies sooner than this after its start is not replaced at once: after so long, the more the more often
#: that was so.
_SHORT_LIFE_S: Final = 5.0
_PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
#: So long a worker may take to drain, and one that has a successor to end.
_GRACE_S: Final = 28.0
_HANDING_OVER_S: Final = 45.0
#: A successor that does not serve by then is given up.
_START_S: Final = 120.0
_BACKLOG: Final = 512

log = structlog.get_logger()


class Worker:
    """One process that serves."""

    def __init__(self, process: asyncio.subprocess.Process, pipe: int) -> None:
        """`pipe`: where it says that it serves."""
        self._process = process
        self._served: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pipe = pipe
        asyncio.get_running_loop().add_reader(pipe, self._hear)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def serves(self, within_s: float) -> bool:
        """Whether it serves in time; not when it ends before."""
        await asyncio.wait({self._served}, timeout=within_s)
        return self._served.done() and self._served.result()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal. Harmless if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self, within_s: float | None = None) -> int:
        """Wait for its end, which is by force once it has had so long; its exit code, or minus the signal."""
        ending = spawn(self._process.wait(), "end of a worker")
        await asyncio.wait({ending}, timeout=within_s)
        if not ending.done():
            self.tell(signal.SIGKILL)
        return await ending

    def _hear(self) -> None:
        heard = os.read(self._pipe, 1)
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)
        self._served.set_result(bool(heard))


class _Place:
    """One of `server.workers` places, and who has it. The sockets are its own: the kernel spreads connections over the
    places, nobody wakes for another's, and who waits in their queues waits for whoever comes next.
    """

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.sockets = sockets
        self.worker: Worker | None = None


class Workers:
    """`server.workers` processes, each a node of its own on the same port and the same store."""

    def __init__(self, settings: Settings, config: Path, log_level: str) -> None:
        self._settings = settings
        self._command = [sys.executable, "-m", "tidegate", "serve", "--config", str(config), "--log-level", log_level]
        self._workers: set[Worker] = set()
        self._stopping = asyncio.Event()
        self._renewal = asyncio.Event()
        self._environment: dict[str, str] = {}
        self._leash = -1

    def stop(self) -> None:
        """Drain all workers. A second call ends them at once."""
        number = signal.SIGKILL if self._stopping.is_set() else signal.SIGTERM
        self._stopping.set()
        for worker in self._workers:
            worker.tell(number)

    def reread(self) -> None:
        """Have each worker read its configuration file anew."""
        for worker in self._workers:
            # One that has just ended is replaced by one that reads it.
            worker.tell(signal.SIGHUP)

    def renew(self) -> None:
        """Have each worker replaced by a new process, one after the other, without a caller noticing."""
        self._renewal.set()

    async def run(self) -> None:
        """Run until `stop`, and until the last worker has ended. Raises OSError when the port can't be had."""
        server = self._settings.server
        connection = await connect(self._settings.store.url.get_secret_value())
        try:
            with contextlib.ExitStack() as opened:
                self._leash = _leash(opened)
                places = [_Place(_sockets(server, opened))]
                port = places[0].sockets[0].getsockname()[1]
                places += [_Place(_sockets(server, opened, port)) for _ in range(server.workers - 1)]
                self._environment = {
                    **os.environ,
                    "TIDEGATE_STORE__URL": connection.url,
                    "TIDEGATE_SERVER__LISTEN": f"{_bracketed(server.host)}:{port}",
                }
                renewing = spawn(self._renew_by_turns(places), "renewal of workers")
                await asyncio.gather(*map(self._keep, places))
                renewing.cancel()
                await asyncio.gather(*(worker.ended(_GRACE_S) for worker in tuple(self._workers)))
        finally:
            await connection.aclose()

    async def _keep(self, place: _Place) -> None:
        """Have somebody in this place for as long as nobody stops."""
        loop, short_lives = asyncio.get_running_loop(), 0
        while not self._stopping.is_set():
            began = loop.time()
            worker = place.worker = await self._begin(place)
            code = await self._ended(worker)
            while place.worker is not worker:
                # It had a successor.
                worker = place.worker
                code = await self._ended(worker)
            if self._stopping.is_set():
                return
            if code == -signal.SIGHUP:
                # It was told to read its file before it could hear: its successor reads it at its start.
                continue
            short_lives = short_lives + 1 if loop.time() - began < _SHORT_LIFE_S else 0
            pause_s = _PAUSES_S[min(short_lives, len(_PAUSES_S) - 1)]
            log.error("worker_ended", code=code, again_in_s=pause_s)
            await self._pause(pause_s)

    async def _begin(self, place: _Place) -> Worker:
        heard, said = os.pipe()
        handed = [said, self._leash, *(one.fileno() for one in place.sockets)]
        environment = {**self._environment, VARIABLE: " ".join(map(str, handed))}
        try:
            process = await asyncio.create_subprocess_exec(*self._command, env=environment, pass_fds=handed)
        finally:
            os.close(said)
        worker = Worker(process, heard)
        self._workers.add(worker)
        if self._stopping.is_set():
            worker.tell(signal.SIGTERM)
        return worker

    async def _ended(self, worker: Worker) -> int:
        ending = spawn(worker.ended(), "worker")
        stopping = spawn(self._stopping.wait(), "stop of a worker")
        await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ending.done():
            await asyncio.wait({ending}, timeout=_GRACE_S)
        if not ending.done():
            worker.tell(signal.SIGKILL)
        code = await ending
        self._workers.discard(worker)
        return code

    async def _renew_by_turns(self, places: Sequence[_Place]) -> None:
        while True:
            await self._renewal.wait()
            self._renewal.clear()
            log.info("workers_renewing", workers=len(places))
            renewed = 0
            for place in places:
                if not await self._renew(place):
                    # Whatever keeps one from serving would keep the others from it.
                    break
                renewed += 1
            log.info("workers_renewed", workers=renewed, left=len(places) - renewed)

    async def _renew(self, place: _Place) -> bool:
        """Have a new process serve beside the old one, which then hands over; whether that was so."""
        successor = await self._begin(place)
        if not await successor.serves(_START_S):
            code = await successor.ended(0)
            self._workers.discard(successor)
            log.error("successor_does_not_serve", code=code)
            return False
        old, place.worker = place.worker, successor
        if old is not None:
            old.tell(signal.SIGUSR2)
            await old.ended(_HANDING_OVER_S)
        return True

    async def _pause(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()


def _leash(opened: contextlib.ExitStack) -> int:
    """The end of a pipe for workers: this process alone has the other, and writes nothing."""
    for_workers, own = os.pipe()
    opened.callback(os.close, for_workers)
    opened.callback(os.close, own)
    return for_workers


def _sockets(server: Server, opened: contextlib.ExitStack, port: int | None = None) -> list[socket.socket]:
    """Listening sockets of one place; `port` where another place has found one. Raises OSError, CannotListen."""
    sockets = [_listening(server.host, server.port if port is None else port, opened)]
    if server.control is not None:
        try:
            sockets.append(_listening(server.control.host, server.control.port, opened))
        except OSError as fault:
            raise CannotListen("server.control_listen", server.control.listen, fault) from fault
    return sockets


def _listening(host: str, port: int, opened: contextlib.ExitStack) -> socket.socket:
    made = opened.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    made.listen(_BACKLOG)
    return made


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
