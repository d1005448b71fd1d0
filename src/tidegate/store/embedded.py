"""A node's own Valkey: started with the node, shared by the node's workers, ended with the node."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from tidegate.errors import StoreUnavailable
from tidegate.store import data_directory
from tidegate.store.data_directory import SERVER_LOCK
from tidegate.store.valkey_process import ValkeyProcess, answers

_START_TIMEOUT_S = 60.0  # a large append-only file takes its time to load
_STOP_TIMEOUT_S = 10.0
_ORPHAN_TIMEOUT_S = 15.0
_POLL_S = 0.02

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # What was promised is on disk before it is promised: `everysec` lost acknowledged writes on power
        # loss.
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        # A full store must refuse; one that evicts forgets messages that were accepted.
        "maxmemory-policy": "noeviction",
        # What is kept is ids, hashes and sealed texts: packing takes a quarter of a rewrite's time, and saves 3 %.
        "rdbcompression": "no",
    }
)
"""What its server is started with, and what any server should be that promises rest on."""


class EmbeddedStore:
    """The Valkey server of one directory, while this process runs it.

    start() and stop() are called once each, by the process that leads the node; its other processes connect
    to `url`. The server ends with the process that started it, killed or not; nothing acknowledged is lost
    by that. Two servers never write to one directory: each holds a lock on it until the kernel has ended
    it.
    """

    __slots__ = ("_descriptors", "_process", "_socket_path", "directory")

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process: ValkeyProcess | None = None
        self._socket_path: str | None = None
        self._descriptors: list[int] = []

    async def start(self) -> None:
        """Own the directory, start the server, wait until it has loaded its data. From the main thread only.

        Raises DirectoryInUse if another node has the directory, StoreUnavailable if the server can't be had.
        """
        if self._process is not None:
            raise RuntimeError("this embedded store is started already")
        self.directory = data_directory.prepare(self.directory)
        try:
            self._descriptors.append(data_directory.take_for_node(self.directory))
            self._socket_path = data_directory.reachable_socket(self.directory)
            server_lock = await self._server_lock()
            try:
                self._process = ValkeyProcess.spawn(self.directory, OPTIONS, inherited_fds=[server_lock])
            finally:
                # From here on it is the server that holds this lock, and nobody else.
                os.close(server_lock)
            await self._process.ready(self._socket_path, _START_TIMEOUT_S)
        except BaseException:
            await self.stop()
            raise

    @property
    def url(self) -> str:
        """Where the node's processes reach the server: `unix://` and a path. Known once started."""
        return socket_url(self._required_socket())

    @property
    def pid(self) -> int:
        """Process id of the server. Known once started."""
        return self._running().pid

    async def ended(self) -> int:
        """Wait until the server has ended, told to or not; its exit code, or minus the signal."""
        return await self._running().ended()

    async def stop(self) -> None:
        """End the server, by force after 10 s, and leave the directory. Harmless if it is not started."""
        process, self._process = self._process, None
        try:
            if process is not None:
                await process.stop(_STOP_TIMEOUT_S)
        finally:
            while self._descriptors:
                os.close(self._descriptors.pop())

    async def _server_lock(self) -> int:
        """Lock what a server locks, once one that a dead node left behind has ended in good order.

        Normally it is ending already, by the kernel's signal. Where there is none (macOS) it lives on, and
        is told.
        """
        told = False
        try:
            async with asyncio.timeout(_ORPHAN_TIMEOUT_S):
                while True:
                    descriptor = data_directory.take(self.directory, SERVER_LOCK)
                    if descriptor is not None:
                        return descriptor
                    if not told:
                        told = await _tell_to_end(self._required_socket())
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise StoreUnavailable(
                f"a server of an earlier run still holds {self.directory / SERVER_LOCK} and does not end: "
                f"end it by hand (fuser {self.directory / SERVER_LOCK})"
            ) from None

    def _required_socket(self) -> str:
        if self._socket_path is None:
            raise RuntimeError("this embedded store is not started")
        return self._socket_path

    def _running(self) -> ValkeyProcess:
        if self._process is None:
            raise RuntimeError("this embedded store is not started")
        return self._process


async def running_url(directory: Path) -> str | None:
    """Give the url of the store that a node runs in this directory now; None if none answers."""
    socket_path = data_directory.existing_socket(directory)
    return socket_url(socket_path) if socket_path and await answers(socket_path) else None


def socket_url(socket_path: str) -> str:
    """Write the url of a server on a unix socket."""
    return "unix://" + quote(socket_path)


async def _tell_to_end(socket_path: str) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(socket_path)
        writer.write(b"SHUTDOWN\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:
        return False  # it listens no more, or not yet
    return True
