"""One node in a process of its own, whose loop is watched from within.

`python -m tests.badinput.node_process CONFIG WATCH DEADLINE_S` prints the port that it listens on. A send's body has
DEADLINE_S to arrive, so that those who wait for the end of it need not wait long.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import uvloop

from tests.badinput.loop_watch import LoopWatch
from tidegate import logs
from tidegate.app import build
from tidegate.edge.door import bodies, lockout
from tidegate.settings import load
from tidegate.store import client

_TICK_S = 0.002


async def watch(seen: LoopWatch) -> None:
    """Tell by how much ticks of the loop come late, and how much work of the loop's own thread lay between two."""
    loop = asyncio.get_running_loop()
    before_s, worked_s = loop.time(), time.thread_time()
    while True:
        await asyncio.sleep(_TICK_S)
        now_s, work_s = loop.time(), time.thread_time()
        seen.tell(now_s - before_s - _TICK_S, work_s - worked_s)
        before_s, worked_s = now_s, work_s


async def run(config: Path, seen: LoopWatch) -> None:
    """Run the node until SIGTERM."""
    node = await build(load(config, os.environ))
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    watching = asyncio.create_task(watch(seen))
    try:
        await node.start()
        print(node.address[1], flush=True)
        await stopping.wait()
    finally:
        watching.cancel()
        await node.stop()


if __name__ == "__main__":
    logs.configure("info", sys.stderr)
    # As in all tests: a busy machine is no broken store.
    client.TIMEOUT_S = 5.0
    # Wrong keys are among the bad inputs, and all of these come from one address.
    lockout.FAILURES = lockout.SAME_FAILURES = sys.maxsize
    bodies.read_body.__defaults__ = (bodies.SEND_MOST, float(sys.argv[3]))
    uvloop.run(run(Path(sys.argv[1]), LoopWatch(Path(sys.argv[2]))))
