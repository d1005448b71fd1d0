"""`/campaigns/{id}/audience`: uploaded as a stream; and the lines that were rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from tidegate.campaigns.intake import Intake
from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import body_pieces, media_type, refuse_encoded
from tidegate.edge.times import write_time
from tidegate.policy.audit import Act
from tidegate.policy.campaign.audience import CsvRows, JsonRows, RowReader
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.lines import BadAudience
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.policy.lifecycle import State
from tidegate.store.audiences import ErasedRow, Rejected
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import RowFate

#: Bytes of an upload, and how long one may take: what has come of it is kept for an hour unless it ends.
MOST_BYTES: Final = 512 * 1024 * 1024
STALL_S: Final = 30.0
DEADLINE_S: Final = 1800.0
#: What a row is while its message was not sent.
_UNSENT: Final = (bytes([Fate.PENDING]), bytes([Fate.QUEUED]))
_CLOSE: Final = {"Connection": "close"}
_READERS: Final[Mapping[str, Callable[[Campaign], RowReader]]] = {
    "application/x-ndjson": JsonRows,
    "application/jsonl": JsonRows,
    "text/csv": CsvRows,
}


def make_reader(call: Call, campaign: Campaign) -> RowReader:
    """What reads a body of the type that the request says it is."""
    refuse_encoded(call.request)
    given = call.request.headers.get("Content-Type", "")
    charset = call.request.charset
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Denial(Kind.UNSUPPORTED_ENCODING, "an audience has to be UTF-8", headers=_CLOSE)
    reader = _READERS.get(media_type(call.request))
    if reader is None:
        detail = "Content-Type has to be application/x-ndjson or text/csv"
        raise Denial(Kind.UNSUPPORTED_ENCODING, detail if given else f"{detail}: none was given", headers=_CLOSE)
    return reader(campaign)


async def take_body(call: Call, record: CampaignRecord) -> tuple[CampaignRecord, Sequence[Rejected]]:
    """Take the request's body as the campaign's audience; the campaign after it, and the first lines rejected."""
    reader = make_reader(call, record.campaign)
    body = body_pieces(call.request, MOST_BYTES, STALL_S, DEADLINE_S)
    with call.services.uploads:
        return await _take(call, record, reader, body)


async def take_rows(
    call: Call, record: CampaignRecord, rows: Sequence[Any]
) -> tuple[CampaignRecord, Sequence[Rejected]]:
    """Take JSON values as the campaign's audience, each as a line of NDJSON is taken."""

    async def lines() -> AsyncIterator[bytes]:
        yield b"".join(orjson.dumps(row) + b"\n" for row in rows)

    return await _take(call, record, JsonRows(record.campaign), lines())


async def _take(
    call: Call, record: CampaignRecord, reader: RowReader, body: AsyncIterator[bytes]
) -> tuple[CampaignRecord, Sequence[Rejected]]:
    services, campaign = call.services, record.campaign
    began_ms = (await call.books(campaign.portfolio)).now_ms
    intake = Intake(
        campaign,
        reader,
        audiences=services.audiences,
        users=services.users,
        identity=services.identity,
        clock=services.clock,
    )
    try:
        async for piece in body:
            await intake.take(piece)
        audience = await intake.end()
        target = {"campaign": campaign.campaign_id, "number": campaign.numbers[0]}
        await call.audit(campaign.portfolio, Act.CAMPAIGN_UPLOAD, target, rows=audience.rows)
        # Who was erased meanwhile may stand in what was read before.
        await _erase_since(call, replace(record, audience=audience), began_ms)
    except BadAudience as fault:
        await intake.drop()
        raise Denial(Kind.UNPROCESSABLE, f"the audience {fault}", headers=_CLOSE) from None
    except BaseException:
        await intake.drop()
        raise
    # Whether this was done may not be known when it fails: what is left goes by itself, if it was not.
    taken = await services.audiences.finish(record, audience)
    if taken is None:
        await intake.drop()
        raise Denial(Kind.CONFLICT, "the campaign was changed meanwhile: look at it, and upload again")
    # An erasure that has looked before there was this audience is known by now.
    for row in await _erase_since(call, taken, began_ms):
        await _cancelled(call, campaign, row)
    return taken, intake.shown


async def _erase_since(call: Call, record: CampaignRecord, since_ms: int) -> list[ErasedRow]:
    """Forget the rows of those who were erased since then; which there were."""
    services = call.services
    names = await services.erasures.since(record.campaign.portfolio, since_ms)
    if not names:
        return []
    return await services.audiences.erase(record, names, lambda row: services.identity.of(row.kind, row.to))


class ErasedRows(NamedTuple):
    """How many rows were a user's, and of how many the message was taken out of the queue."""

    rows: int
    cancelled: int


async def erased_rows(call: Call, portfolio: str, recipient: bytes) -> ErasedRows:
    """Forget a user in the audiences of all campaigns, whatever the name; nothing of it is sent any more."""
    services = call.services
    known_as, user = await services.users.resolve(portfolio, recipient)
    names = sorted({recipient, known_as, *user.aliases})
    # Before any audience is looked at: an upload that ends later finds it.
    await services.erasures.note(portfolio, names, (await call.books(portfolio)).now_ms)
    rows = cancelled = 0

    def of(row: Row) -> bytes:
        return services.identity.of(row.kind, row.to)

    for record in await services.campaigns.list(portfolio):
        for row in await services.audiences.erase(record, names, of):
            rows += 1
            cancelled += record.state != Phase.DRAFT and await _cancelled(call, record.campaign, row)
    return ErasedRows(rows, cancelled)


async def _cancelled(call: Call, campaign: Campaign, row: ErasedRow) -> bool:
    """Take a row's message out of the queue, or see to it that it never comes in: a node may have read the row before
    it was erased, and be about to put it there. Whether it was in it."""
    services, portfolio = call.services, campaign.portfolio
    message_id = services.ids.of(portfolio, campaign.created_at_ms, campaign.row_name(row.number))
    cause = f"its recipient was erased by {call.app.name}"
    was = await services.queue.end(portfolio, message_id, State.CANCELLED.value, cause, forestall=True)
    fate = await services.fates.read(portfolio, campaign.campaign_id, row.number, 1)
    if was in ("", State.QUEUED.value) and fate in _UNSENT:
        cancelled = RowFate(row.number, row.group, Fate.CANCELLED)
        await services.fates.write(portfolio, campaign.campaign_id, [cancelled])
    return was == State.QUEUED.value


def told_audience(record: CampaignRecord) -> dict[str, Any] | None:
    """A campaign's audience in numbers, as JSON values."""
    audience = record.audience
    if audience is None:
        return None
    return {
        "rows": audience.rows,
        "duplicates": audience.duplicates,
        "rejected": audience.rejected,
        "uploaded_at": write_time(audience.uploaded_at_ms),
    }


def told_upload(record: CampaignRecord, shown: Sequence[Rejected]) -> dict[str, Any]:
    """What came of an upload, as JSON values."""
    audience, campaign = record.audience, record.campaign
    assert audience is not None, "it was uploaded just now"
    groups = []
    for number, group in enumerate(audience.groups):
        step, variant = campaign.step_and_variant(number)
        groups.append(
            {"step": campaign.steps[step].name, "variant": campaign.variants[variant].name, "rows": group.rows}
        )
    return {
        "rows": audience.rows,
        "duplicates": audience.duplicates,
        "rejected": audience.rejected,
        "errors": [{"line": error.line, "why": error.why} for error in shown],
        "groups": groups,
    }
