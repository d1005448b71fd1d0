"""A node that hands over works on, and closes; one that drains does neither."""

from __future__ import annotations

from tidegate.ending import Ending


def test_the_end_comes_in_two_steps() -> None:
    ending, seen = Ending(), []
    for step in (lambda: None, ending.hand_over, ending.drain):
        step()
        seen.append((ending.drains, ending.closes))

    assert seen == [(False, False), (False, True), (True, True)]


def test_a_node_that_drains_closes_whoever_has_its_connections() -> None:
    ending = Ending()
    ending.drain()
    assert (ending.drains, ending.closes) == (True, True)
