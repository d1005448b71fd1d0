"""`POST /campaigns:plan`: how a campaign would go, told before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from pydantic import ValidationError

from tidegate.campaigns.orders import make_campaign, read_order
from tidegate.campaigns.planner import Busy, TooLarge
from tidegate.campaigns.wanted import Headcount, Listed, Uploaded, Wanted
from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import find_campaign, inline_rows, portfolio_of, refused_order
from tidegate.edge.control.plan_told import told_plan
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.errors import BadConfiguration
from tidegate.gateway import Route
from tidegate.policy.campaign.audience import Candidate, JsonRows
from tidegate.policy.campaign.groups import Lots
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.capacity import release_curve
from tidegate.policy.health import Seen
from tidegate.policy.plan.order import KEYS, PlanOrder
from tidegate.policy.readiness import remarks
from tidegate.policy.standing import Standing
from tidegate.settings.faults import faults_of
from tidegate.store.ledger import Books
from tidegate.store.sealing import BrokenSeal

_MOST: Final = 1024 * 1024
#: What is planned where nothing is said: one template that nobody knows.
_USUAL: Final[Mapping[str, Any]] = {"name": "plan", "template": {"name": "plan", "language": {"code": "en"}}}
_SOON: Final = {"Retry-After": "5"}
#: Recipients that are read in one turn of the loop: a millisecond or two.
_ROWS_A_TURN: Final = 40


async def plan_campaign(call: Call) -> Reply:
    """The plan of the campaign in the body, or of one that was ordered. Nothing is taken, kept or sent."""
    fields = await call.fields(_MOST)
    order = _read(fields)
    written = {key: value for key, value in fields.items() if key not in KEYS}
    if order.campaign_id is not None:
        if written:
            raise Denial(Kind.BAD_REQUEST, "body: beside campaign_id only beside may be given")
        record = await find_campaign(call, order.campaign_id)
        campaign, audience = record.campaign, Uploaded(record)
        books = await call.books(campaign.portfolio, curve=True)
        wanted = _wanted(call, campaign, audience, order)
    else:
        campaign, books = await _ordered(call, written)
        wanted = _wanted(call, campaign, await _audience(call, campaign, order, fields), order)
    standing = await call.standing(campaign.portfolio, books)
    try:
        plan = await call.services.planner.plan(wanted, books, standing, call.app.name)
    except Busy as fault:
        raise Denial(Kind.TOO_MANY_REQUESTS, str(fault), headers=_SOON) from None
    except TooLarge as fault:
        raise Denial(Kind.UNPROCESSABLE, str(fault)) from None
    except (LookupError, BrokenSeal):
        raise Denial(Kind.CONFLICT, "the audience was replaced or forgotten meanwhile: ask again") from None
    return json_reply(told_plan(plan, _blocks(wanted.routes, books, standing)))


def _read(fields: Mapping[str, Any]) -> PlanOrder:
    try:
        return PlanOrder.model_validate({key: value for key, value in fields.items() if key in KEYS})
    except ValidationError as error:
        raise refused_order(BadConfiguration(tuple(fault for _, fault in faults_of(error, PlanOrder)))) from None


async def _ordered(call: Call, written: Mapping[str, Any]) -> tuple[Campaign, Books]:
    usual = {key: value for key, value in _USUAL.items() if key != "template" or "variants" not in written}
    try:
        portfolio = portfolio_of(call, read_order({**usual, **written}).numbers)
        books = await call.books(portfolio, curve=True)
        return make_campaign({**usual, **written}, "", portfolio, call.app.name, books.now_ms), books
    except BadConfiguration as faults:
        raise refused_order(faults) from None


def _wanted(call: Call, campaign: Campaign, audience: Uploaded | Listed | Headcount, order: PlanOrder) -> Wanted:
    routes = tuple(call.route(number) for number in campaign.numbers)
    return Wanted(campaign, routes, audience, order.streams, call.app.grant)


async def _audience(call: Call, campaign: Campaign, order: PlanOrder, fields: Mapping[str, Any]) -> Listed | Headcount:
    if order.recipients is None:
        return await _listed(call, campaign, fields)
    if any(step.segment is not None for step in campaign.steps):
        raise Denial(Kind.UNPROCESSABLE, "steps by segment take an audience: of recipients no segment is known")
    return Headcount(*order.counts())


async def _listed(call: Call, campaign: Campaign, fields: Mapping[str, Any]) -> Listed:
    """The recipients of an audience in the body, each once."""
    lots, identity, groups = Lots(campaign), call.services.identity, dict[bytes, tuple[str, int]]()
    for number, row in enumerate(inline_rows(fields) or (), 1):
        candidate = next(JsonRows(campaign).feed(orjson.dumps(row) + b"\n"), None)
        if not isinstance(candidate, Candidate):
            why = "is no JSON object" if candidate is None else candidate.why
            raise Denial(Kind.UNPROCESSABLE, f"body audience: recipient {number} {why}")
        whom = identity.of(candidate.kind, candidate.to)
        groups.setdefault(whom, (candidate.to, lots.group(whom, candidate.segment)))
        if number % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
    return Listed(tuple(groups.values()))


def _blocks(routes: tuple[Route, ...], books: Books, standing: Standing) -> dict[str, str]:
    """What keeps numbers from a campaign now."""
    curve = tuple(release_curve(books.releases, books.now_ms))
    found = {}
    for route in routes:
        seen = Seen(standing, route.waba, route.number, books.now_ms, books.used, curve, None)
        said = [remark.detail for remark in remarks(seen) if remark.blocks]
        if said:
            found[route.number] = "; ".join(said)
    return found
