"""What nodes have of their machines besides the network: disks that keep journals, and locks that die with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from tests.deterministic.loop import PROCESS
from tests.deterministic.world import World
from tidegate.journal import files


@contextmanager
def on_machines(world: World, replicas_ack: int, *, journal: bool) -> Iterator[None]:
    """Give a world's nodes disks, where `journal` says so. What a process locks is free when it is killed."""
    world.replicas_ack = replicas_ack
    take = files._taken

    def taken(folder: Path) -> Any:
        slot = take(folder)
        if slot is not None:
            world.locks.setdefault(PROCESS.get(), []).append(slot._lock)
        return slot

    with ExitStack() as stack:
        world.nowhere = os.open(os.devnull, os.O_RDONLY)
        stack.callback(os.close, world.nowhere)
        if journal:
            world.folder = Path(stack.enter_context(TemporaryDirectory(prefix="tidegate-deterministic-")))
            stack.enter_context(patch.object(files, "_taken", taken))
            # No power is lost in a run, and a disk takes longer than everything else together.
            stack.enter_context(patch("os.fsync", lambda _: None))
            stack.enter_context(patch("os.fdatasync", lambda _: None))
        yield
