"""How long the addresses of a name are good for: in virtual time, over a network in memory."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from unittest.mock import patch

from yarl import URL

from tests.deterministic.loop import DeterministicLoop, run
from tests.deterministic.network import Address, MemoryNetwork, aiohttp_in_memory
from tidegate.upstream.dialler import Dialler

HERE = Address("10.0.0.1", 80)


def test_a_name_is_looked_up_anew_after_a_while() -> None:
    asked: list[float] = []

    async def main(loop: DeterministicLoop) -> list[int]:
        network = MemoryNetwork(loop, 1)
        network.listen(asyncio.Protocol, *HERE)

        def look_up(*_: Any, **__: Any) -> Any:
            asked.append(loop.time())
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", tuple(HERE))]

        dialler, counts = Dialler(URL("http://graph.test")), []
        with patch("socket.getaddrinfo", look_up):
            for _ in range(3):
                for _ in range(2):
                    await dialler.dial(asyncio.Protocol)
                counts.append(len(asked))
                await asyncio.sleep(20)
        return counts

    with aiohttp_in_memory():
        assert run(1, main) == [1, 1, 2]
