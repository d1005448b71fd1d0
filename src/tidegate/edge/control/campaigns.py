"""`/campaigns`: ordered, listed, told, and forgotten before they are sent or when they are over."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from tidegate.campaigns.orders import make_campaign, read_order
from tidegate.edge.calls import Call
from tidegate.edge.control.audiences import take_rows, told_audience, told_upload
from tidegate.edge.control.campaign_progress import told_progress
from tidegate.edge.control.repeats import once
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.errors import BadConfiguration
from tidegate.gateway import Route
from tidegate.policy.audit import Act
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.spec import Campaign
from tidegate.settings.tables import Scope
from tidegate.store.campaigns import MOST_KEPT, MOST_OF_APP, CampaignRecord, Full

#: An order, with the audience that it may hold.
_MOST: Final = 1024 * 1024
#: What is kept of an order, and read whenever campaigns are listed.
_MOST_ORDERED: Final = 64 * 1024
_MOST_INLINE: Final = 1_000
_SOON: Final = {"Retry-After": "1"}
_ROOM: Final = "delete drafts and, with the scope admin, what is over; all others go by themselves"
_FULL: Final = {
    Full.PORTFOLIO: f"the portfolio has {MOST_KEPT:,} campaigns, as many as it may: {_ROOM}",
    Full.APP: f"the app has {MOST_OF_APP:,} campaigns, as many as it may: {_ROOM}",
}


async def create_campaign(call: Call) -> Reply:
    """Take an order: a draft, until it is started. An audience of up to 1,000 recipients may come with it."""
    fields = await call.fields(_MOST)
    rows = inline_rows(fields)
    written = {key: value for key, value in fields.items() if key != "audience"}
    if len(orjson.dumps(written)) > _MOST_ORDERED:
        raise Denial(Kind.CONTENT_TOO_LARGE, f"an order may have {_MOST_ORDERED} bytes without its audience")
    try:
        portfolio = portfolio_of(call, read_order(written).numbers)
        now_ms = (await call.books(portfolio)).now_ms
        campaign = make_campaign(written, _new_id(now_ms), portfolio, call.app.name, now_ms)
    except BadConfiguration as refused:
        raise refused_order(refused) from None
    await _check_templates(call, campaign)

    async def make(campaign_id: str) -> Reply:
        return await _made(call, replace(campaign, campaign_id=campaign_id), rows)

    return await once(call, fields, portfolio, campaign.campaign_id, make)


async def _made(call: Call, campaign: Campaign, rows: list[Any] | None) -> Reply:
    """Keep a draft with these rows as its audience; where that was done, or begun, what is left of it."""
    record = await call.services.campaigns.get(campaign.portfolio, campaign.campaign_id)
    if record is None:
        await call.audit(campaign.portfolio, Act.CAMPAIGN_CREATE, target_of(campaign), name=campaign.name)
        created = await call.services.campaigns.create(campaign)
        if isinstance(created, Full):
            raise Denial(Kind.CONFLICT, _FULL[created])
        record = created
    if record is None:
        raise Denial(Kind.CONFLICT, "the campaign is being made by a request before: ask again", headers=_SOON)
    told: dict[str, Any] = {}
    if rows is not None and record.audience is None:
        try:
            record, shown = await take_rows(call, record, rows)
        except Denial:
            # What was asked for was both.
            await call.services.campaigns.delete(record)
            raise
        told = {"upload": told_upload(record, shown)}
    location = {"Location": f"/gateway/v1/campaigns/{campaign.campaign_id}"}
    return json_reply(await shown_campaign(call, record) | told, 201, location)


async def list_campaigns(call: Call) -> Reply:
    """The campaigns that the app may see, the newest first."""
    return json_reply({"campaigns": [_in_short(record) for record in await seen_campaigns(call)]})


async def seen_campaigns(call: Call) -> list[CampaignRecord]:
    """The campaigns that the app may see, the newest first."""
    found: list[CampaignRecord] = []
    for portfolio in call.grants.portfolios(call.app):
        found += [record for record in await call.services.campaigns.list(portfolio) if may_see(call, record)]
    found.sort(key=lambda record: record.campaign.created_at_ms, reverse=True)
    return found


async def read_campaign(call: Call) -> Reply:
    """One campaign."""
    return json_reply(await shown_campaign(call, await find_campaign(call)))


async def delete_campaign(call: Call) -> Reply:
    """Forget a draft, or with the scope admin one that is over: its audience, and what became of each row, too."""
    record = await find_campaign(call, steers=True)
    campaign = record.campaign
    if not record.is_over:
        require_draft(record)
    elif Scope.ADMIN not in call.app.scopes:
        raise Denial(Kind.FORBIDDEN, "the campaign was sent: to delete it takes the scope admin")
    act, target = Act.CAMPAIGN_DELETE, target_of(campaign)
    await call.audit(campaign.portfolio, act, target, name=campaign.name, state=record.state)
    if not await call.services.campaigns.delete(record):
        raise Denial(Kind.CONFLICT, "the campaign was changed meanwhile: look at it again")
    # A cancelled one is stopped until its deadline all the same: a node that has slept may feed rows of it.
    await call.services.steering.mirror(campaign.portfolio, campaign.campaign_id)
    return json_reply({"id": campaign.campaign_id, "deleted": True})


async def find_campaign(call: Call, campaign_id: str | None = None, *, steers: bool = False) -> CampaignRecord:
    """The campaign of this id, or the one that the path names.

    Raises Denial (not found) for one that is not the app's to see, or to steer.

    `steers`: whether it is to be changed. An operator (scope `admin`) sees and steers those of numbers that it may use,
    `oncall` sees them.
    """
    campaign_id = call.path("campaign") if campaign_id is None else campaign_id
    for portfolio in call.grants.portfolios(call.app):
        record = await call.services.campaigns.get(portfolio, campaign_id)
        if record is not None and may_see(call, record):
            if steers and not may_steer(call, record):
                raise Denial(Kind.FORBIDDEN, "the campaign is another app's: this takes the scope admin")
            return record
    raise Denial(Kind.NOT_FOUND, "no such campaign")


def may_see(call: Call, record: CampaignRecord) -> bool:
    """Whether a campaign is the app's own, or one of numbers that it looks after."""
    looks_after = not {Scope.ADMIN, Scope.ONCALL}.isdisjoint(call.app.scopes)
    return record.campaign.app == call.app.name or (looks_after and _may_use_all(call, record.campaign))


def may_steer(call: Call, record: CampaignRecord) -> bool:
    """Whether the app may change a campaign that it sees."""
    return record.campaign.app == call.app.name or Scope.ADMIN in call.app.scopes


def require_draft(record: CampaignRecord) -> None:
    """Raises Denial (conflict, with its `state`) for a campaign that was started."""
    if record.state != Phase.DRAFT:
        detail = f"the campaign is {record.state}: only a draft can be changed so"
        raise Denial(Kind.CONFLICT, detail, extra={"id": record.campaign.campaign_id, "state": record.state})


def target_of(campaign: Campaign) -> dict[str, str]:
    """What the audit names: the campaign, and a number of it, for those who may see its entries."""
    return {"campaign": campaign.campaign_id, "number": campaign.numbers[0]}


async def shown_campaign(call: Call, record: CampaignRecord) -> dict[str, Any]:
    """A campaign with how far it is, as JSON values."""
    told, progress = told_campaign(record), await told_progress(call, record)
    steps = zip(told["steps"], progress.pop("step_progress"), strict=True)
    return {**told, **progress, "steps": [{**step, **of_step} for step, of_step in steps]}


def told_campaign(record: CampaignRecord) -> dict[str, Any]:
    """A campaign as JSON values."""
    campaign = record.campaign
    return {
        **_in_short(record),
        "category": campaign.category,
        "variants": [
            {
                "name": variant.name,
                "share": variant.share,
                "control": variant.is_control,
                "template": dict(variant.template.body),
            }
            for variant in campaign.variants
        ],
        "steps": [
            {
                "name": step.name,
                "share": step.share,
                "segment": step.segment,
                "gate": None if step.gate is None else step.gate.to_json(),
                "rows": _rows(record, index),
            }
            for index, step in enumerate(campaign.steps)
        ],
        "quiet_hours": campaign.order.get("quiet_hours"),
        "revision": record.revision,
    }


def _in_short(record: CampaignRecord) -> dict[str, Any]:
    campaign = record.campaign
    start_ms = campaign.start_at_ms
    return {
        "id": campaign.campaign_id,
        "state": record.state,
        "name": campaign.name,
        "portfolio": campaign.portfolio,
        "app": campaign.app,
        "numbers": list(campaign.numbers),
        "created_at": write_time(campaign.created_at_ms),
        "schedule": {
            "start_at": None if start_ms is None else write_time(start_ms),
            "deadline": write_time(campaign.deadline_ms),
        },
        "audience": told_audience(record),
    }


def _rows(record: CampaignRecord, step: int) -> int:
    if record.audience is None:
        return 0
    groups = (record.campaign.group(step, variant) for variant in range(len(record.campaign.variants)))
    return sum(record.audience.groups[group].rows for group in groups)


def _new_id(now_ms: int) -> str:
    raw = now_ms.to_bytes(6, "big") + secrets.token_bytes(9)
    return f"cmp-{base64.b32hexencode(raw).decode().lower()}"


def inline_rows(fields: Mapping[str, Any]) -> list[Any] | None:
    """The audience that an order holds, None where it holds none. Raises Denial."""
    rows = fields.get("audience")
    if rows is not None and (not isinstance(rows, list) or len(rows) > _MOST_INLINE):
        detail = f"body audience: has to be a list of {_MOST_INLINE:,} recipients at most; more are uploaded"
        raise Denial(Kind.BAD_REQUEST, detail)
    return rows


def portfolio_of(call: Call, numbers: tuple[str, ...]) -> str:
    """The portfolio of these numbers, which have to be the app's to use. Raises Denial."""
    routes: list[Route] = [call.route(number) for number in numbers]
    portfolios = {route.portfolio for route in routes}
    if len(portfolios) > 1:
        raise Denial(Kind.BAD_REQUEST, "body numbers: have to be of one portfolio: they share its messaging limit")
    return portfolios.pop()


def _may_use_all(call: Call, campaign: Campaign) -> bool:
    return all(call.grants.route(call.app, number) is not None for number in campaign.numbers)


async def _check_templates(call: Call, campaign: Campaign) -> None:
    """Raises Denial for what the app may not send anyway."""
    grant = call.app.grant
    if grant is None:
        return
    standing = await call.standing(campaign.portfolio, await call.books(campaign.portfolio))
    for variant in campaign.variants:
        ref = variant.template.ref
        known = standing.template(call.route(campaign.numbers[0]).waba, ref.name, ref.language)
        category = (known and known.category) or campaign.category
        refusal = None if category is None else grant.refusal(category, ref.name)
        if refusal is not None:
            raise Denial(Kind.FORBIDDEN, refusal)


def refused_order(refused: BadConfiguration) -> Denial:
    """An order with faults, told with all of them."""
    faults = [asdict(fault) for fault in refused.faults]
    detail = f"the order has {len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return Denial(Kind.UNPROCESSABLE, detail, extra={"faults": faults})
