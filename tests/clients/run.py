"""Every library through every case."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.clients.asking import Library, Told, asked
from tests.clients.cases import ALONE, CASES, Case, Scene
from tests.clients.cells import Breaks, Cell, Lacks, Outcome, Wrong
from tests.clients.estate import Estate
from tests.clients.stage import staged

#: A machine that is busy with more of them answers late, and some libraries do not wait.
_AT_ONCE: Final = 3

Rows = Mapping[Library, Mapping[Case, Cell]]


@dataclass(slots=True)
class Line:
    """What one library did; a case that it has no call for is not among the outcomes."""

    version: str
    outcomes: dict[Case, Outcome] = field(default_factory=dict)


async def run(rows: Rows, directory: Path) -> dict[Library, Line]:
    """Play the cells of all rows against one gateway: some libraries at a time, but for what has to be alone."""
    estates = [Estate(index) for index in range(len(rows))]
    lines: dict[Library, Line] = {}
    turns = asyncio.Semaphore(_AT_ONCE)
    async with staged(estates, directory) as stage, AsyncExitStack() as running:

        async def begin(library: Library, estate: Estate) -> Scene:
            async with turns:
                started = await running.enter_async_context(asked(library, directory))
                scene, lines[library] = Scene(stage, estate, started, directory), Line(started.version)
                await _play(scene, lines[library], [case for case in CASES if case not in ALONE], rows[library])
                return scene

        scenes = await asyncio.gather(*map(begin, rows, estates))
        for library, scene in zip(rows, scenes, strict=True):
            await _play(scene, lines[library], sorted(ALONE), rows[library])
    return {library: lines[library] for library in rows}


async def _play(scene: Scene, line: Line, cases: Sequence[Case], cells: Mapping[Case, Cell]) -> None:
    for case in cases:
        if isinstance(cells.get(case), Lacks | None):
            continue
        line.outcomes[case] = await _end(scene, case)
        if isinstance(cells[case], Breaks) and not isinstance(await _end(replace(scene, is_direct=True), case), Told):
            line.outcomes[case] = Wrong("it works past the gateway")


async def _end(scene: Scene, case: Case) -> Outcome:
    try:
        return await CASES[case](scene)
    except TimeoutError:
        return Wrong("the call did not end")
