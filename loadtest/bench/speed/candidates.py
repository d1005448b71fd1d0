"""Who is measured: the bare proxies, the naive gateway, and tidegate in several forms."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from redis.asyncio import Redis

from loadtest.bench.peers.naive import window_key
from loadtest.bench.served import free_port
from loadtest.bench.speed import configs, machine
from loadtest.bench.speed.configs import APP_SECRET, KEY, Estate
from loadtest.bench.speed.stage import Candidate, NotStarted, Stage
from loadtest.bench.speed.traffic import IN_TOUCH, InTouch, Traffic
from tidegate.store import embedded
from tidegate.store.valkey_process import ValkeyProcess

BARE, BARE_AGAIN, NGINX, HAPROXY, NAIVE = "bare aiohttp", "bare aiohttp again", "bare nginx", "bare haproxy", "naive"
OFF, DEFAULT, ON = "tidegate, rules off", "tidegate, rules by default", "tidegate, all rules on"
SYNCED, REPLICATED = "tidegate, on, appendfsync always", "tidegate, on, replicas_ack 1"
#: The forms of which a promise survives a power loss or the end of a server (docs/reliability.md).
DURABLE: Final = (SYNCED, REPLICATED)
_PLAIN: Final = Estate()
_AT_ONCE: Final = 100
_TRIES: Final = 8

Starts = Callable[[Stage], Awaitable[Candidate]]


async def bare(stage: Stage, name: str = BARE) -> Candidate:
    """aiohttp's server and client, and nothing between."""
    return await _python(stage, name, "loadtest.bench.peers.bare", stage.upstream_url)


async def bare_again(stage: Stage) -> Candidate:
    """The same once more, to see how far two runs of one thing are apart."""
    return await bare(stage, BARE_AGAIN)


async def nginx(stage: Stage) -> Candidate:
    """nginx as a pass-through."""
    folder, port = stage.folder(), free_port()
    file = folder / "nginx.conf"
    file.write_text(configs.nginx_conf(port, stage.upstream_port, str(folder)))
    process = await stage.start("nginx", "-p", str(folder), "-e", "stderr", "-c", str(file), folder=folder)
    await stage.serving(process, port, folder)
    pids = [process.pid, *machine.children(process.pid)]
    return Candidate(NGINX, port, pids, Traffic(_PLAIN.numbers, KEY))


async def haproxy(stage: Stage) -> Candidate:
    """haproxy as a pass-through."""
    folder, port = stage.folder(), free_port()
    file = folder / "haproxy.cfg"
    file.write_text(configs.haproxy_cfg(port, stage.upstream_port))
    process = await stage.start("haproxy", "-db", "-f", str(file), folder=folder)
    await stage.serving(process, port, folder)
    return Candidate(HAPROXY, port, [process.pid], Traffic(_PLAIN.numbers, KEY))


def installed() -> dict[str, Starts | None]:
    """The proxies of others; None where one is not installed."""
    found: dict[str, Starts] = {NGINX: nginx, HAPROXY: haproxy}
    programs = {NGINX: "nginx", HAPROXY: "haproxy"}
    return {name: start if shutil.which(programs[name]) else None for name, start in found.items()}


async def naive(stage: Stage) -> Candidate:
    """A gateway as it is usually written first, with a store of its own."""
    store, url = await stage.store()
    candidate = await _python(stage, NAIVE, "loadtest.bench.peers.naive", stage.upstream_url, url)
    candidate.stores, candidate.store_url = [store], url
    async with Redis.from_url(url) as client:
        await client.mset({window_key(user.number, user.user): "1" for user in candidate.traffic.in_touch})
    return candidate


async def _python(stage: Stage, name: str, module: str, *arguments: str) -> Candidate:
    folder, port = stage.folder(), free_port()
    process = await stage.start(sys.executable, "-m", module, str(port), *arguments, folder=folder)
    await stage.serving(process, port, folder)
    return Candidate(name, port, [process.pid], Traffic(_PLAIN.numbers, KEY))


@dataclass(frozen=True)
class Tidegate:
    """A node, with a store of its own; a `limit` of 0 is none.

    `synced`: the store writes each promise to its disk; `replicas`: so many must have it; `prepare` is called with the
    store's URL before the node starts.
    """

    name: str
    rules: str = configs.RULES_ALL
    estate: Estate = _PLAIN
    limit: int = configs.LIMIT
    synced: bool = False
    replicas: int = 0
    users_in_touch: int = IN_TOUCH
    prepare: Callable[[str], Awaitable[None]] | None = None

    async def __call__(self, stage: Stage) -> Candidate:
        """Start it, and open the windows that its traffic needs."""
        stores, url = await self._stores(stage)
        if self.prepare is not None:
            await self.prepare(url)
        folder, port = stage.folder(), free_port()
        file = folder / "tidegate.toml"
        file.write_text(
            configs.tidegate_toml(
                port, url, stage.upstream_url, self.estate, self.rules, limit=self.limit, replicas_ack=self.replicas
            )
        )
        file.chmod(0o600)
        process = await stage.start(sys.executable, "-m", "tidegate", "serve", "--config", str(file), folder=folder)
        await stage.serving(process, port, folder)
        traffic = Traffic(self.estate.numbers, KEY, users_in_touch=self.users_in_touch)
        candidate = Candidate(self.name, port, [process.pid], traffic, stores, url)
        await _get_in_touch(stage, candidate, self.estate)
        return candidate

    async def _stores(self, stage: Stage) -> tuple[list[ValkeyProcess], str]:
        if not self.replicas:
            store, url = await stage.store(dict(embedded.OPTIONS) if self.synced else {})
            return [store], url
        port = free_port()
        store, url = await stage.store({"port": str(port), "bind": "127.0.0.1", "repl-diskless-sync-delay": "0"})
        stores = [store]
        for _ in range(self.replicas):
            listens = {"port": str(free_port()), "bind": "127.0.0.1"}
            replica, replica_url = await stage.store({"replicaof": f"127.0.0.1 {port}"} | listens)
            await _in_step(replica_url)
            stores.append(replica)
        return stores, url


async def _in_step(url: str) -> None:
    async with Redis.from_url(url) as client:
        while True:
            if (await client.info("replication"))["master_link_status"] == "up":
                return
            await asyncio.sleep(0.05)


FORMS: Final[dict[str, Starts]] = {
    BARE: bare,
    BARE_AGAIN: bare_again,
    NAIVE: naive,
    OFF: Tidegate(OFF, rules=configs.RULES_OFF, limit=0),
    DEFAULT: Tidegate(DEFAULT, rules=configs.RULES_DEFAULT),
    ON: Tidegate(ON),
    SYNCED: Tidegate(SYNCED, synced=True),
    REPLICATED: Tidegate(REPLICATED, replicas=1),
}


async def _get_in_touch(stage: Stage, candidate: Candidate, estate: Estate) -> None:
    """Have users write to their numbers, as Meta tells of it."""
    for body in _inbound(candidate.traffic.in_touch, estate):
        headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
        for _ in range(_TRIES):
            async with stage.session.post(f"{candidate.url}/webhooks/whatsapp", data=body, headers=headers) as answer:
                if answer.status == 200:
                    break
            # A store that is busy for a moment; Meta tries again too.
            await asyncio.sleep(0.5)
        else:
            raise NotStarted("a webhook was not taken: no window is open")


def signature(body: bytes) -> str:
    """What Meta signs a webhook with."""
    return "sha256=" + hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()


def _inbound(users: Sequence[InTouch], estate: Estate) -> Iterator[bytes]:
    by_number: dict[str, list[InTouch]] = {}
    for user in users:
        by_number.setdefault(user.number, []).append(user)
    for number, theirs in by_number.items():
        for begin in range(0, len(theirs), _AT_ONCE):
            yield webhook(estate, number, {"messages": [_wrote(user) for user in theirs[begin : begin + _AT_ONCE]]})


def _wrote(user: InTouch) -> dict[str, Any]:
    return {
        "from": user.user,
        "id": f"wamid.from.{user.user}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": "Where is my order?"},
    }


def webhook(estate: Estate, number: str, news: dict[str, Any]) -> bytes:
    """A delivery of Meta's with this news of a number."""
    metadata = {"display_phone_number": estate.display_number(number), "phone_number_id": number}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **news}
    entry = {"id": estate.waba_of(number), "changes": [{"field": "messages", "value": value}]}
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
