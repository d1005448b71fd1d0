"""In no moving 24 hours are more users delivered to than the limit: an honest platform against the rules of the book.

The book is the model that the store is compared with; the terms are those that the policy writes. What the platform
does is drawn: when it delivers within the time to live, or never; when it tells, late, twice, or never.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    make_ask,
    make_case,
    make_outcome,
    make_rules,
    make_standing,
    make_status,
    user,
)
from tests.property.bench import examples
from tests.property.book_model import BookModel
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import TIME_TO_LIVE_MS, terms_of
from tidegate.policy.standing import NumberStanding

UNPACED = make_standing(numbers={NUMBER: NumberStanding(NUMBER, throughput=0)})
RULES = make_rules(
    headroom=0.0,
    reserve={"authentication": 0.0, "utility": 0.0},
    pair_rate={"mode": "off"},
)
#: How long a POST is under way at most before the platform has it.
TRANSIT_MS = 10_000


@dataclass(frozen=True)
class Send:
    """One demand, and what becomes of it if it is admitted. Times in ms from the event before."""

    recipient: int
    after_ms: int
    transit_ms: int
    delivered: float | None  #: share of the time to live after which it is delivered; None: never
    told_after_ms: int | None  #: None: its webhook is lost
    outcome: str
    twice: bool


#: The last moment at which something may be delivered that was under way for as long as anything is.
LONGEST_MS = 30 * DAY_MS + 60_000
STEPS = st.sampled_from([0, 0, 1, 999, 60_000, DAY_MS // 3, DAY_MS - 1, DAY_MS, DAY_MS + 1, LONGEST_MS, LONGEST_MS])
SENDS = st.builds(
    Send,
    recipient=st.integers(0, 7),
    after_ms=STEPS,
    transit_ms=st.sampled_from([0, 1, TRANSIT_MS]),
    delivered=st.sampled_from([None, 0.0, 0.0, 0.001, 0.5, 0.97, 1.0, 1.0]),
    told_after_ms=st.sampled_from([None, 0, 1, 999, 60_000, DAY_MS, 7 * DAY_MS]),
    outcome=st.sampled_from(["accepted", "unknown", "nobody knows"]),
    twice=st.booleans(),
)


@pytest.mark.parametrize("category", list(Category))
@given(limit=st.sampled_from([1, 1, 2, 3]), sends=st.lists(SENDS, min_size=4, max_size=40))
@settings(max_examples=examples(200))
def test_no_moving_day_holds_more_users_than_the_limit(category: Category, limit: int, sends: list[Send]) -> None:
    standing = replace(UNPACED, limit=limit)
    book, deliveries = BookModel(), []
    webhooks: list[tuple[int, str, int]] = []
    now_ms = NOW_MS + 345

    for i, send in enumerate(sends):
        now_ms += send.after_ms
        for told_at_ms, id_, at_ms in sorted(hook for hook in webhooks if hook[0] <= now_ms):
            book.refresh(make_status(id_, "delivered", at_ms // 1000 * 1000), told_at_ms)
        webhooks = [hook for hook in webhooks if hook[0] > now_ms]

        case, id_ = make_case(category=category), f"m{i}"
        ask = make_ask(id_, user(send.recipient), terms=terms_of(case, standing, RULES))
        if not book.admit(ask, now_ms).taken:
            continue
        if send.outcome != "nobody knows":
            book.settle(make_outcome(id_, send.outcome), now_ms)
        if send.delivered is None:
            continue
        at_ms = now_ms + send.transit_ms + int(send.delivered * TIME_TO_LIVE_MS[category])
        deliveries.append((at_ms, send.recipient))
        if send.told_after_ms is not None:
            webhooks.append((at_ms + send.told_after_ms, id_, at_ms))
            if send.twice:
                webhooks.append((at_ms + send.told_after_ms + 1, id_, at_ms))

    for end_ms, _ in deliveries:
        users = {recipient for at_ms, recipient in deliveries if end_ms - DAY_MS < at_ms <= end_ms}
        assert len(users) <= limit
