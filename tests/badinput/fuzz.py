"""`python -m tests.badinput.fuzz --inputs 20000`: mutated requests of every face to a real node, and what came of them.

An input is bad news when it is answered with a 5xx, in no known shape or not at all, when it keeps the node's loop
from everything else for over 50 ms, when something leaves the house that must not, or when the log tells of a fault.
What the other processes of the machine do to the loop is told apart by trying a suspect again, alone.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from tests.badinput.mutations import Input, make_input
from tests.badinput.seeds import Plane, planes
from tests.badinput.stage import Stage, a_stage
from tests.badinput.wire import Answer, check_shape, converse, read_answers

STALL_S: Final = 0.05
_AT_ONCE: Final = 4
_TRIES: Final = 10

Name = tuple[str, int, int]


@dataclass
class Findings:
    """What came of a run. `bad`: what is wrong, by the name of the input; `stalls`: those that repeat, in seconds."""

    statuses: Counter[str] = field(default_factory=Counter)
    bad: dict[Name, str] = field(default_factory=dict)
    suspects: dict[Name, Input] = field(default_factory=dict)
    stalls: dict[Name, float] = field(default_factory=dict)
    longest_late_s: float = 0.0
    longest_work_s: float = 0.0
    inputs: int = 0
    took_s: float = 0.0


class Fuzz:
    """Sends inputs to a stage, a few at once, and judges each."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._lately: list[tuple[Name, Input]] = []
        self.findings = Findings()

    def run(self, plane: Plane, seed: int, numbers: Sequence[int], *, again: bool) -> None:
        """Send these inputs of a plane; `again`: then those alone that may have stalled the loop."""
        began_s = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda number: self._one(plane, seed, number), numbers):
                pass
        if again:
            self._try_again()
        self.findings.took_s += time.monotonic() - began_s

    def _one(self, plane: Plane, seed: int, number: int) -> None:
        name, made = (plane.name, seed, number), make_input(plane, seed, number)
        with self._lock:
            self._lately = [*self._lately[-3 * _AT_ONCE :], (name, made)]
        try:
            answers = self._judged(made)
        except (AssertionError, LookupError, ValueError) as fault:
            answers = []
            self.findings.bad[name] = f"{type(fault).__name__}: {fault}"[:500]
        with self._lock:
            self.findings.inputs += 1
            self.findings.statuses.update(str(answer.status) for answer in answers)
            self.findings.statuses["none"] += not answers
            self._look()

    def _judged(self, made: Input) -> list[Answer]:
        received = converse(self._stage.port, made.raw, whole=made.whole)
        method = made.raw.partition(b" ")[0].decode("latin-1")
        answers = read_answers(received, method)
        assert answers or not made.whole, "no answer"
        for answer in answers:
            check_shape(answer, made.path if made.whole else None)
        return answers

    def _look(self) -> None:
        late_s, work_s = self._stage.watch.longest()
        found = self.findings
        found.longest_late_s = max(late_s, found.longest_late_s)
        found.longest_work_s = max(work_s, found.longest_work_s)
        if max(late_s, work_s) > STALL_S:
            self._stage.watch.forget()
            found.suspects.update(self._lately)

    def _try_again(self) -> None:
        for name, made in self.findings.suspects.items():
            stall_s = self._least_stall(made)
            if stall_s > STALL_S:
                self.findings.stalls[name] = stall_s
        self.findings.suspects.clear()

    def _least_stall(self, made: Input) -> float:
        least_s = float("inf")
        for _ in range(_TRIES):
            self._stage.watch.forget()
            with contextlib.suppress(AssertionError):
                converse(self._stage.port, made.raw, whole=made.whole)
            least_s = min(least_s, max(self._stage.watch.longest()))
            if least_s <= STALL_S:
                break
        return least_s


def fuzzed(stage: Stage, seed: int, inputs: int, *, again: bool = True) -> Findings:
    """Send that many inputs, a third to each plane. `again`: what may have stalled the loop is tried alone.

    Raises AssertionError when the node is not healthy after it.
    """
    fuzz = Fuzz(stage)
    stage.watch.forget()
    faces = planes()
    for plane in faces:
        fuzz.run(plane, seed, range(-(-inputs // len(faces))), again=again)
        stage.left()
        stage.check_log()
        assert stage.is_ready(), "the node is not ready"
    return fuzz.findings


def main(arguments: Sequence[str]) -> int:
    """Run, print, and tell by the exit code whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m tests.badinput.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with a_stage(clock=False) as stage:
        found = fuzzed(stage, chosen.seed, chosen.inputs)
    print(f"{found.inputs} inputs in {found.took_s:.0f} s, seed {chosen.seed}: {dict(sorted(found.statuses.items()))}")
    print(f"longest stall of the loop: {found.longest_late_s * 1e3:.0f} ms by the clock on this machine,")
    print(f"  {found.longest_work_s * 1e3:.0f} ms by its own work")
    print(f"inputs that stall it for over 50 ms each time: {len(found.stalls)}")
    for name, stall_s in found.stalls.items():
        print(f"  {name}: {stall_s * 1e3:.0f} ms")
    print(f"bad answers: {len(found.bad)}")
    for name, why in list(found.bad.items())[:20]:
        print(f"  {name}: {why}")
    return 1 if found.bad or found.stalls else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
