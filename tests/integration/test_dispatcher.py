"""Dispatchers of several nodes: what one node is told holds for the queue of all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from redis.exceptions import ConnectionError as RedisConnectionError

from loadtest.deployment import APP, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.messages import Request, parse_send, read_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Forwarded, Held, Message, Route, Unavailable
from tidegate.policy.lifecycle import State
from tidegate.policy.standing import Change
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient, script
from tidegate.store.send_queue import Lane

PAUSE = {"scope": "number", "value": NUMBER.id, "reason": "a look at its quality", "until_ms": None, "by": "ops"}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(config=Deployment(limit=2_000).platform)
    yield made
    await made.stop()


@pytest.fixture
async def nodes(client: StoreClient, valkey_socket: str, simulator: Simulator) -> AsyncIterator[tuple[Node, Node]]:
    settings = Deployment(limit=2_000).settings(socket_url(valkey_socket), simulator.url)
    first, second = await build(settings), await build(settings)
    await first.start()
    await second.start()
    yield first, second
    await first.stop()
    await second.stop()


def a_message(node: Node, to: str) -> Message:
    template = {"name": MARKETING, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    gateway = node.services.gateway
    return Message(
        message_id=gateway.new_id(PORTFOLIO),
        app=APP,
        route=Route(PORTFOLIO, WABA.id, NUMBER.id),
        request=request,
        raw_path=f"/v25.0/{NUMBER.id}/messages",
        deadline_ms=gateway.deadline_ms(Route(PORTFOLIO, WABA.id, NUMBER.id), Category.MARKETING),
        category=Category.MARKETING,
        hold=True,
    )


async def paused(node: Node, pause: dict[str, object] | None) -> None:
    now_ms = node.services.clock.now_ms()
    change = Change("pause", "p1", {"pause": pause}, "operator", now_ms, "by hand", tightens=pause is not None)
    await node.services.signals.restand(PORTFOLIO, [change])


async def test_what_one_node_held_under_a_pause_goes_when_another_node_lifts_it(
    nodes: tuple[Node, Node], simulator: Simulator
) -> None:
    first, second = nodes
    await paused(first, PAUSE)
    held = await first.services.gateway.submit(a_message(first, "+15550100001"))
    assert isinstance(held, Held)
    await second.services.dispatcher.stop()

    await paused(second, None)

    async def was_sent() -> bool:
        return len(simulator.world.book.accepted) == 1

    await until(was_sent)


async def test_a_dispatcher_that_is_stopped_between_two_claims_ends(
    nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = nodes[0].services.dispatcher
    claimed, claim = asyncio.Event(), dispatcher.drain_once

    async def noted(portfolio: str) -> float | None:
        wait_ms = await claim(portfolio)
        claimed.set()
        return wait_ms

    monkeypatch.setattr(dispatcher, "drain_once", noted)
    dispatcher.wake(PORTFOLIO)
    await asyncio.wait_for(claimed.wait(), 10)
    # Until what is queued in one moment has come together it waits.
    dispatcher.wake(PORTFOLIO)
    for _ in range(5):
        await asyncio.sleep(0)

    await asyncio.wait_for(dispatcher.stop(), 10)


async def test_a_pause_on_one_node_stops_the_other_nodes_queue(nodes: tuple[Node, Node], simulator: Simulator) -> None:
    first, second = nodes
    await paused(second, PAUSE)
    answers = [await first.services.gateway.submit(a_message(first, f"+1555010{n:04}")) for n in range(10)]
    assert all(isinstance(answer, Held) and answer.reason.value == "paused_by_operator" for answer in answers)
    await first.services.dispatcher.drain_once(PORTFOLIO)
    assert not simulator.world.book.accepted


async def test_large_bodies_that_come_out_of_the_queue_together_are_read_with_turns_for_others_in_between(
    nodes: tuple[Node, Node], simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = nodes
    await second.services.dispatcher.stop()
    await paused(first, PAUSE)
    for number in range(12):
        held = a_message(first, f"+1555010{number:04}")
        body = {**held.request.body, "biz_opaque_callback_data": None, "padding": "p" * 60_000}
        large = replace(held, request=held.request.with_body(body))
        assert isinstance(await first.services.gateway.submit(large), Held)
    turns, read_in_turn = 0, Counter[int]()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def noted(body: dict[str, Any]) -> object:
        read_in_turn[turns] += 1
        return read_send(body)

    monkeypatch.setattr("tidegate.dispatcher.read_send", noted)
    watching = asyncio.create_task(others())
    await paused(first, None)

    async def were_read() -> bool:
        return read_in_turn.total() >= 12

    await until(were_read)
    watching.cancel()
    assert max(read_in_turn.values()) <= 2


async def test_a_node_that_does_not_know_of_a_moved_clock_expires_nothing_that_has_only_just_come(
    nodes: tuple[Node, Node], simulator: Simulator
) -> None:
    first, second = nodes
    await second.services.dispatcher.stop()
    message = a_message(second, "+15550100001")
    message = replace(message, deadline_is_ours=True)
    steerable = first.services.steerable
    assert steerable is not None
    await steerable.advance(30 * 86_400_000)

    assert isinstance(await second.services.gateway.submit(message), Forwarded)
    assert len(simulator.world.book.accepted) == 1


@pytest.mark.impatient
async def test_what_was_promised_is_sent_once_although_the_store_falls_silent_on_its_way(
    nodes: tuple[Node, Node], client: StoreClient, simulator: Simulator
) -> None:
    first, second = nodes
    await second.services.dispatcher.stop()
    await paused(first, PAUSE)
    messages = [a_message(first, f"+1555010{n:04}") for n in range(20)]
    for message in messages:
        assert isinstance(await first.services.gateway.submit(message), Held)
    await first.services.dispatcher.stop()
    await paused(first, None)
    await first.services.dispatcher.rouse(PORTFOLIO, ["paused_by_operator"])
    claim = await first.services.queue.claim(PORTFOLIO, {Lane(NUMBER.id, Category.MARKETING): (20, -1)})
    assert len(claim.messages) == 20

    # The asks are on their way when the store falls silent: it may carry them out when nobody waits any more.
    await client.execute_command("CLIENT PAUSE", 700, "WRITE")
    claimed = [await first.services.dispatcher.message(one) for one in claim.messages]
    await asyncio.gather(*(first.services.gateway.submit(message) for message in claimed))

    await first.services.gateway.settled(10)
    later = await first.services.queue.claim(PORTFOLIO, {Lane(NUMBER.id, Category.MARKETING): (20, -1)})
    again = [await first.services.dispatcher.message(one) for one in later.messages]
    await asyncio.gather(*(first.services.gateway.submit(message) for message in again))

    sent = Counter(accepted.user for accepted in simulator.world.book.accepted)
    assert sorted(sent.values()) == [1] * 20


async def test_what_its_caller_was_told_to_send_again_does_not_stay_in_the_queue(
    nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = nodes
    await second.services.dispatcher.stop()
    await paused(first, PAUSE)
    message = a_message(first, "+15550100001")
    wire = first.connection.client.connection_pool.wire
    carry_out = wire.call

    async def lose_the_answer(*words: Any) -> Any:
        answer = await carry_out(*words)
        if script("enqueue").sha in words or script("enqueue").text in words:
            raise RedisConnectionError("the answer was lost")
        return answer

    monkeypatch.setattr(wire, "call", lose_the_answer)
    assert isinstance(await first.services.gateway.submit(message), Unavailable)
    await first.services.gateway.settled(10)

    record = await first.services.messages.find(PORTFOLIO, message.message_id)
    assert record is not None
    assert record.state is State.FAILED
