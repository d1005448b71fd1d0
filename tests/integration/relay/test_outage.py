"""An app that is down for an hour gets all that it missed; the long set is `python -m loadtest.bench.relay`."""

from __future__ import annotations

from loadtest.bench.relay import run


async def test_after_an_hour_nothing_is_lost_and_everybodys_order_is_kept() -> None:
    outcome = await run(users=20, each=10)

    assert (outcome.told, outcome.delivered, outcome.lost, outcome.out_of_order, outcome.unsigned) == (
        200,
        200,
        0,
        0,
        0,
    )
    assert outcome.told_twice > 0
    assert outcome.tries_while_down > 0
    # What is delivered twice are the answers that were lost.
    assert outcome.twice <= 20
