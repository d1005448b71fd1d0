"""Nodes as real processes: killed, frozen, thawed, restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

import aiohttp
import orjson

from tests.waiting import until

_READY_WITHIN_S: Final = 60
_MOST_STARTS: Final = 5
_ROOT: Final = Path(__file__).parents[2]
_PATH: Final = f"{_ROOT / 'src'}{os.pathsep}{_ROOT}"


@dataclass(slots=True)
class Node:
    """One `tidegate serve` and where it listens. `awake`: it runs, and is not frozen. `module`: what is run."""

    config: Path
    url: str
    environment: Mapping[str, str]
    module: str = "tidegate"
    process: asyncio.subprocess.Process | None = None
    frozen: bool = False

    @property
    def awake(self) -> bool:
        return self.process is not None and self.process.returncode is None and not self.frozen

    @property
    def log(self) -> Path:
        return self.config.with_suffix(".log")

    async def start(self) -> None:
        """Start it; it may not be ready yet."""
        command = (sys.executable, "-m", self.module, "serve", "--config", str(self.config))
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                stderr=log,
                env={**os.environ, "PYTHONPATH": _PATH, **self.environment},
                cwd=self.config.parent,
            )

    async def kill(self) -> None:
        """End it as `kill -9` does. Harmless if it has ended."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self.frozen = False

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does."""
        assert self.process is not None
        assert self.awake, f"the node has ended by itself; its log:\n{self.log.read_text()[-4_000:]}"
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, as if nothing had been."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def logged(self, event: str) -> int:
        """How many lines of its log are about this."""
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        lines = (line for line in whole.splitlines() if line.startswith(b"{"))
        return sum(orjson.loads(line)["event"] == event for line in lines)


class Fleet:
    """All nodes, as a load balancer sees them."""

    def __init__(self, nodes: list[Node], session: aiohttp.ClientSession) -> None:
        self.nodes = nodes
        self._session = session
        self._turns = self._awake()

    def next_url(self) -> str | None:
        """The next node in turn that is awake; None where none is."""
        return next(self._turns)

    def _awake(self) -> Iterator[str | None]:
        for index in cycle(range(len(self.nodes))):
            turned = self.nodes[index:] + self.nodes[:index]
            yield next((node.url for node in turned if node.awake), None)

    async def start(self) -> None:
        """Start those that do not run, and wait until all are ready."""
        for node in self.nodes:
            if node.frozen:
                node.thaw()
            if not node.awake:
                await node.start()
        await self.ready()

    async def ready(self) -> None:
        """Wait until all are ready; one that ended is started again, as whoever watches it would.

        Raises AssertionError when one ends too often, or is not ready in time.
        """
        for node in self.nodes:
            starts = iter(range(_MOST_STARTS))

            async def is_ready(node: Node = node, starts: Iterator[int] = starts) -> bool:
                if not node.awake:
                    assert next(starts, None) is not None, f"a node ended; its log:\n{node.log.read_text()[-2_000:]}"
                    await node.start()
                try:
                    async with self._session.get(node.url + "/readyz") as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            await until(is_ready, within_s=_READY_WITHIN_S)

    async def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            await node.kill()
