"""Every kind of bad input has its tests, and the page that strangers read says what is answered."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.badinput.table import TABLE, Row

ROOT: Final = Path(__file__).parents[2]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_none_is_left_out() -> None:
    assert [row.id for row in TABLE] == [f"B{number:02d}" for number in range(1, 41)]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_it_has_tests(row: Row) -> None:
    assert row.tests
    for file, name in row.tests:
        assert name in functions(file), f"{file} has no {name}"


def test_the_page_on_security_says_the_same() -> None:
    page = (ROOT / "docs" / "security.md").read_text()

    assert [line for line in page.splitlines() if line.startswith("| B")] == [
        f"| {row.id} | {row.input} | {row.answer} |" for row in TABLE
    ]
