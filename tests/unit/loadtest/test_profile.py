"""What a profile's folded stacks say."""

from __future__ import annotations

from loadtest.bench.profile import Dear, dearest


def test_a_function_has_its_own_time_and_that_of_what_it_calls_once_a_stack() -> None:
    folded = "run (a.py:1);send (b.py:2) 6\nrun (a.py:1);send (b.py:9);send (b.py:2);parse (c.py:3) 3\nrun (a.py:7) 1\n"
    assert dearest(folded) == [
        Dear("send (b.py)", 0.6, 0.9),
        Dear("parse (c.py)", 0.3, 0.3),
        Dear("run (a.py)", 0.1, 1.0),
    ]
