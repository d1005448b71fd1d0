"""The machine: which core is whose, and what a process has taken of it, as the kernel counts it. Linux only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

#: Core of what is measured, and those of all else: upstream, stores and callers. One core, and nobody is put anywhere.
CORES: Final = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
APART: Final = len(CORES) >= 2
_SPINS: Final = 200_000
_TO_CORE: Final = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execvp(sys.argv[2], sys.argv[2:])"


def place_caller() -> None:
    """Move this process, and what it starts from now on, off the core of what is measured."""
    if sys.platform != "linux":
        raise SystemExit("what a process takes is read as Linux tells it: this runs on Linux only")
    if APART:
        os.sched_setaffinity(0, CORES[1:])


def on_gateway_core() -> tuple[str, ...]:
    """What stands before the command of a process that is measured: it goes to its core, and all that it starts."""
    return (sys.executable, "-I", "-S", "-c", _TO_CORE, str(CORES[0])) if APART else ()


def cpu_s(pids: Iterable[int]) -> float:
    """CPU time that these processes have used, all of their threads, in seconds, to the microsecond."""
    # The kernel's clock of another process's CPU time: clock_getcpuclockid(3), MAKE_PROCESS_CPUCLOCK in the kernel.
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def rss_mib(pids: Iterable[int]) -> float:
    """Memory that these processes have now, in MiB."""
    return sum(_status_kib(pid, "VmRSS") for pid in pids) / 1024


def children(pid: int) -> list[int]:
    """The processes that it started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def spin_ms() -> float:
    """How long a fixed loop takes: the same each time, on a machine that nobody else uses."""
    began = time.perf_counter()
    for _ in range(_SPINS):
        pass
    return (time.perf_counter() - began) * 1_000


def _status_kib(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
