"""A campaign survives its nodes: the short run, in every test run. The long one is `python -m tests.chaos.campaign`."""

from __future__ import annotations

import uvloop

from tests.chaos.campaign import run


def test_everybody_gets_it_once_though_a_node_is_killed() -> None:
    ended = uvloop.run(run(rows=120, kills=1, seed=1, nodes=2, restart=False))

    assert ended.faults == []
