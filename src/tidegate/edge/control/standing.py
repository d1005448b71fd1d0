"""`GET /standing`: what Meta and operators say of portfolios, numbers and templates now, and what that stops."""

from __future__ import annotations

from typing import Any

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.edge.calls import Call
from tidegate.edge.control.books import books_of
from tidegate.edge.control.breakers import breakers_in_force
from tidegate.edge.control.health import account_told
from tidegate.edge.control.pauses import pauses_in_force
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.policy.health import Seen, payment_method
from tidegate.policy.standing import Standing
from tidegate.store.ledger import Books


async def read_standing(call: Call) -> Reply:
    """The standing of all that the app may use."""
    return json_reply(await standing_of(call))


async def standing_of(call: Call) -> dict[str, Any]:
    """The standing of all that the app may use, as JSON values."""
    portfolios: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    accounts: list[dict[str, Any]] = []
    breakers: list[dict[str, Any]] = []
    for portfolio in call.grants.portfolios(call.app):
        books = await call.books(portfolio)
        standing = await call.standing(portfolio, books)
        told_of = _portfolio(standing)
        portfolios.append({**told_of, "books": await books_of(call, portfolio, books.now_ms)})
        accounts += _accounts(call, standing, books)
        numbers += _numbers(call, standing)
        templates += _templates(call, standing)
        breakers += breakers_in_force(call, standing, books.now_ms)
    pauses = await pauses_in_force(call)
    told = {"portfolios": portfolios, "accounts": accounts, "numbers": numbers, "templates": templates}
    return {**told, "breakers": breakers, "pauses": pauses}


def _portfolio(standing: Standing) -> dict[str, Any]:
    unlimited = standing.limit == UNLIMITED
    return {
        "id": standing.portfolio,
        "epoch": standing.epoch,
        "messaging_limit": None if unlimited else standing.limit,
        "unlimited": unlimited,
        "limit_source": standing.limit_source,
        "since": _since(standing.limit_changed_at_ms),
    }


def _accounts(call: Call, standing: Standing, books: Books) -> list[dict[str, Any]]:
    routes = {route.waba: route for route in call.grants.routes(call.app) if route.portfolio == standing.portfolio}
    told = []
    for waba, route in routes.items():
        seen = Seen(standing, waba, route.number, books.now_ms, books.used)
        told.append({**account_told(standing.account(waba), payment_method(seen)), "portfolio": standing.portfolio})
    return told


def _numbers(call: Call, standing: Standing) -> list[dict[str, Any]]:
    routes = [route for route in call.grants.routes(call.app) if route.portfolio == standing.portfolio]
    told = []
    for route in routes:
        number = standing.number(route.number)
        told.append(
            {
                "id": number.number,
                "portfolio": route.portfolio,
                "waba": route.waba,
                "status": number.status.value,
                "quality": number.quality.value,
                "throughput": number.throughput,
                "since": _since(number.changed_at_ms),
            }
        )
    return told


def _templates(call: Call, standing: Standing) -> list[dict[str, Any]]:
    wabas = call.grants.wabas(call.app)
    return [
        {
            "id": template.template_id,
            "portfolio": standing.portfolio,
            "waba": template.waba,
            "name": template.name,
            "language": template.language,
            "category": template.category.value if template.category else None,
            "status": template.status.value if template.status else None,
            "quality": template.quality.value,
            "since": _since(template.changed_at_ms),
        }
        for template in sorted(standing.templates.values(), key=lambda template: template.key)
        if template.waba in wabas
    ]


def _since(changed_at_ms: int) -> str | None:
    return write_time(changed_at_ms) if changed_at_ms else None
