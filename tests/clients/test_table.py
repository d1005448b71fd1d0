"""The client libraries, unmodified but for the base URL, against a gateway process before the simulated Cloud API.

All at once, as the table says; `make clients` installs the Node libraries and prints it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients import table
from tests.clients.asking import NODE, Language, Library
from tests.clients.cells import Breaks
from tests.clients.rows import ROWS
from tests.clients.run import Line, run

# One setup plays everything.
pytestmark = pytest.mark.asyncio(loop_scope="module")

_NOT_RUN = "needs npm: `make clients` installs and runs the Node libraries"
_INSTALLED = (NODE / "node_modules" / ".package-lock.json").exists()
#: A library's own fault says nothing of the gateway, and the most patient one tries it four times: `make clients`.
CELLS = {
    library: {case: cell for case, cell in cells.items() if not isinstance(cell, Breaks)}
    for library, cells in ROWS.items()
    if library.language is Language.PYTHON or _INSTALLED
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[Library, Line]]:
    """What each library did."""
    directory: Path = tmp_path_factory.mktemp("clients")
    yield await run(CELLS, directory)


LIBRARIES = [
    pytest.param(library, id=library.package, marks=() if library in CELLS else pytest.mark.skip(reason=_NOT_RUN))
    for library in ROWS
]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_client_library_does_what_the_table_says(library: Library, lines: Mapping[Library, Line]) -> None:
    assert list(table.faults(library, CELLS[library], lines[library])) == []
