"""A node that stops in the middle of draining loses nothing and sends nothing twice."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from loadtest.deployment import Deployment
from loadtest.feed import RECIPIENT, Feed, everybody
from loadtest.stage import open_stage
from tidegate.simulator.behaviour import DAY_MS

LIMIT = 250
RECIPIENTS = 600
RULES = {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}}


async def test_a_queue_survives_stops_in_the_middle_of_draining_and_each_message_is_sent_once(store_url: str) -> None:
    async with open_stage(store_url, Deployment(limit=LIMIT, throughput=80, rules=RULES)) as stage:
        book = stage.simulator.world.book
        await Feed(stage, islice(everybody(), RECIPIENTS), depth=RECIPIENTS).top_up()
        await stage.quiet()
        queued = RECIPIENTS - len(book.accepted)

        stops = 0
        while len(book.accepted) < RECIPIENTS:
            begun = len(book.accepted)
            # A day later all places come free within seconds; the number needs three seconds to fill them again.
            stage.put_forward(DAY_MS)
            await stage.accepted(min(begun + 60, RECIPIENTS))
            stops += len(book.accepted) < RECIPIENTS
            await stage.stop_node(0)
            glance = stage.look()
            assert glance.in_flight == 0
            assert glance.queued + glance.leased == RECIPIENTS - len(book.accepted)
            await stage.add_node()
            await stage.quiet()

        assert queued >= LIMIT
        assert stops >= 2
        assert Counter(send.user for send in book.accepted) == {RECIPIENT.format(n): 1 for n in range(RECIPIENTS)}
        assert book.violations == []
