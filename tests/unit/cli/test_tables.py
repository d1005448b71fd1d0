"""Tables on terminals, narrow ones too, and in pipes."""

import io

import pytest
from rich.console import Console

from tidegate.cli.tables import make_table, print_table

COLUMNS = {"number": "left", "waiting": "right", "because of": "left"}
ROWS = [["106540352242922", "1,234", "messaging_limit"], ["1", "2", "[bold]not markup[/]"]]


def drawn(width: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    console.print(make_table("3 waiting", COLUMNS, ROWS, console))
    return out.getvalue().splitlines()


def test_a_pipe_gets_plain_lines_one_for_each_row_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("3 waiting", COLUMNS, [*ROWS, ["x" * 500, "", ""]])

    title, heading, first, second, long, after = capsys.readouterr().out.splitlines()

    assert title == "3 waiting"
    assert heading.split() == ["number", "waiting", "because", "of"]
    assert first.split() == ["106540352242922", "1,234", "messaging_limit"]
    assert second.endswith("[bold]not markup[/]")
    assert long == "x" * 500
    assert after == ""


def test_a_terminal_gets_a_frame() -> None:
    assert any("─" in line for line in drawn(80))
    assert any(line.split() == ["106540352242922", "1,234", "messaging_limit"] for line in drawn(80))


def test_a_narrow_terminal_gets_a_block_for_each_row() -> None:
    lines = drawn(36)
    assert not any("─" in line for line in lines)
    assert [line.split() for line in lines[1:4]] == [
        ["number", "106540352242922"],
        ["waiting", "1,234"],
        ["because", "of", "messaging_limit"],
    ]
    assert all(len(line) <= 36 for line in lines)
