"""The proxy breaks what it is told to break, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.faultproxy import Door, FaultProxy
from tests.waiting import until

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Echo:
    """Answers every line with itself; `lines` are those that came."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.lines.append(line)
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def has(self, line: bytes) -> bool:
        return line in self.lines


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    made = FaultProxy(server.sockets[0].getsockname())
    await made.start()
    yield made
    await made.stop()
    server.close()


@pytest.fixture
async def connect(proxy: FaultProxy) -> AsyncIterator[Connect]:
    writers = []

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*proxy.address)
        writers.append(writer)
        return reader, writer

    yield connected
    for writer in writers:
        writer.close()


async def test_it_carries_both_ways_and_counts(proxy: FaultProxy, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"one\n")
    assert await reader.readline() == b"one\n"
    assert (proxy.up.crossed, proxy.down.crossed) == (4, 4)


async def test_the_end_of_one_side_is_the_end_of_the_other(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"one\n")
    writer.write_eof()
    assert await reader.read() == b"one\n"


async def test_what_is_sent_into_a_black_hole_arrives_when_it_ends(
    proxy: FaultProxy, connect: Connect, echo: Echo
) -> None:
    _, writer = await connect()
    proxy.up.close()
    writer.write(b"held\n")
    writer.close()  # its sender does not wait for it
    assert echo.lines == []
    proxy.up.open()
    await until(lambda: echo.has(b"held\n"))


async def test_a_black_hole_of_one_way_leaves_the_other_open(proxy: FaultProxy, connect: Connect, echo: Echo) -> None:
    reader, writer = await connect()
    proxy.down.close()
    writer.write(b"heard\n")
    await until(lambda: echo.has(b"heard\n"))
    assert proxy.down.crossed == 0
    proxy.down.open()
    assert await reader.readline() == b"heard\n"


async def test_what_is_late_keeps_its_order_and_is_late_together(proxy: FaultProxy, connect: Connect) -> None:
    reader, writer = await connect()
    loop = asyncio.get_running_loop()
    proxy.down.delay_s = 0.05
    began_s = loop.time()
    for number in range(100):
        writer.write(b"%d\n" % number)
        await writer.drain()
    assert [await reader.readline() for _ in range(100)] == [b"%d\n" % number for number in range(100)]
    assert loop.time() - began_s >= 0.05


async def test_slices_are_whole_in_the_end(proxy: FaultProxy, connect: Connect) -> None:
    reader, writer = await connect()
    proxy.up.slice_bytes = proxy.down.slice_bytes = 1
    writer.write(b"x" * 500 + b"\n")
    assert await reader.readline() == b"x" * 500 + b"\n"


async def test_a_shut_door_refuses_and_leaves_open_connections_alone(proxy: FaultProxy, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"before\n")
    assert await reader.readline() == b"before\n"
    await proxy.set_door(Door.SHUT)
    with pytest.raises(ConnectionRefusedError):
        await connect()
    writer.write(b"still\n")
    assert await reader.readline() == b"still\n"
    await proxy.set_door(Door.OPEN)
    reader, writer = await connect()
    writer.write(b"again\n")
    assert await reader.readline() == b"again\n"


async def test_a_door_that_resets_takes_and_resets(proxy: FaultProxy, connect: Connect, echo: Echo) -> None:
    await proxy.set_door(Door.RESETS)
    reader, _ = await connect()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    assert echo.lines == []


async def test_all_that_is_open_is_reset(proxy: FaultProxy, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"one\n")
    await reader.readline()
    proxy.reset_all()
    with pytest.raises(ConnectionResetError):
        await reader.read()


async def test_a_lost_reply_is_one_whose_request_was_carried_out(
    proxy: FaultProxy, connect: Connect, echo: Echo
) -> None:
    proxy.lose_replies(every=3)
    reader, writer = await connect()
    for line in (b"one\n", b"two\n"):
        writer.write(line)
        assert await reader.readline() == line
    writer.write(b"three\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    assert (echo.lines, proxy.replies_lost) == ([b"one\n", b"two\n", b"three\n"], 1)


async def test_a_target_that_is_gone_is_a_reset_and_a_new_one_is_used_from_then_on(
    proxy: FaultProxy, connect: Connect
) -> None:
    there, proxy.target = proxy.target, ("127.0.0.1", 9)
    reader, _ = await connect()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    proxy.target = there
    reader, writer = await connect()
    writer.write(b"back\n")
    assert await reader.readline() == b"back\n"


async def test_who_is_on_the_way_in_while_all_are_reset_does_not_stay(proxy: FaultProxy, connect: Connect) -> None:
    for steps in range(10):
        reader, _ = await connect()
        await turns(steps)

        await proxy.set_door(Door.SHUT)
        proxy.reset_all()

        assert await is_over(reader)
        await proxy.set_door(Door.OPEN)


async def test_who_is_on_the_way_in_while_it_stops_does_not_stay(proxy: FaultProxy, connect: Connect) -> None:
    for steps in range(10):
        reader, _ = await connect()
        await turns(steps)

        await proxy.stop()

        assert await is_over(reader)
        await proxy.set_door(Door.OPEN)


async def turns(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


async def is_over(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(5):
            return await reader.read() == b""
    except ConnectionError:
        return True
