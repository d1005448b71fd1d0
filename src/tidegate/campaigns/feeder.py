"""Rows of a campaign's step put into the send queue: as many as can be sent soon, by the numbers that may send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
import structlog

from tidegate.campaigns.scouting import SEEN_AT_A_LOOK, Scouting
from tidegate.cloudapi.messages import BadMessage, Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Gateway, Message, Route
from tidegate.graph_reads import VERSION
from tidegate.ids import MessageIds
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.part import Part
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.policy.decide import is_free
from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.store.audiences import CHUNK_ROWS, Audiences, Chunk
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import Fates, RowFate
from tidegate.store.send_queue import Lane, SendQueue

#: A number has no more than this ahead of it in the queue: a stop is met by few, and a faster number takes more.
AHEAD_MS: Final = 120_000
_MOST_AHEAD: Final = 20_000
#: ... and no more than this with all that is held until later: a million may sleep, and the store keeps all who are
#: queued. Then those who are awake are looked for among the rest.
_MOST_HELD: Final = 20_000
#: So many of these at most turn out to be held after all: for how often they were written to, or for their own zone.
_MOST_HELD_BESIDE: Final = 50_000
#: Rows put in at one look, at most so many seconds of what the numbers may send: others want the store as well.
_AT_A_LOOK_S: Final = 5
_LEAST_AT_A_LOOK: Final = 200
#: Rows made into messages between two turns of the loop.
_SLICE: Final = 25

log = structlog.get_logger()


class Fed(NamedTuple):
    """How far a step is fed: `cursor`, rows of each variant's group that are or were in the queue; whether these are
    all of them; whether `any` was fed now, so that there may be room for more; and where it looks `ahead` of that for
    those who are awake."""

    cursor: tuple[int, ...]
    is_all: bool
    any: bool
    ahead: tuple[int, ...]


class _Room(NamedTuple):
    """For how many messages there is room before a number: in their turn, and for those who are awake out of it."""

    in_turn: int
    awake: int


class _Lane(NamedTuple):
    """By which number a variant's messages go, and as what they are judged."""

    route: Route
    category: Category


class Feeder:
    """Feeds. Every row has one message id, so that what is fed twice, or by two nodes, is in the queue once."""

    def __init__(
        self,
        gateway: Gateway,
        queue: SendQueue,
        audiences: Audiences,
        fates: Fates,
        ids: MessageIds,
        routes: Mapping[str, Route],
        relayed: frozenset[str],
    ) -> None:
        """`routes`: of all numbers, by their ids. `relayed`: apps that are told how their messages ended."""
        self._gateway = gateway
        self._queue = queue
        self._audiences = audiences
        self._scouting = Scouting(audiences)
        self._fates = fates
        self._ids = ids
        self._routes = routes
        self._relayed = relayed

    def message_id(self, campaign: Campaign, row: int) -> str:
        """The id of the message to a row."""
        return self._ids.of(campaign.portfolio, campaign.created_at_ms, campaign.row_name(row))

    async def feed(self, record: CampaignRecord, run: Run, standing: Standing, now_ms: int) -> Fed:
        """Put in some of what there is room for, and tell how far that is.

        What was put in is acknowledged by the store before the cursor says so. Variants take turns by what is left of
        each, so that none is sent at another time of the day than the others. Raises StoreUnavailable, BrokenSeal,
        LookupError.
        """
        campaign = record.campaign
        variants = range(len(campaign.variants))
        rows = [_rows(record, campaign.group(run.step, variant)) for variant in variants]
        cursor = list(run.cursor or (0 for _ in variants))
        lanes = [self._open_lanes(campaign, variant, standing, now_ms) for variant in variants]
        told = await self._rooms(campaign.portfolio, lanes, standing)
        rooms = {number: room.in_turn for number, room in told.items()}
        left = [rows[variant] - cursor[variant] if lanes[variant] else 0 for variant in variants]
        most = min(sum(rooms.values()), _most_at_a_look(rooms, standing), sum(left))
        for variant in variants:
            quota = -(-most * left[variant] // (sum(left) or 1))
            quota = min(quota, sum(rooms[number] for number in lanes[variant]))
            async for taken in self._slices(record, campaign.group(run.step, variant), cursor[variant], quota):
                await self._put(campaign, run.step, variant, taken, lanes[variant], rooms)
                cursor[variant] += len(taken)
        ahead = list(run.ahead or (0 for _ in variants))
        rooms = {number: room.awake for number, room in told.items()}
        for variant in variants:
            if sum(rooms[number] for number in lanes[variant]):
                ahead[variant] = await self._feed_ahead(record, run, standing, variant, lanes[variant], rooms, now_ms)
        is_all = all(at >= count for at, count in zip(cursor, rows, strict=True))
        any_ = tuple(cursor) != (run.cursor or (0,) * len(variants))
        return Fed(tuple(cursor), is_all, any_, tuple(ahead) if any(ahead) else ())

    async def _feed_ahead(
        self,
        record: CampaignRecord,
        run: Run,
        standing: Standing,
        variant: int,
        lanes: Mapping[str, _Lane],
        rooms: dict[str, int],
        now_ms: int,
    ) -> int:
        """Put in some of those who are awake, though it is not their turn; where to look for more of them."""
        campaign = record.campaign
        at, first = (told[variant] if told else 0 for told in (run.ahead, run.cursor))
        case = _case(campaign, variant, next(iter(lanes.values())))
        left = _most_at_a_look(lanes, standing) // len(campaign.variants)
        found = self._scouting.awake(record, campaign.group(run.step, variant), at, first, case, standing, now_ms)
        async for awake, next_at in found:
            if awake:
                await self._put(campaign, run.step, variant, awake, lanes, rooms)
            at, left = next_at, left - len(awake)
            if left <= 0 or max(rooms[number] for number in lanes) <= 0:
                break
        return at

    async def _slices(self, record: CampaignRecord, group: int, first: int, count: int) -> AsyncIterator[Sequence[Row]]:
        """So many of a group's rows from the one at `first` on, a few at a time."""
        last = min(first + count, _rows(record, group))
        while first < last:
            kept = await self._audiences.rows(record, Chunk(group, first // CHUNK_ROWS))
            begin = first - first % CHUNK_ROWS
            for at in range(first, min(begin + len(kept), last), _SLICE):
                yield kept[at - begin : min(at + _SLICE, last) - begin]
            first = begin + CHUNK_ROWS

    async def ids_in_hand(self, record: CampaignRecord, run: Run, standing: Standing) -> list[str]:
        """Ids of the rows that a node may be putting in at this moment. Raises as `feed`."""
        campaign, ids = record.campaign, []
        most = _most_at_a_look(campaign.numbers, standing)
        for variant in range(len(campaign.variants)):
            group = campaign.group(run.step, variant)
            first, ahead = (told[variant] if told else 0 for told in (run.cursor, run.ahead))
            in_hand = [range(first, first + most), range(max(first, ahead), max(first, ahead) + SEEN_AT_A_LOOK)]
            chunks = {at // CHUNK_ROWS for rows in in_hand for at in rows if at < _rows(record, group)}
            for index in sorted(chunks):
                kept = await self._audiences.rows(record, Chunk(group, index))
                ids += [self.message_id(campaign, row.number) for row in kept]
        return ids

    def _open_lanes(self, campaign: Campaign, variant: int, standing: Standing, now_ms: int) -> dict[str, _Lane]:
        """The numbers that may send this variant now, by their ids."""
        ref = campaign.variants[variant].template.ref
        lanes: dict[str, _Lane] = {}
        for number in campaign.numbers:
            route = self._routes.get(number)
            if route is None:
                # It was taken out of the configuration since.
                continue
            known = standing.template(route.waba, ref.name, ref.language)
            lane = _Lane(route, (known.category if known else None) or campaign.category or Category.MARKETING)
            if is_free(_case(campaign, variant, lane), standing, now_ms):
                lanes[number] = lane
        return lanes

    async def _rooms(
        self, portfolio: str, lanes: Sequence[Mapping[str, _Lane]], standing: Standing
    ) -> dict[str, _Room]:
        """How many messages there is room for before each number, whichever variant they are of."""
        asked = list(dict.fromkeys(Lane(number, lane.category) for one in lanes for number, lane in one.items()))
        if not asked:
            return {}
        rooms: dict[str, _Room] = {}
        ahead = await self._queue.ahead(portfolio, asked, AHEAD_MS)
        for lane, waiting in zip(asked, ahead, strict=True):
            soon = min(_MOST_AHEAD, standing.number(lane.number).throughput * AHEAD_MS // 1000) - waiting.soon
            in_turn = max(0, min(soon, _MOST_HELD - waiting.all))
            beside = max(0, min(soon, _MOST_HELD + _MOST_HELD_BESIDE - waiting.all))
            rooms[lane.number] = _Room(in_turn, 0 if waiting.all < _MOST_HELD else beside)
        return rooms

    async def _put(
        self,
        campaign: Campaign,
        step: int,
        variant: int,
        rows: Sequence[Row],
        lanes: Mapping[str, _Lane],
        rooms: dict[str, int],
    ) -> None:
        group, messages, fates = campaign.group(step, variant), [], []
        # A message that was sent is forgotten, and its id with it, after a while; a campaign may have been stopped for
        # longer, at a moment when its cursor did not tell of it.
        for row in await self._fates.pending(campaign, rows):
            # The emptiest takes the next one: shares follow from what the numbers send.
            number = max(lanes, key=lambda name: rooms[name])
            message = self._message(campaign, step, variant, row, number, lanes) if row.to else None
            if message is None:
                # Erased since it was uploaded, or nothing that Meta would take.
                fates.append(RowFate(row.number, group, Fate.FAILED if row.to else Fate.CANCELLED))
                continue
            rooms[number] -= 1
            messages.append(message)
            fates.append(RowFate(row.number, group, Fate.QUEUED))
        await asyncio.gather(*(self._gateway.keep(message, "its campaign's turn came") for message in messages))
        await self._fates.write(campaign.portfolio, campaign.campaign_id, fates)

    def _message(
        self, campaign: Campaign, step: int, variant: int, row: Row, number: str, lanes: Mapping[str, _Lane]
    ) -> Message | None:
        ordered = campaign.variants[variant]
        try:
            request = parse_send(orjson.dumps(ordered.template.message(row.kind, row.to, row.columns)))
        except (BadMessage, KeyError) as fault:
            log.error("campaign_row_unreadable", campaign_id=campaign.campaign_id, fault=type(fault).__name__)
            return None
        assert isinstance(request, Request), "a template is no read receipt"
        part = Part(
            campaign.campaign_id,
            row.number,
            campaign.group(step, variant),
            campaign.steps[step].name,
            ordered.name,
        )
        route, category = lanes[number]
        others = (self._routes[other] for other in campaign.numbers if other != number and other in self._routes)
        return Message(
            message_id=self.message_id(campaign, row.number),
            app=campaign.app,
            route=route,
            request=request,
            raw_path=f"/{VERSION}/{number}/messages",
            deadline_ms=campaign.deadline_ms,
            category=category,
            hold=True,
            campaign=campaign.campaign_id,
            delivery=self._gateway.delivery(route, category),
            relayed=campaign.app in self._relayed,
            part=part,
            alternatives=tuple(others),
        )


def _case(campaign: Campaign, variant: int, lane: _Lane) -> Case:
    """A message of a variant, as the guardrails see it before it is known to whom it is."""
    ref = campaign.variants[variant].template.ref
    return Case(
        portfolio=campaign.portfolio,
        waba=lane.route.waba,
        number=lane.route.number,
        category=lane.category,
        template=(ref.name, ref.language),
        hold=True,
        expires_at_ms=campaign.deadline_ms,
        campaign=campaign.campaign_id,
        app=campaign.app,
        queued=True,
    )


def _most_at_a_look(numbers: Iterable[str], standing: Standing) -> int:
    return max(_LEAST_AT_A_LOOK, _AT_A_LOOK_S * sum(standing.number(number).throughput for number in numbers))


def _rows(record: CampaignRecord, group: int) -> int:
    return 0 if record.audience is None else record.audience.groups[group].rows
