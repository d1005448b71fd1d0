"""`/wallets/{waba}`: what was paid in for an account, and what is left of it."""

from __future__ import annotations

from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.policy.audit import Act
from tidegate.policy.money import LARGEST_MICROS, MICROS, read_micros, write_micros
from tidegate.policy.standing import Standing
from tidegate.policy.tallies import wallet_tally
from tidegate.policy.verdict import Reason
from tidegate.store.wallets import TopUp

_LONGEST_REFERENCE: Final = 128


async def read_wallet(call: Call) -> Reply:
    """What was paid in, and that less what was billed and what is reserved for messages on their way."""
    portfolio, waba = _account(call)
    books = await call.books(portfolio)
    standing = await call.standing(portfolio, books)
    told = await wallet_of(call, standing, waba)
    return json_reply({"waba": waba, "as_of": write_time(books.now_ms), **told})


async def top_up(call: Call) -> Reply:
    """Put money into a wallet, once for each reference."""
    portfolio, waba = _account(call)
    fields = await call.fields()
    if fields.keys() != {"amount", "reference"}:
        raise Denial(Kind.BAD_REQUEST, "body: has to have amount and reference, and nothing else")
    micros, reference = _micros(fields["amount"]), _reference(fields["reference"])
    # The reference is the payer's: it may name a person.
    await call.audit(portfolio, Act.WALLET_TOP_UP, {"waba": waba}, amount=write_micros(micros))
    cause = f"topped up by {call.app.name}: {reference}"
    done = await call.services.wallets.top_up(portfolio, waba, reference, micros, cause)
    _refuse(done, micros)
    standing = await call.services.standings.reload(portfolio, done.epoch)
    await call.services.dispatcher.rouse(portfolio, [Reason.BUDGET.value])
    told = await wallet_of(call, standing, waba)
    body = {"waba": waba, "reference": reference, "amount": write_micros(micros), "applied": done.applied, **told}
    return json_reply(body, 201 if done.applied else 200)


async def left_micros(call: Call, standing: Standing, waba: str) -> int:
    """What a wallet still holds, in millionths; below 0 when more was billed than it held."""
    rule, taken = standing.rules.budget, 0
    if rule is not None:
        [taken] = await call.services.tallies.read(standing.portfolio, [wallet_tally(rule, waba)])
    return standing.wallets.get(waba, 0) - taken


async def wallet_of(call: Call, standing: Standing, waba: str) -> dict[str, Any]:
    """A wallet's amounts as decimals. The currency is the budget's, None while none is configured."""
    rule = standing.rules.budget
    return {
        "currency": rule.currency if rule is not None else None,
        "topped_up": write_micros(standing.wallets.get(waba, 0)),
        "balance": write_micros(await left_micros(call, standing, waba)),
        "in_use": rule is not None and rule.wallet,
    }


def _account(call: Call) -> tuple[str, str]:
    waba = call.path("waba")
    route = next((route for route in call.grants.routes(call.app) if route.waba == waba), None)
    if route is None:
        raise Denial(Kind.NOT_FOUND, "no such account")
    return route.portfolio, waba


def _refuse(done: TopUp, micros: int) -> None:
    if done.amount_micros is None:
        raise Denial(Kind.BAD_REQUEST, f"body amount: a wallet holds {LARGEST_MICROS // MICROS} at most")
    if done.amount_micros != micros:
        raise Denial(Kind.CONFLICT, f"this reference was used before, for {write_micros(done.amount_micros)}")


def _micros(given: object) -> int:
    try:
        micros = read_micros(given)
    except ValueError as error:
        raise Denial(Kind.BAD_REQUEST, f"body amount: {error}") from None
    if micros == 0:
        raise Denial(Kind.BAD_REQUEST, "body amount: has to be more than 0")
    return micros


def _reference(given: object) -> str:
    if not isinstance(given, str) or not 0 < len(given.strip()) <= _LONGEST_REFERENCE or not given.isprintable():
        raise Denial(Kind.BAD_REQUEST, f"body reference: has to be 1 to {_LONGEST_REFERENCE} printable characters")
    return given.strip()
