"""The port of a real process, on the event loop that it runs on: TLS, limits of connections, heads that do not end,
and what a file of 100 MB takes of memory.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loadtest.bench.media import measured, table
from tests.integration.edge.peers import own_certificate
from tests.system.served import CONFIG, KEY, Served
from tests.waiting import until
from tidegate.settings import hash_key

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
MOST = 8


class ServedByTls(Served):
    """One that speaks TLS: it is ready when it answers a handshake, and a request after it."""

    def __init__(self, config: Path, port: int) -> None:
        super().__init__(config, port)
        self.port = port

    async def _ready(self) -> bool:
        assert self.process.returncode is None, "it ended instead of getting ready"
        try:
            return b" 200 " in await self.asked(ASK)
        except ConnectionError:
            return False

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def asked(self, sent: bytes) -> bytes:
        """The head of what comes back on a connection of its own; nothing where it is cut off."""
        reader, writer = await self.open()
        try:
            writer.write(sent)
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        finally:
            writer.transport.abort()

    async def certificate(self) -> bytes:
        reader, writer = await self.open()
        writer.transport.abort()
        del reader
        told = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert isinstance(told, bytes)
        return told


@pytest.fixture
async def port(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[ServedByTls]:
    own_certificate(tmp_path, "first")
    config = tmp_path / "tidegate.toml"
    settings = {"port": unused_tcp_port, "workers": 1, "data": tmp_path / "data", "upstream": "http://127.0.0.1:1"}
    pem = tmp_path / "own.pem"
    more = f'tls_certificate = "{pem}"\ntls_key = "{pem}"\nmax_connections = {MOST}\nheader_timeout = "2s"\n'
    config.write_text(CONFIG.format(**settings, key_sha256=hash_key(KEY)).replace("workers", f"{more}workers"))
    made = ServedByTls(config, unused_tcp_port)
    await made.start()
    yield made
    await made.kill()


async def test_its_certificate_is_exchanged_by_a_signal_and_connections_are_limited(
    port: ServedByTls, tmp_path: Path
) -> None:
    assert b"first" in await port.certificate()
    held = []
    for _ in range(MOST):
        reader, writer = await port.open()
        writer.write(ASK)
        await reader.readuntil(b"}")
        held.append((reader, writer))
    assert b" 503 " in await port.asked(ASK.replace(b"/healthz", b"/readyz"))

    own_certificate(tmp_path, "second")
    port.hang_up()

    async def is_second() -> bool:
        return b"second" in await port.certificate()

    await until(is_second)
    reader, writer = held.pop()
    writer.write(ASK)
    assert b" 200 " in await reader.readuntil(b"}")
    writer.write(b"GET /healthz HT")
    assert b" 408 " in await reader.read()
    for _, writer in held:
        writer.transport.abort()
    assert await port.stop() == 0


async def test_a_file_of_100_mb_takes_less_than_16_mib_either_way() -> None:
    passages = await measured(megabytes=100, rounds=1)

    took = {passage.way: passage.memory_mib for passage in passages if passage.through == "tidegate"}
    assert max(took.values()) < 16, took
    assert table(passages, 100).row_count == 4
