"""Webhooks: signed statuses of messages that the node has sent, as fast as it takes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from loadtest.bench.speed.candidates import signature, webhook
from loadtest.bench.speed.configs import KEY, Estate
from loadtest.bench.speed.load import Load
from loadtest.bench.speed.stage import Candidate, Stage
from loadtest.bench.speed.window import WARM_S, Meter, Shape, Void, Window, at, measured, tally
from tidegate.cloudapi.opaque import unwrap_opaque

_STATES: Final = ("sent", "delivered", "read")
_SAMPLES: Final = 20
_WITHIN_S: Final = 180.0
#: Connections of the sends beside a storm; and how long they are looked at before it, at least.
_SENDERS: Final = 64
_CALM_S: Final = 1.0
_HEAD: Final = (
    b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nX-Hub-Signature-256: %b\r\nContent-Length: %d\r\n\r\n%b"
)

#: What the upstream keeps of a send: callback data, Meta's id, recipient, number.
Kept = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Intake:
    """Statuses a second, CPU in microseconds a status, times of the answers in ms; `sends`: the same node's sends."""

    statuses: int
    per_second: float
    gateway_us: float
    store_us: float
    p50_ms: float
    p99_ms: float
    sends: Window


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm: statuses a second and times of their answers (ms), and those of sends at a steady rate before and in it.

    Callers of both share a core with the store, as all of the bench do.
    """

    statuses: int
    per_second: float
    p50_ms: float
    p99_ms: float
    sends_per_second: float
    calm_p50_ms: float
    calm_p99_ms: float
    sends_p50_ms: float
    sends_p99_ms: float


async def storm(
    stage: Stage, candidate: Candidate, estate: Estate, *, connections: int, rate: float, seconds: float, most: int
) -> Storm:
    """Tell of sends (`most` of them), one status a delivery, by so many connections that are all new, while others go
    on at a rate a second. Raises Void, TimeoutError.
    """
    await stage.upstream("keep")
    await measured(stage, candidate, Shape(64, seconds))
    kept: list[Kept] = (await stage.upstream("kept"))[-most:]
    requests = [_request(body) for body in deliveries(estate, kept, 1)]
    await stage.upstream("reset")
    sends = Load(candidate.port, _SENDERS, candidate.traffic.request)
    await sends.begin(rate)
    await asyncio.sleep(WARM_S)
    sends.told.listening = True
    await asyncio.sleep(max(seconds, _CALM_S))
    calm, sends.told.took_s = sends.told.took_s, []
    load = Load(candidate.port, connections, _each(requests))
    load.told.listening, meter = True, Meter(candidate)
    await load.begin()
    await load.answered(_WITHIN_S)
    took_s, _, _ = meter.read()
    sends.told.listening = False
    beside = sends.told.took_s
    told = await load.end()
    tally(candidate.name, await sends.end(), await stage.upstream("count"))
    if told.answers != {"send": len(requests)}:
        raise Void(f"{candidate.name}: not every webhook was answered 200: {dict(told.answers)}, lost {told.lost}")
    await _are_read(stage, candidate, kept)
    return Storm(
        statuses=len(requests),
        per_second=len(requests) / took_s,
        p50_ms=at(told.took_s, 0.5) * 1_000,
        p99_ms=at(told.took_s, 0.99) * 1_000,
        sends_per_second=rate,
        calm_p50_ms=at(calm, 0.5) * 1_000,
        calm_p99_ms=at(calm, 0.99) * 1_000,
        sends_p50_ms=at(beside, 0.5) * 1_000,
        sends_p99_ms=at(beside, 0.99) * 1_000,
    )


async def taken_in(
    stage: Stage, candidate: Candidate, estate: Estate, *, at_once: int, connections: int, seconds: float, most: int
) -> Intake:
    """Send for a while, then tell of each of these sends (`most` of them) that it was sent, delivered and read.

    `at_once` statuses are in a delivery. Raises Void, TimeoutError.
    """
    await stage.upstream("keep")
    sends = await measured(stage, candidate, Shape(64, seconds))
    kept: list[Kept] = (await stage.upstream("kept"))[-most:]
    requests = [_request(body) for body in deliveries(estate, kept, at_once)]
    statuses = len(kept) * len(_STATES)
    load = Load(candidate.port, connections, _each(requests))
    load.told.listening, meter = True, Meter(candidate)
    await load.begin()
    await load.answered(_WITHIN_S)
    took_s, gateway_s, store_s = meter.read()
    told = await load.end()
    if told.answers != {"send": len(requests)}:
        raise Void(f"{candidate.name}: not every webhook was answered 200: {dict(told.answers)}, lost {told.lost}")
    await _are_read(stage, candidate, kept)
    return Intake(
        statuses=statuses,
        per_second=statuses / took_s,
        gateway_us=gateway_s / statuses * 1e6,
        store_us=store_s / statuses * 1e6,
        p50_ms=at(told.took_s, 0.5) * 1_000,
        p99_ms=at(told.took_s, 0.99) * 1_000,
        sends=sends,
    )


def _each(requests: Iterable[bytes]) -> Callable[[], bytes | None]:
    following = iter(requests)
    return lambda: next(following, None)


def _request(body: bytes) -> bytes:
    return _HEAD % (signature(body).encode(), len(body), body)


def deliveries(estate: Estate, kept: Sequence[Kept], at_once: int) -> Iterator[bytes]:
    """What Meta tells of these sends: of each that it was sent, delivered and read, `at_once` of a number together."""
    now_s = int(time.time())
    by_number = [list(of) for _, of in groupby(sorted(kept, key=lambda send: send[3]), key=lambda send: send[3])]
    for after_s, state in enumerate(_STATES):
        for sends in by_number:
            for begin in range(0, len(sends), at_once):
                statuses = [_status(send, state, now_s + after_s) for send in sends[begin : begin + at_once]]
                yield webhook(estate, sends[0][3], {"statuses": statuses})


def _status(send: Kept, state: str, at_s: int) -> dict[str, Any]:
    opaque, wamid, recipient, _ = send
    return {
        "id": wamid,
        "status": state,
        "timestamp": str(at_s),
        "recipient_id": recipient,
        "biz_opaque_callback_data": opaque,
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "utility", "type": "regular"},
    }


async def _are_read(stage: Stage, candidate: Candidate, kept: Sequence[Kept]) -> None:
    """See by some of them that what was told of was understood."""
    for opaque, *_ in kept[:: max(1, len(kept) // _SAMPLES)]:
        url = f"{candidate.url}/gateway/v1/messages/{_message_id(opaque)}"
        async with stage.session.get(url, headers={"Authorization": f"Bearer {KEY}"}) as answer:
            state = (await answer.json()).get("state")
            if state != "read":
                raise Void(f"{candidate.name}: a message that was told of as read is {state}")


def _message_id(opaque: str) -> str:
    found = unwrap_opaque(opaque)
    if found is None:
        raise Void("the gateway's callback data is not its own")
    return found[0]
