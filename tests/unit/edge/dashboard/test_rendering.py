"""Times in tables are as short as they can be without losing anything."""

from __future__ import annotations

import pytest

from tidegate.edge.dashboard.rendering import moment

AT = "2026-11-22T15:00:25Z"


@pytest.mark.parametrize(
    ("today", "told"),
    [
        pytest.param("2026-11-22", ">15:00:25<", id="of today the time of day"),
        pytest.param("2026-11-21", ">22 Nov 15:00<", id="of another day the date too"),
    ],
)
def test_a_moment_is_told(today: str, told: str):
    html = moment(AT, today)
    assert told in html
    assert f'datetime="{AT}"' in html
    assert 'title="22 Nov 15:00:25 UTC"' in html


def test_no_moment_is_a_dash():
    assert moment(None, "2026-11-22", "-") == "-"
