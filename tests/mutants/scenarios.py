"""Short stories of the counting book and the queue, each with one moral, each deterministic.

They are told to both stores, and to every mutant of the scripts: a mutant that no story tells from the original
would be a gap in what is proven. A story is an async function of one of the modules below, named by its moral.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Final

from tests.mutants import (
    stories_of_acceptances,
    stories_of_admission,
    stories_of_allowances,
    stories_of_calls,
    stories_of_campaign_records,
    stories_of_campaigns,
    stories_of_claims,
    stories_of_doubts,
    stories_of_intents,
    stories_of_lost_books,
    stories_of_names,
    stories_of_places,
    stories_of_prepaid_places,
    stories_of_shares,
    stories_of_statuses,
    stories_of_the_curve,
    stories_of_the_queue,
    stories_of_webhooks,
)
from tests.mutants.book import Book

Scenario = Callable[[Book], Awaitable[None]]

SCENARIOS: Final[list[Scenario]] = [
    story
    for module in (
        stories_of_places,
        stories_of_statuses,
        stories_of_webhooks,
        stories_of_admission,
        stories_of_the_queue,
        stories_of_allowances,
        stories_of_names,
        stories_of_doubts,
        stories_of_lost_books,
        stories_of_prepaid_places,
        stories_of_shares,
        stories_of_campaigns,
        stories_of_campaign_records,
        stories_of_the_curve,
        stories_of_claims,
        stories_of_calls,
        stories_of_acceptances,
        stories_of_intents,
    )
    for story in vars(module).values()
    if iscoroutinefunction(story) and not story.__name__.startswith("_")
]
