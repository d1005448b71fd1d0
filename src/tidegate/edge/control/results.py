"""`/campaigns/{id}/recipients`: what became of each recipient, written as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Final, NamedTuple

import orjson
from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import find_campaign
from tidegate.edge.control.recipients import written
from tidegate.edge.control.sheets import csv_of
from tidegate.edge.denials import Denial, Kind
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.fate import Fate, final
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.spec import Row
from tidegate.store.audiences import Chunk
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.sealing import BrokenSeal

#: As a campaign's counts have it: what Meta took is `sent`, whether or not its webhook came.
STATES: Final = tuple(fate.word for fate in Fate if fate is not Fate.ACCEPTED)
_LAST_SHOWN: Final = 4


class Result(NamedTuple):
    """One recipient's. `to` is empty when they were erased; `id`: the message's, as long as there is one."""

    line: int
    to: str
    step: str
    variant: str
    state: str
    id: str | None


async def read_results(call: Call) -> web.StreamResponse:
    """Every recipient of a campaign, or those in one state, as NDJSON or CSV: step by step, as they were uploaded."""
    record = await find_campaign(call)
    write = _format(call.query("format"))
    state = call.query("state")
    if state is not None and state not in STATES:
        raise Denial(Kind.BAD_REQUEST, f"query state: has to be one of {', '.join(STATES)}")

    async def parts() -> AsyncIterator[bytes]:
        if write is csv_of:
            yield csv_of([Result._fields])
        async for results in _results(call, record):
            fitting = [result for result in results if state in (None, result.state)]
            if fitting:
                yield write(fitting)

    return await written(call, _TYPES[write], parts())


async def _results(call: Call, record: CampaignRecord) -> AsyncIterator[list[Result]]:
    campaign, audiences = record.campaign, call.services.audiences
    if record.audience is None:
        return
    fates = await call.services.fates.read(campaign.portfolio, campaign.campaign_id, 1, record.audience.rows)
    phase = Phase(record.state)
    # Numbers are the uploader's; whoever looks after theirs learns what became of each.
    shown: Callable[[str], str] = str if campaign.app == call.app.name else _masked
    for group in range(campaign.groups):
        step, variant = campaign.step_and_variant(group)
        names = campaign.steps[step].name, campaign.variants[variant].name
        for chunk in audiences.chunks(record, group):
            found = []
            for row in await _rows(call, record, chunk):
                fate = Fate(fates[row.number - 1]) if row.number <= len(fates) else Fate.PENDING
                message_id = None
                if fate is not Fate.PENDING:
                    message_id = call.services.ids.of(
                        campaign.portfolio, campaign.created_at_ms, campaign.row_name(row.number)
                    )
                found.append(Result(row.line, shown(row.to), *names, _word(final(fate, phase)), message_id))
            yield found


def _word(fate: Fate) -> str:
    return Fate.SENT.word if fate is Fate.ACCEPTED else fate.word


async def _rows(call: Call, record: CampaignRecord, chunk: Chunk) -> list[Row]:
    try:
        return await call.services.audiences.rows(record, chunk)
    except (LookupError, BrokenSeal):
        raise StoreUnavailable("the audience was replaced meanwhile, or can't be read any more") from None


def _masked(to: str) -> str:
    return "*" * (len(to) - _LAST_SHOWN) + to[-_LAST_SHOWN:]


def _ndjson(results: Iterable[Result]) -> bytes:
    return b"".join(orjson.dumps(result._asdict()) + b"\n" for result in results)


_Writer = Callable[[list[Result]], bytes]
_WRITERS: Final[Mapping[str, _Writer]] = {"ndjson": _ndjson, "csv": csv_of}
_TYPES: Final[Mapping[_Writer, str]] = {_ndjson: "application/x-ndjson", csv_of: "text/csv; charset=utf-8"}


def _format(given: str | None) -> _Writer:
    write = _WRITERS.get(given or "ndjson")
    if write is None:
        raise Denial(Kind.BAD_REQUEST, f"query format: has to be one of {', '.join(_WRITERS)}")
    return write
