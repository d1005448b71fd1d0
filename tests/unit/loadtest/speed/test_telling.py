"""A run is told as tables, as JSON and as a picture."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from loadtest.bench.speed.found import Found
from loadtest.bench.speed.musts import MUSTS
from loadtest.bench.speed.picture import draw
from loadtest.bench.speed.record import record
from loadtest.bench.speed.tables import markdown, tables
from tests.unit.loadtest.speed.runs import found


def told(run: Found) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(run):
        console.print(table)
    return console.export_text()


def test_the_tables_end_with_what_must_hold_and_whether_it_does() -> None:
    lines = [line for line in told(found()).partition("what must hold")[2].splitlines() if line.startswith("│")]
    assert [line.split("│")[1].strip() for line in lines] == [must.measure for must in MUSTS]
    assert {line.split("│")[-2].strip() for line in lines} <= {"yes", "goal"}


def test_every_axis_that_was_measured_has_a_table_and_no_other() -> None:
    titles = [str(table.title) for table in tables(found())]
    assert len(titles) == 12
    assert [str(table.title) for table in tables(Found())] == ["what must hold"]


def test_what_was_not_measured_is_told_so() -> None:
    assert told(Found()).count("not measured") == len(MUSTS)


def test_the_markdown_has_every_table_with_all_of_its_cells() -> None:
    text = markdown(found())
    assert text.count("### ") == 12
    assert "| bare aiohttp | 1,000 | 100.0 | 10.0 |" in text
    assert all(line.startswith("|") and line.endswith("|") for line in text.splitlines() if "|" in line)


def test_the_json_has_every_window_and_what_must_hold() -> None:
    read = orjson.loads(record(found()))
    assert read["sends"][0]["windows"]["naive"][0]["gateway_us"] == 400.0
    assert all(must["holds"] for must in read["musts"])
    assert read["void"] == []


@pytest.mark.parametrize("name", ["sends.svg", "sends.png"])
def test_the_picture_is_drawn_in_the_format_of_its_name(tmp_path: Path, name: str) -> None:
    draw(found(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith({"sends.svg": b"<?xml", "sends.png": b"\x89PNG"}[name])
