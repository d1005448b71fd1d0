"""Every library through every case."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.clients.asking import Asked, Library, Told, asked
from tests.clients.cases import ALONE, CASES, Case, Scene
from tests.clients.cells import Breaks, Cell, Lacks, Outcome, Wrong
from tests.clients.estate import Estate
from tests.clients.stage import staged

Rows = Mapping[Library, Mapping[Case, Cell]]


@dataclass(slots=True)
class Line:
    """What one library did; a case that it has no call for is not among the outcomes."""

    version: str
    outcomes: dict[Case, Outcome] = field(default_factory=dict)


async def run(rows: Rows, directory: Path) -> dict[Library, Line]:
    """Play the cells of all rows against one gateway: libraries beside each other, but for what has to be alone."""
    estates = [Estate(index) for index in range(len(rows))]
    async with staged(estates, directory) as stage, AsyncExitStack() as running:
        libraries: Sequence[Asked] = await asyncio.gather(
            *(running.enter_async_context(asked(library, directory)) for library in rows)
        )
        lines = {library: Line(started.version) for library, started in zip(rows, libraries, strict=True)}
        scenes = [Scene(stage, estate, started, directory) for estate, started in zip(estates, libraries, strict=True)]
        await asyncio.gather(
            *(
                _play(scene, line, [case for case in CASES if case not in ALONE], cells)
                for scene, line, cells in zip(scenes, lines.values(), rows.values(), strict=True)
            )
        )
        for scene, line, cells in zip(scenes, lines.values(), rows.values(), strict=True):
            await _play(scene, line, sorted(ALONE), cells)
    return lines


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
