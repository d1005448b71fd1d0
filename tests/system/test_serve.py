"""`tidegate serve` as real processes: starts, drains, shares a port, replaces a dead worker, keeps its queue."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.waiting import until
from tidegate.settings import hash_key
from tidegate.simulator.faults import Fault, Then
from tidegate.simulator.server import Simulator, run_simulator

KEY = "tg_system-test-key-of-the-checkout-app"
NUMBER = "106540352242922"
CONFIG = """
[server]
listen = "127.0.0.1:{port}"
workers = {workers}
[store]
url = "embedded:{data}"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "an identity key of at least 32 bytes"
payload_key = "a payload key of at least 32 bytes.."
[[portfolio]]
id = "lucky-shrub"
messaging_limit = 2000
[[portfolio.waba]]
id = "102290129340398"
access_token = "EAAG-simulated-token"
[[portfolio.waba.number]]
id = "106540352242922"
display_phone_number = "15550783881"
[[app]]
name = "checkout"
key_sha256 = "{key_sha256}"
scopes = ["send", "read", "admin"]
[testing]
clock = true
"""


class Served:
    """One `tidegate serve` process, and a client of it."""

    def __init__(self, config: Path, port: int) -> None:
        self._config = config
        self._url = f"http://127.0.0.1:{port}"
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tidegate", "serve", "--config", str(self._config), stderr=asyncio.subprocess.DEVNULL
        )
        await until(self._ready, within_s=30)

    async def _ready(self) -> bool:
        assert self.process.returncode is None, "it ended instead of getting ready"
        return await self.status("/readyz") == 200

    async def status(self, path: str) -> int:
        try:
            async with aiohttp.ClientSession() as session, session.get(self._url + path) as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def send(self, to: str, template: str = "black_friday_offer", **headers: str) -> aiohttp.ClientResponse:
        body = {
            "messaging_product": "whatsapp",
            "to": to,
            "type": "template",
            "template": {"name": template, "language": {"code": "en_US"}},
        }
        url = f"{self._url}/v25.0/{NUMBER}/messages"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}", **headers}) as session,
            session.post(url, json=body) as answer,
        ):
            await answer.read()
            return answer

    async def state(self, message_id: str) -> str:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
            session.get(f"{self._url}/gateway/v1/messages/{message_id}") as answer,
        ):
            return str((await answer.json())["state"])

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def meta() -> AsyncIterator[Simulator]:
    simulator = await run_simulator()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def served(
    meta: Simulator, tmp_path: Path, unused_tcp_port: int, request: pytest.FixtureRequest
) -> AsyncIterator[Served]:
    config = tmp_path / "tidegate.toml"
    config.write_text(
        CONFIG.format(
            port=unused_tcp_port,
            workers=getattr(request, "param", 1),
            data=tmp_path / "data",
            upstream=meta.url,
            key_sha256=hash_key(KEY),
        )
    )
    served = Served(config, unused_tcp_port)
    await served.start()
    yield served
    await served.kill()


async def test_sigterm_drains_and_exits_0(served: Served) -> None:
    answers = await asyncio.gather(*(served.send(f"+1555010{n:04}") for n in range(20)))
    assert {answer.headers["Tidegate-Verdict"] for answer in answers} == {"send"}
    assert await served.stop() == 0


async def test_a_node_that_stops_with_a_send_under_way_says_so_and_finishes_it(served: Served, meta: Simulator) -> None:
    meta.faults.add(Fault(Then.ANSWER, accept=True, hang_ms=2_000))
    sending = asyncio.create_task(served.send("+15550100001"))

    async def has_reached_meta() -> bool:
        return bool(meta.world.book.accepted)

    await until(has_reached_meta)
    stopping = asyncio.create_task(served.stop())

    async def says_so() -> bool:
        return await served.status("/readyz") == 503

    await until(says_so)
    assert (await served.send("+15550100002")).status == 503
    assert (await sending).headers["Tidegate-Verdict"] == "send"
    assert await stopping == 0
    assert len(meta.world.book.accepted) == 1


async def test_a_port_that_is_taken_is_said_in_a_line(served: Served, tmp_path: Path) -> None:
    environment = {**os.environ, "TIDEGATE_STORE__URL": f"embedded:{tmp_path / 'other'}"}
    command = (sys.executable, "-m", "tidegate", "serve", "--config", str(tmp_path / "tidegate.toml"))
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)

    _, told = await process.communicate()

    assert process.returncode == 1
    assert b"server.listen: can't listen on 127.0.0.1" in told
    assert b"Traceback" not in told


async def test_a_queued_send_outlives_its_node(served: Served, meta: Simulator) -> None:
    answer = await served.send("+15550100001", **{"Tidegate-Not-Before": _in_a_minute()})
    assert answer.headers["Tidegate-Verdict"] == "queue"
    message_id = answer.headers["Tidegate-Id"]
    assert await served.stop() == 0

    await served.start()
    assert await served.state(message_id) == "queued"
    assert not meta.world.book.accepted


async def test_a_queued_send_outlives_a_kill(served: Served) -> None:
    answer = await served.send("+15550100001", **{"Tidegate-Not-Before": _in_a_minute()})
    await served.kill()
    await served.start()
    assert await served.state(answer.headers["Tidegate-Id"]) == "queued"


@pytest.mark.parametrize("served", [2], indirect=True, ids=["two workers"])
async def test_workers_share_the_port_and_a_dead_one_is_replaced(served: Served) -> None:
    workers = _children(served.process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)

    async def replaced() -> bool:
        now = _children(served.process.pid)
        return len(now) == 2 and workers[0] not in now

    await until(replaced)
    assert (await served.send("+15550100001")).status == 200
    assert await served.stop() == 0


def _in_a_minute() -> str:
    return (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _children(pid: int) -> list[int]:
    """Worker processes of the node `pid`; its store's server is a child too, and is none."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        if b"serve" in command:
            found.append(int(child))
    return found
