"""`POST /decide`: what would happen to a send, and why; nothing is taken, kept or sent."""

from __future__ import annotations

from typing import Any

from tidegate.cloudapi.messages import BadMessage, ReadReceipt, parse_send
from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import read_body, refuse_encoded
from tidegate.edge.graph.answers import explained
from tidegate.edge.graph.drafts import Draft, to_message
from tidegate.edge.graph.quotes import Quotes
from tidegate.edge.graph.send_options import read_options
from tidegate.edge.graph.senders import Kinds, Sender
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.facts import Facts


async def decide(call: Call) -> Reply:
    """Every guardrail's answer to the send in the body, from the number in the query."""
    number = call.query("number")
    if number is None:
        raise Denial(Kind.BAD_REQUEST, "query number: is required: the phone_number_id to send from")
    route = call.route(number)
    refuse_encoded(call.request)
    raw = await read_body(call.request)
    try:
        request = parse_send(raw)
        told = await Quotes(call.services, call.grants).resolved(request.body, call.app, route.portfolio)
    except BadMessage as error:
        extra = {"graph_code": error.code} | ({"reason": error.reason} if error.reason else {})
        raise Denial(Kind.INVALID_MESSAGE, error.details, extra=extra) from None
    if isinstance(request, ReadReceipt):
        raise Denial(Kind.INVALID_MESSAGE, "a read receipt is no send: it passes")
    services = call.services
    now_ms = services.clock.now_ms()
    options = read_options(call.request.headers, now_ms)
    draft = Draft(Sender(call.app, route, Kinds()), request.with_body(told), options, raw_path="", raw=b"")
    standing = await services.standings.current(route.portfolio)
    message = to_message(draft, services.gateway.new_id(route.portfolio), standing, now_ms)
    explanation = await services.gateway.explain(message)
    return json_reply(
        {
            **explained(explanation),
            "category": message.category.value if message.category else "service",
            "rules_version": explanation.rules_version,
            "facts": _facts(explanation.facts),
        }
    )


def _facts(facts: Facts) -> dict[str, Any]:
    return {
        "as_of": write_time(facts.now_ms),
        "epoch": facts.epoch,
        "used": facts.used,
        "recipient_counted": facts.counted,
        "service_window_until": _later(facts.window_ends_ms, facts.now_ms),
        "pair_turn_at": _later(facts.pair_at_ms, facts.now_ms),
        "throughput_turn_at": _later(facts.throughput_at_ms, facts.now_ms),
        "place_at": None if facts.place_at_ms is None else write_time_up(facts.place_at_ms),
    }


def _later(at_ms: int, now_ms: int) -> str | None:
    return write_time_up(at_ms) if at_ms > now_ms else None
