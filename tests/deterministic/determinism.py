"""Everything that would differ from run to run, made to follow the seed: chance, clocks, the collector."""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import structlog

from tests.deterministic.loop import DeterministicLoop
from tests.deterministic.network import aiohttp_in_memory
from tidegate import node
from tidegate.app import ground
from tidegate.clock import StoreClock
from tidegate.edge.door import server
from tidegate.edge.door.request_ids import RequestIds


class _NoCollector:
    """A node puts the collector aside at its start; hundreds of nodes of one process must not."""

    @staticmethod
    def collect() -> int:
        return 0

    @staticmethod
    def freeze() -> None:
        return

    @staticmethod
    def set_threshold(*_: int) -> None:
        return


@contextmanager
def determined(loop: DeterministicLoop, seed: int, wall: Any) -> Iterator[None]:
    """Within it a run depends on nothing but its seed. `wall` tells the store's clock, in seconds since 1970."""
    chance = Random(f"chance {seed}")
    state = random.getstate()
    random.seed(f"global {seed}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with ExitStack() as stack:
        stack.enter_context(aiohttp_in_memory())
        for name, value in {
            "os.urandom": chance.randbytes,
            "secrets.token_bytes": lambda size=32: chance.randbytes(size),
            "time.time": wall,
            # What a run before has left of its pool is not this one's.
            "tidegate.edge.door.request_ids.new_id": RequestIds().new,
            # Of how long a connection of the pool has been idle: however slow the machine is.
            "aiohttp.connector.monotonic": loop.time,
            # Asked at every call of a script, and true: no script of ours sets a global.
            "fakeredis.commands_mixins.scripting_mixin._check_for_lua_globals": lambda *_: None,
        }.items():
            stack.enter_context(patch(name, value))
        stack.enter_context(patch.object(ground, "StoreClock", functools.partial(StoreClock, loop.time)))
        stack.enter_context(patch.object(node, "gc", _NoCollector))
        # A listener in memory is no descriptor that could be watched more than once.
        stack.enter_context(patch.object(server, "_TAKEN_AT_ONCE", 1))
        try:
            yield
        finally:
            random.setstate(state)
            structlog.reset_defaults()
