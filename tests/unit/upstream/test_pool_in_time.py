"""How long connections and sends last: in virtual time, over a network in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from yarl import URL

from tests.deterministic.loop import DeterministicLoop, run
from tests.deterministic.network import Address, MemoryNetwork, aiohttp_in_memory
from tidegate.upstream.dialler import Dialler
from tidegate.upstream.outcomes import NotSent, Response, Unknown
from tidegate.upstream.pool import IDLE_S, MOST_DIALLED, Pool

HERE: Final = Address("10.0.0.1", 80)
TIMEOUT_S: Final = 10.0
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Graph(asyncio.Protocol):
    """Answers what arrives in one piece, after a while; `made`: when each connection was."""

    def __init__(self, loop: DeterministicLoop, made: list[float], lasts_s: float, says: bytes) -> None:
        self._loop = loop
        self._made = made
        self._lasts_s = lasts_s
        self._says = says

    def connection_made(self, transport: Any) -> None:
        self._made.append(self._loop.time())
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._loop.call_later(self._lasts_s, self._transport.write, self._says)


class Stage:
    """A pool before a Graph whose answers take `lasts_s`."""

    def __init__(
        self, loop: DeterministicLoop, lasts_s: float = 0.0, says: bytes = OK, dialler: type[Dialler] = Dialler
    ) -> None:
        self.loop = loop
        self.network = MemoryNetwork(loop, 1)
        self.made: list[float] = []
        self.network.listen(lambda: Graph(loop, self.made, lasts_s, says), *HERE)
        self.pool = Pool(dialler(URL("http://10.0.0.1")), TIMEOUT_S)

    async def post(self) -> Response | NotSent | Unknown:
        return await self.pool.begin(b"POST / HTTP/1.1\r\n\r\n", lambda: True).outcome

    def begin(self, count: int) -> list[asyncio.Future[Any]]:
        return [self.pool.begin(b"POST / HTTP/1.1\r\n\r\n", lambda: True).outcome for _ in range(count)]


def timers_of(loop: DeterministicLoop) -> list[Any]:
    return [handle for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]  # asyncio's


def play(main: Callable[[DeterministicLoop], Any]) -> Any:
    with aiohttp_in_memory():
        return run(1, main)


def test_a_free_connection_is_given_up_in_time_and_one_in_use_is_kept() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        await asyncio.gather(*stage.begin(3))
        assert len(stage.made) == 3
        for _ in range(8):
            # One at a time: it takes the one that was used last, and the others rest.
            await asyncio.sleep(IDLE_S / 4)
            assert isinstance(await stage.post(), Response)
        assert len(stage.made) == 3
        assert len(stage.pool._free) == 1
        await asyncio.sleep(IDLE_S + 0.1)
        assert not stage.pool._free
        assert not stage.network.transports, "the other side is told"
        assert isinstance(await stage.post(), Response)
        assert len(stage.made) == 4
        await stage.pool.close()

    play(main)


def test_one_that_ends_makes_room_for_the_next_where_no_more_may_be_made(monkeypatch: Any) -> None:
    monkeypatch.setattr("tidegate.upstream.pool.MOST_CONNECTIONS", 1)

    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, says=OK.replace(b"OK", b"OK\r\nConnection: close"))
        results = await asyncio.gather(*stage.begin(3))
        assert {type(result) for result in results} == {Response}
        assert len(stage.made) == 3
        await stage.pool.close()

    play(main)


def test_a_connection_that_rested_too_long_while_all_stood_still_is_not_used() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        await stage.post()
        # A stopped machine goes on long after its timers were due, and takes what comes first.
        loop._now += IDLE_S + 1
        assert isinstance(await stage.post(), Response)
        assert len(stage.made) == 2
        assert len(stage.pool._made) == 1
        await stage.pool.close()

    play(main)


def test_each_send_has_its_own_time() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=3600)
        began, ended = loop.time(), []
        for _ in range(4):
            [outcome] = stage.begin(1)
            outcome.add_done_callback(lambda outcome: ended.append((round(loop.time() - began, 2), outcome.result())))
            await asyncio.sleep(4)
        await asyncio.sleep(TIMEOUT_S)
        assert ended == [(at, Unknown("TimeoutError")) for at in (10.0, 14.0, 18.0, 22.0)]
        assert not stage.network.transports, "an answer that comes later finds nobody"
        await stage.pool.close()

    play(main)


def test_so_has_one_that_waited_in_line(monkeypatch: Any) -> None:
    monkeypatch.setattr("tidegate.upstream.pool.MOST_CONNECTIONS", 2)

    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=3600)
        began, ended = loop.time(), []
        for _ in range(6):
            [outcome] = stage.begin(1)
            outcome.add_done_callback(lambda outcome: ended.append((round(loop.time() - began, 2), outcome.result())))
            await asyncio.sleep(3)
        await asyncio.sleep(TIMEOUT_S)
        # The third and the fourth were written when the first and the second had ended.
        assert ended == [(at, Unknown("TimeoutError")) for at in (10.0, 13.0, 16.0, 19.0, 22.0, 25.0)]
        assert len(stage.made) == 6
        await stage.pool.close()
        assert not stage.pool._carried

    play(main)


def test_the_time_of_one_in_line_is_up_while_a_connection_is_made_for_it(monkeypatch: Any) -> None:
    monkeypatch.setattr("tidegate.upstream.pool.MOST_CONNECTIONS", 1)

    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=3600)
        began = loop.time()
        [first] = stage.begin(1)
        await asyncio.sleep(3)
        stage.network.cut("director", "director")
        [second] = stage.begin(1)
        assert await first == Unknown("TimeoutError")
        assert await second == NotSent("TimeoutError")
        assert round(loop.time() - began, 2) == 13.0
        await stage.pool.close()

    play(main)


def test_a_send_that_gets_no_connection_in_its_time_was_not_sent() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        stage.network.cut("director", "director")
        assert await stage.post() == NotSent("TimeoutError")
        await asyncio.sleep(0.1)
        assert not stage.pool._dialled, "nobody tries on for ever"
        assert not stage.made
        await stage.pool.close()

    play(main)


def test_after_many_sends_nothing_is_left_to_end_them_in_time() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        for _ in range(50):
            await stage.post()
        assert len(timers_of(loop)) == 2, "one for all sends, one for all free connections"
        await asyncio.sleep(TIMEOUT_S + IDLE_S)
        await asyncio.sleep(0)
        assert not timers_of(loop)
        await stage.pool.close()

    play(main)


def test_a_closed_pool_leaves_no_timer_behind() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        await stage.post()
        stage.begin(1)
        await stage.pool.close()
        await asyncio.sleep(0.1)
        assert not timers_of(loop)
        assert not stage.network.transports

    play(main)


def test_connections_that_rest_are_given_up_one_by_one() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        await asyncio.gather(*stage.begin(2))
        await asyncio.sleep(IDLE_S / 2)
        await stage.post()
        await asyncio.sleep(IDLE_S / 2 + 1)
        assert len(stage.pool._free) == 1
        await asyncio.sleep(IDLE_S / 2)
        assert not stage.pool._free
        await stage.pool.close()

    play(main)


@pytest.mark.parametrize("noticed_after_s", [0, 1])
def test_a_connection_that_has_ended_when_it_is_made_proves_that_nothing_was_sent(noticed_after_s: int) -> None:
    class Unlucky(Dialler):
        async def dial(self, make: Any) -> Any:
            connection = await super().dial(make)
            connection.transport.abort()
            await asyncio.sleep(noticed_after_s)
            return connection

    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, dialler=Unlucky)
        assert await asyncio.gather(*stage.begin(3)) == [NotSent("ConnectionResetError")] * 3
        assert len(stage.made) == 3
        assert not stage.pool._made
        await stage.pool.close()

    play(main)


def test_connections_are_made_a_few_at_a_time_for_as_many_as_wait() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=1)
        results = await asyncio.gather(*stage.begin(3 * MOST_DIALLED))
        assert {type(result) for result in results} == {Response}
        assert len(stage.made) == 3 * MOST_DIALLED
        assert max(map(stage.made.count, stage.made)) <= MOST_DIALLED
        await stage.pool.close()

    play(main)


def test_more_connections_than_there_may_be_are_not_made(monkeypatch: Any) -> None:
    monkeypatch.setattr("tidegate.upstream.pool.MOST_CONNECTIONS", 4)

    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=1)
        results = await asyncio.gather(*stage.begin(20))
        assert {type(result) for result in results} == {Response}
        assert len(stage.made) == 4
        await stage.pool.close()

    play(main)


def test_a_caller_who_goes_when_his_answer_has_come_takes_nothing_with_him() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop)
        first = stage.pool.begin(b"POST / HTTP/1.1\r\n\r\n", lambda: True)
        await first.outcome
        [second] = stage.begin(1)
        stage.pool.cut(first)
        assert isinstance(await second, Response)
        assert len(stage.made) == 1
        await stage.pool.close()

    play(main)


def test_a_caller_who_goes_in_the_turn_in_which_his_answer_comes_leaves_the_connection_to_the_next() -> None:
    async def main(loop: DeterministicLoop) -> None:
        stage = Stage(loop, lasts_s=1)
        first = stage.pool.begin(b"POST / HTTP/1.1\r\n\r\n", lambda: True)
        await asyncio.sleep(0.5)
        # What is cancelled learns of it only after the answer is read.
        first.outcome.cancel()
        await asyncio.sleep(1)
        stage.pool.cut(first)
        assert isinstance(await stage.post(), Response)
        assert len(stage.made) == 1
        await stage.pool.close()

    play(main)
