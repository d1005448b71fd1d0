"""The table for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.clients.asking import Library, Told
from tests.clients.cases import Case
from tests.clients.cells import Breaks, Cell, Done, Ends, Lacks, Outcome, deviation
from tests.clients.run import Line, Rows


def plain(rows: Rows, lines: Mapping[Library, Line]) -> str:
    """Columns for a terminal: what was found, in capitals where it is not as expected."""
    head = ["client", "version", *Case]
    body = [
        [library.package, line.version, *(_found(rows[library][case], line.outcomes.get(case)) for case in Case)]
        for library, line in lines.items()
    ]
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(len(head))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *body])
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def deviations(rows: Rows, lines: Mapping[Library, Line]) -> list[str]:
    """Whatever is not as expected, a line each."""
    return [fault for library, line in lines.items() for fault in faults(library, rows[library], line)]


def faults(library: Library, cells: Mapping[Case, Cell], line: Line) -> Iterator[str]:
    """What one library did otherwise than expected."""
    if line.version != library.version:
        yield f"{library.package}: expected: version {library.version}; was: {line.version}"
    for case, cell in cells.items():
        fault = deviation(cell, line.outcomes.get(case))
        if fault is not None:
            yield f"{library.package}, {case}: {fault}"


def notes(rows: Rows) -> list[str]:
    """Why a library has no such call, or what its own fault is, a line each."""
    return [
        f"{library.package}, {case}: {cell.why}"
        for library, cells in rows.items()
        for case, cell in cells.items()
        if isinstance(cell, Lacks | Breaks)
    ]


def markdown(rows: Rows) -> str:
    """What is expected, as a table in Markdown."""
    head = ["client", "version", *Case]
    body = [
        [f"`{library.package}`", library.version, *(_promised(cells[case]) for case in Case)]
        for library, cells in rows.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body]) + "\n"


def _found(cell: Cell, outcome: Outcome | None) -> str:
    if deviation(cell, outcome) is not None:
        return "NOT SO"
    return _promised(cell)


def _promised(cell: Cell) -> str:
    match cell:
        case Lacks():
            return "has none"
        case Breaks():
            return "own fault"
        case Ends(outcome=Done() as done):
            return str(done)
        case Ends(outcome=Told(how=how, code=code)):
            word = {"raised": "raises", "returned": "returns"}[how]
            return word if code is None else f"{word} {code}"
        case _:
            raise AssertionError(cell)
