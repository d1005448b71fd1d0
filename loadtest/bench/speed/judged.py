"""The same sends before the simulated platform, which judges them: at a limit that fills up, with its webhooks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from loadtest.bench.peers import simulated
from loadtest.bench.served import free_port
from loadtest.bench.speed.candidates import ON, Tidegate
from loadtest.bench.speed.load import Load, at_most
from loadtest.bench.speed.stage import Stage
from loadtest.bench.speed.window import Void

_WITHIN_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Judged:
    """`told`: what callers were told, by verdict; `violations` by kind, as the simulated platform counted them."""

    told: Mapping[str, int]
    accepted: int
    limit: int
    violations: Mapping[str, int]
    #: What the platform refused, by code.
    refused: Mapping[str, int]

    @property
    def broken(self) -> int:
        """How many rules were broken, of all kinds."""
        return sum(self.violations.values())


async def judged(stage: Stage, requests: int, users_in_touch: int = 500) -> Judged:
    """Ask for so many sends, 64 at a time, as fast as they are answered. Raises Void, TimeoutError."""
    folder, port = stage.folder(), free_port()
    command = (sys.executable, "-m", "loadtest.bench.peers.simulated", str(port))
    process = await stage.start(*command, folder=folder, measured=False)
    await stage.serving(process, port, folder)
    before = replace(stage, upstream_port=port)
    node = await Tidegate(ON, limit=simulated.LIMIT, users_in_touch=users_in_touch)(before)
    for user in node.traffic.in_touch:
        await _tell(before, "inbound", {"number": user.number, "user": user.user})
    await _tell(before, "subscription", {"url": f"{node.url}/webhooks/whatsapp"})
    load = Load(node.port, 64, at_most(requests, node.traffic.request))
    await load.begin()
    await load.answered(_WITHIN_S)
    told = await load.end()
    async with stage.session.get(f"{before.upstream_url}/_sim/report") as answer:
        report = await answer.json()
    await stage.end(node)
    if told.lost or told.answers["send"] != report["accepted"]:
        raise Void(f"told {dict(told.answers)}, lost {told.lost}, and the platform accepted {report['accepted']}")
    return Judged(dict(told.answers), report["accepted"], simulated.LIMIT, report["violations"], report["refused"])


async def _tell(stage: Stage, what: str, body: Mapping[str, Any]) -> None:
    async with stage.session.post(f"{stage.upstream_url}/_sim/{what}", json=body) as answer:
        answer.raise_for_status()
