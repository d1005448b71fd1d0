"""`python -m loadtest.bench.profile`: where a node's CPU goes under load, as a flame graph and a table. Linux only."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed import machine
from loadtest.bench.speed.load import Load
from loadtest.bench.speed.stage import stage

_RATE: Final = 250
_WARM_S: Final = 1.0
_LINE: Final = re.compile(r":\d+\)$")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Form(StrEnum):
    """What is looked at."""

    ON = "on"
    DEFAULT = "default"
    OFF = "off"
    BARE = "bare"


_FORMS: Final = {Form.ON: who.ON, Form.DEFAULT: who.DEFAULT, Form.OFF: who.OFF, Form.BARE: who.BARE}


@dataclass(frozen=True, slots=True)
class Dear:
    """A function: the share of all samples in which it was at the top of the stack, and anywhere in it."""

    name: str
    own: float
    whole: float


def dearest(folded: str) -> list[Dear]:
    """The functions of folded stacks (`a;b;c 12` a line), those with most time of their own first."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        whole.update(dict.fromkeys(frames, int(count)))
    samples = own.total()
    names = sorted(whole, key=lambda name: (-own[name], -whole[name], name))
    return [Dear(name, own[name] / samples, whole[name] / samples) for name in names]


@app.command()
def profile(
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=60, help="How long is looked, twice.")] = 10,
    connections: Annotated[int, typer.Option("--connections", min=1, max=1_024)] = 64,
    form: Annotated[Form, typer.Option("--form", help="tidegate with all rules on, by default, off; a bare proxy.")] = (
        Form.ON
    ),
    native: Annotated[bool, typer.Option("--native", help="C functions too; slower.")] = False,
    out: Annotated[Path, typer.Option("--out", help="The folder for profile.svg and profile.folded.")] = Path("build"),
) -> None:
    """Load a node on this machine, and write down where its time goes: a flame graph, folded stacks, a table."""
    program = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        raise typer.BadParameter("py-spy is not installed: pip install 'tidegate[dev]'")
    out.mkdir(parents=True, exist_ok=True)
    flame, folded = out / "profile.svg", out / "profile.folded"
    options = ["--native"] if native else []
    recordings = ((flame, "flamegraph"), (folded, "raw"))
    commands = [
        [program, "record", "--duration", str(seconds), "--rate", str(_RATE), "--format", kind, "--output", str(file)]
        for file, kind in recordings
    ]
    sent = uvloop.run(_recorded([command + options for command in commands], _FORMS[form], connections))
    console = Console(width=140)
    console.print(table(dearest(folded.read_text()), form.value))
    console.print(f"{sent:,} sends while looked at; {flame} is the flame graph")


async def _recorded(commands: Sequence[Sequence[str]], form: str, connections: int) -> int:
    machine.place_caller()
    async with stage() as at:
        candidate = await who.FORMS[form](at)
        load = Load(candidate.port, connections, candidate.traffic.request)
        await load.begin()
        await asyncio.sleep(_WARM_S)
        for command in commands:
            recorder = await asyncio.create_subprocess_exec(
                *command,
                "--pid",
                str(candidate.pids[0]),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await recorder.communicate()
            if recorder.returncode:
                told = said.decode(errors="replace").strip()
                raise SystemExit(f"py-spy could not look (it needs the right to trace a process):\n{told}")
        return (await load.end()).answers["send"]


def table(found: Sequence[Dear], form: str, lines: int = 40) -> Table:
    """The dearest functions."""
    made = Table(title=f"tidegate, {form}: share of the samples" if form != "bare" else "bare proxy")
    made.add_column("own", justify="right")
    made.add_column("with what it calls", justify="right")
    made.add_column("function", no_wrap=True)
    for dear in found[:lines]:
        made.add_row(f"{dear.own:.1%}", f"{dear.whole:.1%}", dear.name)
    return made


if __name__ == "__main__":
    app()
