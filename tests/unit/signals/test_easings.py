"""Of a delivery is asked what was noted of its message wherever that may end something."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from tests.factories import NUMBER, PORTFOLIO, TEMPLATE, WABA, make_standing
from tidegate.cloudapi.events import StatusUpdate
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.breaker import Board, Breaker, State
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.rules import Rules
from tidegate.policy.verdict import Reason
from tidegate.signals.easings import Easings
from tidegate.signals.status_kinds import Kinds
from tidegate.store.standings import Standings
from tidegate.store.statuses import Refreshed

#: Trips for a number: what does more than ease has to be looked at.
TRIPS = {
    "id": "mine",
    "on": ("message.delivered",),
    "scope": "number",
    "action": "stop",
    "for": "1h",
    "reason": "number_standing",
}


def standings(**changes: Any) -> Standings:
    return Standings(Redis(), [make_standing(**changes)])


def breaker(rule: str) -> Breaker:
    return Breaker(
        rule=rule,
        scope=Scope.TEMPLATE,
        value=f"{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}",
        covers=Covers.EVERYTHING,
        action=Action.STOP,
        reason=Reason.CAMPAIGN_HALTED,
        state=State.OPEN,
    )


def status(word: MessageStatus) -> StatusUpdate:
    return StatusUpdate(WABA, NUMBER, "wamid.1", word, 1_000, "15550100001", None, None)


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        pytest.param({}, False, id="nothing is open"),
        pytest.param({"breakers": Board([breaker("template_held")])}, True, id="it ends a breaker that is there"),
        pytest.param({"breakers": Board([breaker("template_red")])}, False, id="it ends another than is there"),
        pytest.param({"rules": Rules.model_validate({"consequence": [TRIPS]})}, True, id="it may do anything"),
    ],
)
def test_a_delivery_asks_where_it_may_end_something(changes: dict[str, Any], asks: bool) -> None:
    known = standings(**changes)

    kinds = Kinds(known, Easings(known), lambda portfolio: False)

    assert kinds.of(status(MessageStatus.DELIVERED), PORTFOLIO).asks is asks
    assert kinds.of(status(MessageStatus.READ), PORTFOLIO).asks is asks
    assert not kinds.of(status(MessageStatus.SENT), PORTFOLIO).asks


def test_a_failure_asks_and_so_does_all_that_somebody_watches() -> None:
    known = standings()
    unwatched, watched = (Kinds(known, Easings(known), lambda portfolio, told=told: told) for told in (False, True))

    assert unwatched.of(status(MessageStatus.FAILED), PORTFOLIO).asks
    assert all(watched.of(status(word), PORTFOLIO).asks for word in MessageStatus)


@pytest.mark.parametrize(
    ("template", "ends_none"),
    [pytest.param(TEMPLATE[0], False, id="its own"), pytest.param("other", True, id="another")],
)
def test_a_delivery_ends_the_breakers_of_what_it_was_sent_as(template: str, ends_none: bool) -> None:
    easings = Easings(standings(breakers=Board([breaker("template_held")])))
    noted = b'{"waba":"%b","template":"%b/%b"}' % (WABA.encode(), template.encode(), TEMPLATE[1].encode())

    told = easings.are_none(status(MessageStatus.DELIVERED), PORTFOLIO, Refreshed(1, before=b"sent", noted=noted))

    assert told is ends_none
