"""A campaign through the gateway: a node as it is composed for production, in virtual time, on a store of its own."""

from __future__ import annotations

import asyncio
from itertools import islice
from time import monotonic
from typing import Any, Final

import orjson

from loadtest.deployment import MARKETING, PORTFOLIO, WABA, Deployment
from loadtest.guarded.trial import DAY_MS, NUMBER, Holds, Result, Trial, result_of
from loadtest.leaping.house import House, open_house
from loadtest.leaping.tempo import Tempo
from loadtest.leaping.upstream import BASE
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.graph.drafts import Draft, to_message
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph.senders import Kinds, Sender
from tidegate.gateway import Refused, Route
from tidegate.policy.verdict import Reason
from tidegate.settings import Settings
from tidegate.store.keys import PortfolioKeys
from tidegate.store.send_queue import Lane

#: As an operator would write them for a list that is new to a number, with a warm-up besides: a queue that outlives it;
#: and no pace, for the pace is not on trial. All else is the default: breakers, early warning, a poll every 5 minutes.
RULES: Final[dict[str, Any]] = {
    "max_wait": {"marketing": "30d"},
    "throughput": {"mode": "off"},
}
#: Reasons that say: what was sent so far was not liked, or nobody knows yet.
FOR_QUALITY: Final = frozenset(
    {
        Reason.TEMPLATE_PAUSED,
        Reason.TEMPLATE_DISABLED,
        Reason.NUMBER_STANDING,
        Reason.ACCOUNT_RESTRICTED,
        Reason.ACCOUNT_LOCKED,
        Reason.CAMPAIGN_HALTED,
    }
)
#: The app hands over this many at once for as long as fewer than _DEPTH are held, and looks this often how it goes.
_DEPTH: Final = 10
_AT_ONCE: Final = 100
_POLL_MS: Final = 300_000
#: A little longer than the poll, which comes at the first leap that is late enough.
_LOOK_MS: Final = _POLL_MS + 1_000
_FLOWING_MS: Final = 5_000
#: Meta's highest throughput, which is what a throttle gives a share of.
_HIGH: Final = 1_000
_CAMPAIGN: Final = "spring"
#: Held messages that are asked why.
_SAMPLE: Final = 4
_LANE: Final = Lane(NUMBER.id, Category.MARKETING)


def _reason(house: House) -> str | None:
    """Why messages are held: for quality's sake if any of some is, else as one of them; None: none is."""
    keys, found = PortfolioKeys(PORTFOLIO), set[str]()
    for name in ("lane:", "waiting:"):
        held: Any = house.store.zrandmember(keys.named(name) + str(_LANE).encode(), _SAMPLE)
        for message_id in held:
            reason: Any = house.store.hget(keys.message(message_id.decode()), "reason")
            found |= {reason.decode()} if reason else set()
    told = sorted(found)
    return next((reason for reason in told if reason in FOR_QUALITY), told[0] if told else None)


def send_through(trial: Trial, store_url: str) -> Result:
    """Send the campaign through a node on the empty store at `store_url` (unix://...).

    Raises Stuck where the store does not answer.
    """
    tempo = Tempo()
    asyncio.set_event_loop(tempo)
    try:
        return tempo.run_until_complete(_send_through(trial, store_url, tempo))
    finally:
        asyncio.set_event_loop(None)
        tempo.close()


async def _send_through(trial: Trial, store_url: str, tempo: Tempo) -> Result:
    began_s = monotonic()
    async with open_house(trial.platform, _settings(trial, store_url), store_url, [_LANE], tempo) as house:
        began_ms, holds = tempo.now_ms(), Holds()
        finished = await _campaign(house, trial, began_ms, holds)
        house.world.due(tempo.now_ms())
        return result_of(trial, house.world.book, began_ms, monotonic() - began_s, finished, holds)


def _settings(trial: Trial, store_url: str) -> Settings:
    rules = RULES | ({"warm_up": {"start": trial.ramp}} if trial.ramp else {})
    deployment = Deployment(limit=trial.limit, throughput=_HIGH, rules=rules, seed=trial.seed)
    settings = deployment.settings(store_url, BASE)
    return settings.model_copy(update={"poll": settings.poll.model_copy(update={"interval_ms": _POLL_MS})})


async def _campaign(house: House, trial: Trial, began_ms: int, holds: Holds) -> bool:
    """Hand the list over as fast as it is taken, and look on until the trial's days are over; whether all went."""
    tempo, people, book = house.tempo, trial.people, house.world.book
    end_ms = began_ms + trial.days * DAY_MS
    looked_ms, accepted, ended = began_ms, 0, False
    while tempo.now_ms() < end_ms:
        held, now_ms = _reason(house), tempo.now_ms()
        # What was sent since the last look was not held.
        spent_ms = now_ms - looked_ms if len(book.accepted) == accepted else 0
        holds.look(now_ms - began_ms, held, spent_ms, len(book.accepted), for_quality=held in FOR_QUALITY)
        looked_ms, accepted = now_ms, len(book.accepted)
        while not ended and house.glance.look().queued < _DEPTH:
            batch = list(islice(people, _AT_ONCE))
            ended = not batch
            await asyncio.gather(*(tempo.create_task(_submit(house, user), name="submit") for user in batch))
        is_over = ended and not house.glance.look().queued and not house.world.next_event_at_ms()
        if is_over and tempo.now_ms() - began_ms > DAY_MS:
            return True
        await asyncio.sleep((_FLOWING_MS if len(book.accepted) > accepted else _LOOK_MS) / 1000)
    return ended and not house.glance.look().queued


async def _submit(house: House, user: str) -> None:
    services, settings = house.node.services, house.node.settings
    request = parse_send(_body(user))
    assert isinstance(request, Request)
    route = Route(PORTFOLIO, WABA.id, NUMBER.id)
    draft = Draft(
        Sender(settings.apps[0], route, Kinds()),
        request,
        SendOptions(campaign=_CAMPAIGN),
        f"/v25.0/{NUMBER.id}/messages",
        b"",
    )
    standing = await services.standings.current(PORTFOLIO)
    message = to_message(draft, services.gateway.new_id(PORTFOLIO), standing, services.clock.now_ms())
    answered = await services.gateway.submit(message)
    if isinstance(answered, Refused) and answered.reason not in _FINAL:
        raise RuntimeError(f"refused instead of kept: {answered.reason}, {answered.detail}")


#: Refusals that concern one recipient, and stay.
_FINAL: Final = frozenset({Reason.OPTED_OUT, Reason.RECIPIENT_SUPPRESSED, Reason.NO_OPT_IN})


def _body(user: str) -> bytes:
    template = {"name": MARKETING, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": user, "type": "template"}
    return orjson.dumps(body | {"template": template})
