"""docs/clients.md tells of the libraries that are run, at the versions that are installed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Final

from tests.clients.asking import NODE
from tests.clients.rows import NODE_ROWS, PYTHON_ROWS, ROWS
from tests.clients.table import markdown

ROOT: Final = Path(__file__).parents[2]


def test_the_table_of_the_documentation_is_the_one_that_is_run() -> None:
    assert f"\n\n{markdown(ROWS)}\n" in (ROOT / "docs" / "clients.md").read_text()


def test_the_documentation_says_of_each_library_how_to_point_it_at_the_gateway() -> None:
    _, _, told = (ROOT / "docs" / "clients.md").read_text().partition("### How to point it at the gateway")
    rows = [line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| `")]
    assert rows == [f"`{library.package}`" for library in ROWS]


def test_the_python_libraries_are_installed_at_the_versions_of_the_table() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    assert {f"{library.package}=={library.version}" for library in PYTHON_ROWS} <= set(extra)


def test_the_node_libraries_are_installed_at_the_versions_of_the_table() -> None:
    wanted = {library.package: library.version for library in NODE_ROWS}
    assert json.loads((NODE / "package.json").read_text())["dependencies"] == wanted
    locked = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_everything_that_npm_installs_is_pinned_by_its_hash() -> None:
    locked = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert [name for name, package in locked.items() if name and "integrity" not in package] == []
