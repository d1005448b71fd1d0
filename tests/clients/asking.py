"""A client library's process, asked for one call at a time."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
NODE: Final = HERE / "node"
_ROOT: Final = HERE.parents[1]
_PATH: Final = f"{_ROOT / 'src'}{os.pathsep}{_ROOT}"
#: The most patient library sends four times and waits seven seconds in between.
_CALL_WITHIN_S: Final = 60


class Language(StrEnum):
    """What a library is written in."""

    PYTHON = "Python"
    NODE = "Node"


@dataclass(frozen=True, slots=True)
class Library:
    """A client library: `package` in its registry at a `version`, and what calls it in `drivers` or `node`."""

    package: str
    version: str
    language: Language
    driver: str

    @property
    def command(self) -> tuple[str, ...]:
        """What starts its process."""
        if self.language is Language.PYTHON:
            return sys.executable, "-m", f"tests.clients.drivers.{self.driver}"
        return "node", str(NODE / f"{self.driver}.mjs")


@dataclass(frozen=True, slots=True)
class Told:
    """What the library told its caller of a failure; `code` where it shows Graph's."""

    how: str
    kind: str
    code: int | None
    text: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.how} {self.kind}" + (f" {self.code}" if self.code is not None else "")


@dataclass(slots=True)
class Asked:
    """A library that runs. `version`: its own."""

    version: str
    _process: asyncio.subprocess.Process
    _log: Path

    async def call(self, do: str, login: Mapping[str, str], **named: Any) -> dict[str, Any] | Told:
        """Have it make one call, and give what it gives.

        Raises AssertionError where its process ended, TimeoutError where it does not answer.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "login": login, **named}).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await _line(self._process, self._log)
        return Told(**answer["told"]) if "told" in answer else dict(answer["done"])


async def _line(process: asyncio.subprocess.Process, log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(_CALL_WITHIN_S):
        line = await process.stdout.readline()
    assert line, f"its process ended: {_end_of(log)}"
    return dict(json.loads(line))


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2_000:]


@asynccontextmanager
async def asked(library: Library, directory: Path) -> AsyncIterator[Asked]:
    """Start a library's process; what it prints is in a file in `directory`."""
    log = directory / f"{library.driver}-{library.language}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *library.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            cwd=directory,
            env={**os.environ, "PYTHONPATH": _PATH},
        )
    try:
        yield Asked((await _line(process, log))["version"], process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
