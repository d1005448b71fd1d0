"""Time to stop: three nodes, one store, a campaign under way through all of them, and word that it has to end.

From the moment at which that word is acknowledged no send in its scope starts any more, on any node; all others go on.
The platform behind the nodes takes whatever comes, so that nothing but the nodes can have held it back.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median
from typing import Final

import pytest
import pytest_asyncio
from redis import Redis

from tests.system import fleet as fleets
from tests.system.fleet import Campaign, Fleet, fleet
from tests.system.starts import Start
from tests.waiting import until
from tidegate.simulator import notices
from tidegate.simulator.identity import user_by_phone
from tidegate.simulator.notices import Webhook
from tidegate.store.embedded import socket_url

#: Rounds that every node's loop goes through after the word, each with sends in its scope and beside it.
ROUNDS: Final = 4
BESIDE: Final = 10
#: Of each word: while one node stalls, then the next one.
CAMPAIGNS: Final = 3

pytestmark = pytest.mark.asyncio(loop_scope="module")

Told = tuple[float, float]
Concerns = Callable[[Campaign, Start], bool]


@dataclass(frozen=True)
class Word:
    """A word that something has to end: `tell` says it, and tells when it was said and when it was acknowledged."""

    says: str
    tell: Callable[[Fleet, Campaign], Awaitable[Told]]
    concerns: Concerns
    poll_interval: str = "1h"


def every_template(campaign: Campaign, start: Start) -> bool:
    return start.number == campaign.number and start.body["type"] == "template"


def every_message(campaign: Campaign, start: Start) -> bool:
    return start.number == campaign.number


def the_offer(campaign: Campaign, start: Start) -> bool:
    return every_template(campaign, start) and start.body["template"]["name"] == "offer"


async def red_number(fleet: Fleet, campaign: Campaign) -> Told:
    """A poll acknowledges nothing to anybody; it tells its log when it has acted on what it read."""
    fleet.meta.world.set_number(campaign.number, quality="RED")
    turned_s = time.monotonic()

    async def is_stopped() -> bool:
        told = await fleet.breakers()
        return any(one["rule"] == "number_red" and one["scope"] == {"number": campaign.number} for one in told)

    await until(is_stopped)
    readings = fleet.readings(campaign.waba)

    async def has_acted() -> bool:
        return fleet.readings(campaign.waba) > readings

    await until(has_acted)
    acted_s = time.monotonic()
    return next(at_s for at_s, path in fleet.starts.reads if at_s > turned_s and campaign.number in path), acted_s


async def paused_template(fleet: Fleet, campaign: Campaign) -> Told:
    template = fleet.meta.world.estate.wabas[campaign.waba].templates["offer", "en_US"]
    paused = replace(template, status="PAUSED", pauses=1)
    return await fleet.told(
        notices.template_status(paused, "PAUSED", fleet.meta.clock(), "FIRST_PAUSE", "Paused for 3 hours.")
    )


async def preference(fleet: Fleet, campaign: Campaign) -> Told:
    user, own = user_by_phone(campaign.ann), fleet.meta.world.estate.numbers[campaign.number]
    assert user is not None
    return await fleet.told(notices.preference(own, user, "stop", fleet.meta.clock()))


async def stop_word(fleet: Fleet, campaign: Campaign) -> Told:
    return await campaign.writes(campaign.ann, "STOP")


async def consent(fleet: Fleet, campaign: Campaign) -> Told:
    return await fleet.acknowledged("PUT", f"/recipients/{campaign.ann}/consent", {"marketing": False})


async def restriction(fleet: Fleet, campaign: Campaign) -> Told:
    now_ms = fleet.meta.clock()
    kinds = ("RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_ADD_PHONE_NUMBER_ACTION")
    ends_s = now_ms // 1000 + 3 * 86_400
    value = {
        "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": kind, "expiration": ends_s} for kind in kinds],
    }
    return await fleet.told(Webhook(now_ms, campaign.waba, "account_update", value))


async def pause(fleet: Fleet, campaign: Campaign) -> Told:
    return await fleet.acknowledged("POST", "/pauses", {"scope": {"number": campaign.number}, "reason": "a test"})


WORDS: Final = [
    Word("a poll finds the number RED", red_number, every_template, "1s"),
    Word("a webhook says that the template is PAUSED", paused_template, the_offer),
    Word("a webhook says that the user wants no marketing", preference, Campaign.is_to_ann),
    Word("the user writes STOP", stop_word, Campaign.is_to_ann),
    Word("an app writes down that the user refuses", consent, Campaign.is_to_ann),
    Word("a webhook says that the account is restricted", restriction, every_template),
    Word("an operator pauses the number", pause, every_message),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(
    request: pytest.FixtureRequest, valkey_socket: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """One fleet for all words that it is asked to poll as often for: each stops accounts of its own."""
    with Redis.from_url(socket_url(valkey_socket)) as store:
        store.flushall()
    words = sum(word.poll_interval == request.param for word in WORDS)
    directory = tmp_path_factory.mktemp("fleet")
    async with fleet(socket_url(valkey_socket), directory, request.param, 1 + words * CAMPAIGNS) as nodes:
        yield nodes


@pytest.mark.parametrize(
    ("nodes", "word"),
    [pytest.param(word.poll_interval, word, id=word.says) for word in WORDS],
    indirect=["nodes"],
)
async def test_no_send_in_scope_starts_after_the_acknowledgement(nodes: Fleet, word: Word) -> None:
    took_ms: list[float] = []
    for index in islice(nodes.unused, CAMPAIGNS):
        campaign = Campaign(nodes, index)
        try:
            await campaign.start()
            await until(campaign.is_under_way, within_s=60)

            # One node stalls, and goes on, none the wiser, as soon as another one has acknowledged.
            await campaign.stall(index % 3)
            said_s, acknowledged_s = await word.tell(nodes, campaign)
            nodes.thaw()
            await goes_on(nodes, campaign, word.concerns, acknowledged_s)
        finally:
            nodes.thaw()
            await campaign.stop()

        took_ms.append((acknowledged_s - said_s) * 1000)
        before, after = told_apart(nodes, campaign, word.concerns, acknowledged_s)
        assert before, "nothing was under way that could have been stopped"
        late_ms = [round((start.at_s - acknowledged_s) * 1000) for start in after]
        assert late_ms == [], f"{len(late_ms)} sends started so many ms after the acknowledgement"
    assert len(took_ms) == CAMPAIGNS
    print(f"{word.says}: acknowledged after {median(took_ms):.0f} ms (median of {len(took_ms)}), 0 started after it")


async def goes_on(nodes: Fleet, campaign: Campaign, concerns: Concerns, since_s: float) -> None:
    """Return once all nodes were asked again and again for what is stopped, and have sent enough beside it."""
    rounds = max(campaign.rounds.values(), default=0) + ROUNDS

    async def enough() -> bool:
        beside = [start for start in nodes.starts.sends if start.at_s > since_s and not concerns(campaign, start)]
        replies = sum(start.body["type"] == "text" for start in beside)
        elsewhere = sum(start.number == fleets.number(0) for start in beside)
        enough = elsewhere >= BESIDE and (replies >= BESIDE or concerns is every_message)
        return await campaign.has_gone_on(rounds) and enough

    await until(enough, within_s=40)


def told_apart(nodes: Fleet, campaign: Campaign, concerns: Concerns, at_s: float) -> tuple[list[Start], list[Start]]:
    """The sends in scope that had started by then, and those that started later."""
    found = [start for start in nodes.starts.sends if concerns(campaign, start)]
    return [start for start in found if start.at_s <= at_s], [start for start in found if start.at_s > at_s]
