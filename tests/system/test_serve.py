"""`tidegate serve` as real processes: starts, drains, shares a port, replaces a dead worker, keeps its queue."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.system.served import Served
from tests.waiting import until
from tidegate.simulator.faults import Fault, Then
from tidegate.simulator.server import Simulator


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
