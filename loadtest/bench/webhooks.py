"""What Meta's statuses cost: CPU of node and store a status, statuses a second, and how long Meta waits for its 200.

`python -m loadtest.bench.webhooks` (half a minute). Node, store and this process (which is Meta, and the app that
sends) are three processes; the node has a core of its own where there are two. Of every send three statuses come (sent,
delivered, read), each signed: one a delivery, then so many in one, of users whose ids are new and of such as were seen.
Then a storm: deliveries of 1,000 statuses of 2.7 kB each, beside single ones and sends at a steady pace. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import itertools
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httptools
import orjson
from rich.console import Console
from rich.table import Table

from loadtest.bench.served import Peer, answers, free_port
from loadtest.deployment import NUMBER, WABA
from tidegate.settings.app_keys import hash_key
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

_KEY: Final = "tg_bench"
_SECRET: Final = b"app-secret"
_FORGETFUL: Final = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "hz": "10"}
_CONFIG: Final = """
[server]
listen = "127.0.0.1:{port}"
[store]
url = "{store}"
undurable = "allow"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "verify"
app_secrets = ["app-secret"]
[privacy]
identity_key = "identity-identity-identity-key-32"
payload_key = "payload-payload-payload-key-32byt"
[[portfolio]]
id = "bench"
messaging_limit = -1
[[portfolio.waba]]
id = "{waba}"
access_token = "EAAG-bench"
[[portfolio.waba.number]]
id = "{number}"
throughput = 1000
[[app]]
name = "bench"
key_sha256 = "{key_hash}"
scopes = ["send", "read"]
"""
_OPAQUE: Final = re.compile(rb'"biz_opaque_callback_data": ?"([^"]+)"')
_TO: Final = re.compile(rb'"to": ?"\+?(\d+)"')
_PRICING: Final = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
_STORM_DELIVERIES: Final = 20
_STORM_STATUSES: Final = 1_000
_STORM_PADDING: Final = 2_500


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that Meta took."""

    user: str
    wamid: str
    opaque: str


class Meta(asyncio.Protocol):
    """Takes every message, and remembers what its statuses have to say."""

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body, self._path = b"", b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._path.partition(b"?")[0].endswith(b"/messages"):
            return self._answer(b"400 Bad Request", {"error": {"message": "unsupported", "code": 100}})
        to, opaque = _TO.search(self._body), _OPAQUE.search(self._body)
        if to is None or opaque is None:
            raise ValueError("the gateway sent something that is no guarded message")
        user = to[1].decode()
        wamid = f"wamid.HBgL{len(self._sent):020d}"
        self._sent.append(Sent(user, wamid, opaque[1].decode()))
        contacts = [{"input": user, "wa_id": user}]
        told = {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": wamid}]}
        return self._answer(b"200 OK", told)

    def _answer(self, status: bytes, told: Any) -> None:
        body = orjson.dumps(told)
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self._transport.write(head + body)


@dataclass(slots=True)
class Asked:
    """What was asked of the node in one go: how long each answer took (ms), and which there were."""

    took_ms: list[float] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    took_s: float = 0.0


class _Caller(asyncio.Protocol):
    """One connection of a caller's: a request, its answer, the next request."""

    def __init__(self, following: Callable[[], bytes | None], asked: Asked, done: Callable[[], None]) -> None:
        self._following, self._asked, self._done = following, asked, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._parser = httptools.HttpResponseParser(self)
        self._ask()

    def _ask(self) -> None:
        request = self._following()
        if request is None:
            self._transport.close()
            self._done()
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._asked.took_ms.append((time.perf_counter() - self._began) * 1_000)
        status = self._parser.get_status_code()
        self._asked.answers[status] = self._asked.answers.get(status, 0) + 1
        self._ask()


async def ask(port: int, requests: Iterable[bytes], connections: int) -> Asked:
    """Ask all of it, so many at a time."""
    loop, asked = asyncio.get_running_loop(), Asked()
    left, over, open_ = iter(requests), asyncio.Event(), [connections]

    def done() -> None:
        open_[0] -= 1
        if not open_[0]:
            over.set()

    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Caller(lambda: next(left, None), asked, done), "127.0.0.1", port)
    await over.wait()
    asked.took_s = time.perf_counter() - began
    return asked


async def ask_at_pace(port: int, requests: Sequence[bytes], a_second: float) -> Asked:
    """Ask all of it, each at its time, whatever becomes of the others; from its time on an answer is waited for."""
    loop, asked, free = asyncio.get_running_loop(), Asked(), deque[_Paced]()
    began = loop.time()
    waiting = []
    for index, request in enumerate(requests):
        at = began + index / a_second
        if (wait_s := at - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        if not free:
            _, caller = await loop.create_connection(lambda: _Paced(asked, free), "127.0.0.1", port)
            free.append(caller)
        waiting.append(free.popleft().ask(request, at))
    await asyncio.gather(*waiting)
    asked.took_s = loop.time() - began
    return asked


class _Paced(asyncio.Protocol):
    def __init__(self, asked: Asked, free: deque[_Paced]) -> None:
        self._asked, self._free = asked, free

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._parser = httptools.HttpResponseParser(self)

    def ask(self, request: bytes, at: float) -> asyncio.Future[None]:
        self._at, self._answered = at, asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._asked.took_ms.append((asyncio.get_running_loop().time() - self._at) * 1_000)
        status = self._parser.get_status_code()
        self._asked.answers[status] = self._asked.answers.get(status, 0) + 1
        self._free.append(self)
        self._answered.set_result(None)


def send(port: int, user: int) -> bytes:
    """A template for one user."""
    named = {"name": "order_update", "language": {"code": "en_US"}}
    body = orjson.dumps({"messaging_product": "whatsapp", "to": str(user), "type": "template", "template": named})
    head = (
        f"POST /v25.0/{NUMBER.id}/messages HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {_KEY}\r\n"
        f"Tidegate-Category: utility\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def status(sent: Sent, word: str, **more: Any) -> dict[str, Any]:
    """One status of a message, as Meta writes it."""
    told = {
        "id": sent.wamid,
        "status": word,
        "timestamp": str(int(time.time())),
        "recipient_id": sent.user,
        "recipient_user_id": f"US.{sent.user}",
        "biz_opaque_callback_data": sent.opaque,
    }
    return told | ({} if word == "read" else {"pricing": _PRICING}) | more


def delivery(port: int, statuses: Sequence[dict[str, Any]]) -> bytes:
    """A signed delivery of statuses."""
    contacts = [
        {"profile": {"name": "Sheena Nelson"}, "wa_id": one["recipient_id"], "user_id": one["recipient_user_id"]}
        for one in statuses
    ]
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": contacts, "statuses": statuses}
    entry = {"id": WABA.id, "changes": [{"value": value, "field": "messages"}]}
    body = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
    seal = hmac.new(_SECRET, body, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n"
        f"User-Agent: facebookexternalua\r\nX-Hub-Signature: sha1={'0' * 40}\r\nX-Hub-Signature-256: sha256={seal}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def deliveries(port: int, sent: Sequence[Sent], a_delivery: int) -> list[bytes]:
    """The three statuses of each message: all that tell of sent, then of delivered, then of read."""
    told = [status(one, word) for word in ("sent", "delivered", "read") for one in sent]
    return [delivery(port, list(part)) for part in batched(told, a_delivery)]


def batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The items in their order, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def at(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one phase showed."""

    name: str
    count: int
    asked: Asked
    node_us: float
    store_us: float

    def cells(self) -> list[str]:
        asked = self.asked
        figures = (self.node_us, self.store_us, at(asked.took_ms, 0.5), at(asked.took_ms, 0.99))
        words = " ".join(f"{number} x {answer}" for answer, number in sorted(asked.answers.items()))
        return [
            self.name,
            f"{self.count:,}",
            f"{self.count / asked.took_s:,.0f}",
            *(f"{v:.1f}" for v in figures),
            words,
        ]

    def told(self) -> dict[str, Any]:
        """As JSON: microseconds of CPU each, milliseconds until the answer."""
        took = self.asked.took_ms
        return {
            "name": self.name,
            "count": self.count,
            "a_second": round(self.count / self.asked.took_s, 1),
            "node_us": round(self.node_us, 1),
            "store_us": round(self.store_us, 1),
            "p50_ms": round(at(took, 0.5), 2),
            "p99_ms": round(at(took, 0.99), 2),
            "answers": {str(answer): number for answer, number in self.asked.answers.items()},
        }


@dataclass(slots=True)
class Bench:
    """A node with its store under measurement."""

    port: int
    node: Peer
    store: Peer
    sent: list[Sent]
    connections: int
    _users: itertools.count[int] = field(default_factory=lambda: itertools.count(16_500_000_000))

    async def sends(self, messages: int, first: int | None = None) -> tuple[Row, list[Sent]]:
        """Send to so many users, new ones unless `first` names them."""
        users = list(range(first, first + messages)) if first else list(itertools.islice(self._users, messages))
        before = len(self.sent)
        row = await self._measured("sends", messages, [send(self.port, user) for user in users])
        # What an answer leaves to be done is over by then.
        await asyncio.sleep(0.5)
        return row, self.sent[before:]

    async def statuses(self, name: str, sent: Sequence[Sent], a_delivery: int) -> Row:
        """Tell the three statuses of each of these."""
        return await self._measured(name, 3 * len(sent), deliveries(self.port, sent, a_delivery))

    async def _measured(self, name: str, count: int, requests: list[bytes]) -> Row:
        node_s, store_s = self.node.cpu_s, self.store.cpu_s
        asked = await ask(self.port, requests, min(self.connections, len(requests)))
        await asyncio.sleep(0.3)
        used = (self.node.cpu_s - node_s, self.store.cpu_s - store_s)
        return Row(name, count, asked, used[0] / count * 1e6, used[1] / count * 1e6)

    async def storm(self, sent: Sequence[Sent], seconds: float, singles: float, sends: float) -> list[Row]:
        """Large deliveries at once, beside single statuses and sends at a steady pace."""
        own, large = sent[: int(seconds * singles)], sent[int(seconds * singles) :]
        ones = [delivery(self.port, [status(one, "delivered")]) for one in own]
        padding = {"of_no_use": "x" * _STORM_PADDING}
        told = [status(one, "delivered", **padding) for one in large]
        many = [delivery(self.port, list(part)) for part in batched(told, _STORM_STATUSES)]
        codes = [send(self.port, next(self._users)) for _ in range(int(seconds * sends))]
        node_s, store_s = self.node.cpu_s, self.store.cpu_s

        async def all_at_once() -> Asked:
            await asyncio.sleep(seconds / 4)
            return await ask(self.port, many, len(many))

        told_of = await asyncio.gather(
            ask_at_pace(self.port, ones, singles), all_at_once(), ask_at_pace(self.port, codes, sends)
        )
        count = len(own) + len(large) + len(codes)
        used = ((self.node.cpu_s - node_s) / count * 1e6, (self.store.cpu_s - store_s) / count * 1e6)
        size = f"{len(many)} x {_STORM_STATUSES:,} of {len(many[0]) / 1e6:.1f} MB" if many else "none"
        names = (f"storm: single, {singles:.0f}/s", f"storm: {size}", f"storm: sends, {sends:.0f}/s")
        counts = (len(own), len(large), len(codes))
        return [Row(n, c, asked, *used) for n, c, asked in zip(names, counts, told_of, strict=True)]


async def measured(bench: Bench, messages: int, batch: int, storm_s: float) -> list[Row]:
    """All phases, one after the other."""
    await bench.statuses("warm", (await bench.sends(200))[1], 1)
    rows = []
    first = 16_500_000_200
    row, sent = await bench.sends(messages)
    rows += [row, await bench.statuses("one a delivery, ids new", sent, 1)]
    _, again = await bench.sends(messages, first)
    rows.append(await bench.statuses("one a delivery", again, 1))
    _, again = await bench.sends(messages, first)
    rows.append(await bench.statuses(f"{batch} a delivery", again, batch))
    rows.append(await bench.statuses(f"{batch} a delivery, again", again, batch))
    if storm_s:
        singles = 600.0
        _, sent = await bench.sends(int(singles * storm_s) + _STORM_DELIVERIES * _STORM_STATUSES // 4)
        rows += await bench.storm([*sent, *sent[int(singles * storm_s) :] * 3], storm_s, singles, 50.0)
    return rows


async def main(options: argparse.Namespace) -> list[Row]:
    """Run it on a store and a platform of its own."""
    sent: list[Sent] = []
    loop, port = asyncio.get_running_loop(), free_port()
    server = await loop.create_server(lambda: Meta(sent), "127.0.0.1", 0)
    with TemporaryDirectory(prefix="tidegate-webhooks-") as directory:
        store = ValkeyProcess.spawn(Path(directory), _FORGETFUL)
        path = str(Path(directory, SOCKET_NAME))
        await store.ready(path, timeout_s=10)
        config = Path(directory, "tidegate.toml")
        upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        text = _CONFIG.format(
            port=port,
            store=socket_url(path),
            upstream=upstream,
            waba=WABA.id,
            number=NUMBER.id,
            key_hash=hash_key(_KEY),
        )
        config.write_text(text + options.more)
        with open(Path(directory, "node.log"), "wb") as log:
            command = [sys.executable, "-m", "tidegate", "serve", "--config", str(config)]
            node = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _apart(node.pid, store.pid)
            await answers(f"http://127.0.0.1:{port}")
            peers = (Peer("node", f"http://127.0.0.1:{port}", node.pid), Peer("store", path, store.pid))
            bench = Bench(port, *peers, sent, options.connections)
            if options.profile:
                return await _profiled(bench, options)
            return await measured(bench, options.messages, options.batch, options.storm)
        finally:
            node.terminate()
            node.wait()
            await store.stop(timeout_s=5)
            server.close()


async def _profiled(bench: Bench, options: argparse.Namespace) -> list[Row]:
    await bench.statuses("warm", (await bench.sends(200))[1], 1)
    if options.again:
        _, sent = await bench.sends(options.messages)
        await bench.statuses("before", sent, 100)
        _, sent = await bench.sends(options.messages, 16_500_000_200)
    else:
        _, sent = await bench.sends(options.messages)
    command = ["py-spy", "record", "-p", str(bench.node.pid), "-r", "250", "-f", "raw", "-o", options.profile]
    profiler = subprocess.Popen([*command, "-d", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    await asyncio.sleep(1.5)
    row = await bench.statuses("profiled", sent, options.a_delivery)
    profiler.send_signal(2)
    profiler.wait()
    return [row]


def _apart(node: int, *others: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(node, cores[:1])
        for one in (0, *others):
            os.sched_setaffinity(one, cores[1:])


def table_of(rows: Sequence[Row]) -> Table:
    """The rows as they are shown."""
    table = Table(title="Statuses in")
    for column in ("", "count", "a second", "node us each", "store us each", "p50 ms", "p99 ms", "answers"):
        table.add_column(column, justify="left" if column in ("", "answers") else "right")
    for row in rows:
        table.add_row(*row.cells())
    return table


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--messages", type=int, default=2_000, help="sends a phase")
    arguments.add_argument("--connections", type=int, default=16, help="deliveries at a time")
    arguments.add_argument("--batch", type=int, default=100, help="statuses a delivery, where there are many")
    arguments.add_argument("--storm", type=float, default=8.0, help="seconds of a storm, 0: none")
    arguments.add_argument("--json", type=Path, help="write the rows there")
    arguments.add_argument("--profile", default="", help=argparse.SUPPRESS)
    arguments.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--a-delivery", type=int, default=1, help=argparse.SUPPRESS)
    arguments.add_argument("--more", default="", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    found = asyncio.run(main(given))
    Console(width=140).print(table_of(found))
    if given.json:
        given.json.write_bytes(orjson.dumps([row.told() for row in found], option=orjson.OPT_INDENT_2))
