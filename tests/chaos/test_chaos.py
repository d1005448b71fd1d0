"""The short set: a few faults against real processes, in every test run. The long one is `make chaos`."""

from __future__ import annotations

from dataclasses import replace

import pytest
import uvloop

from tests.chaos.rows import ROWS, Row
from tests.chaos.run import run
from tests.chaos.table import Line

SHORT = [pytest.param(name, row, id=name) for name, row in ROWS.items() if row.is_short]


@pytest.mark.parametrize(("name", "row"), SHORT)
def test_every_promise_is_kept_under(name: str, row: Row) -> None:
    # How soon it recovers is a figure of the long set.
    line = Line(name, row, [uvloop.run(run(replace(row, after_s=2)))])

    assert line.faults == []
    assert line.outcomes[0].findings.promised > 0
