"""Tables for people. Their look is no API: scripts use `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

#: Of what is printed into a pipe: nobody's window, so that a row is a line.
_UNBOUND_WIDTH: Final = 10_000


def print_table(title: str, columns: Mapping[str, str], rows: list[list[str]]) -> None:
    """Print a table; `columns` are headings, each "left" or "right".

    On a terminal that is too narrow for it each row becomes a block of lines; in a pipe each is one plain line.
    """
    console = Console(highlight=False, emoji=False)
    if console.is_terminal:
        console.print(make_table(title, columns, rows, console))
        console.print()
        return
    console.width = _UNBOUND_WIDTH
    table = _table(columns, rows, None)
    with console.capture() as printed:
        console.print(table)
    console.print(Text(title))
    for line in printed.get().splitlines():
        console.print(Text(line.rstrip()))
    console.print()


def print_line(text: str) -> None:
    """Print one line, bold on a terminal; what it quotes was written by others, so it is no markup."""
    Console(highlight=False, emoji=False, soft_wrap=True).print(Text(text, style="bold"))


def make_table(
    title: str, columns: Mapping[str, str], rows: list[list[str]], console: Console | None = None
) -> RenderableType:
    """The table that `print_table` prints. Cells are text, not markup: what they hold was written by others."""
    table = _table(columns, rows, box.SIMPLE_HEAD)
    heading = Text(title, style="bold")
    if console is not None and rows and _wide(table, console) > console.width:
        return Group(heading, *(_block(columns, row) for row in rows))
    return Group(heading, table)


def _table(columns: Mapping[str, str], rows: list[list[str]], frame: box.Box | None) -> Table:
    table = Table(box=frame, pad_edge=False, show_edge=False)
    for heading, justify in columns.items():
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _wide(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update_width(_UNBOUND_WIDTH), table).maximum


def _block(columns: Mapping[str, str], row: Sequence[str]) -> RenderableType:
    block = Table.grid(padding=(0, 2))
    block.add_column(style="dim", no_wrap=True)
    block.add_column(overflow="fold")
    for heading, cell in zip(columns, row, strict=True):
        block.add_row(Text(heading), Text(cell))
    return Group(block, Text(""))


def count(value: Any) -> str:
    """A number of places or messages; None is a limit that is not there."""
    return "unlimited" if value is None else f"{value:,}"


def when(time: Any) -> str:
    """An RFC 3339 time of the control plane, shorter: `2026-11-21 09:00:00` (UTC); `-` for none."""
    if not isinstance(time, str):
        return "-"
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return time
