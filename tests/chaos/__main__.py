"""The long set: every fault of the table against real processes. `python -m tests.chaos --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvloop

from tests.chaos.rows import ROWS
from tests.chaos.run import run
from tests.chaos.table import Line, markdown, plain


def main() -> int:
    """Run, print the table, and say what is not as it should be; 1 where anything is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="how often each fault (1)")
    parser.add_argument("--only", action="append", metavar="NAME", help="only faults whose names contain this")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there as Markdown as well")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="write the nodes' logs there")
    given = parser.parse_args()
    lines = {
        name: Line(name, row)
        for name, row in ROWS.items()
        if not given.only or any(word in name for word in given.only)
    }
    for number in range(given.runs):
        for line in lines.values():
            _do(line, number, given.logs)
            print(f"{' '.join(line.cells())}", file=sys.stderr, flush=True)
    print(plain(lines))
    if given.out:
        given.out.write_text(markdown(lines))
    faults = [fault for line in lines.values() for fault in line.faults]
    print("\n".join(faults) if faults else "Every promise was kept, and every weaker deployment was seen to break.")
    return 1 if faults else 0


def _do(line: Line, number: int, logs: Path | None) -> None:
    try:
        outcome = uvloop.run(run(line.row))
    except (AssertionError, TimeoutError) as fault:
        line.failed.append(f"{line.name}: {str(fault) or 'it did not end'}")
        return
    line.outcomes.append(outcome)
    if logs is not None:
        for index, log in enumerate(outcome.logs):
            name = "".join(letter if letter.isalnum() else "-" for letter in line.name)
            logs.mkdir(parents=True, exist_ok=True)
            (logs / f"{name}-{number}-{index}.log").write_text(log)


if __name__ == "__main__":
    sys.exit(main())
