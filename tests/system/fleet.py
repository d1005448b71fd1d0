"""Three nodes as real processes on one store, a campaign that is under way through all of them, and who watches it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from tests.ports import free_port
from tests.system.starts import Start, Starts
from tests.waiting import until
from tidegate.settings import hash_key
from tidegate.simulator import notices
from tidegate.simulator.behaviour import Behaviour, PairRate
from tidegate.simulator.config import (
    UNLIMITED,
    NumberConfig,
    PortfolioConfig,
    SimulatorConfig,
    TemplateConfig,
    WabaConfig,
)
from tidegate.simulator.identity import user_by_phone
from tidegate.simulator.notices import Webhook
from tidegate.simulator.server import Simulator, run_simulator

KEY: Final = "tg_fleet-test-key-of-the-campaign-app"
SECRET: Final = "app-secret"
_NODE: Final = """
[server]
listen = "127.0.0.1:{port}"
[store]
url = "{store}"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "an identity key of at least 32 bytes"
payload_key = "a payload key of at least 32 bytes.."
[rules]
pacing_wait = "300ms"
[poll]
interval = "{interval}"
[[app]]
name = "campaign"
key_sha256 = "{key_sha256}"
scopes = ["send", "read", "admin"]
[[portfolio]]
id = "lucky-shrub"
messaging_limit = 100000
"""
_ACCOUNT: Final = """
[[portfolio.waba]]
id = "{waba}"
access_token = "EAAG-simulated-token-{index}"
[[portfolio.waba.number]]
id = "{number}"
display_phone_number = "{display}"
throughput = {throughput}
"""

#: To Ann goes less than a pair may borrow of its future: what holds her messages back in the end is her word.
_ROUNDS_WITH_ANN: Final = 4
_VOLLEY: Final = 12


def waba(index: int) -> str:
    return f"10229012934{index:04}"


def number(index: int) -> str:
    return f"10654035224{index:04}"


def display(index: int) -> str:
    return f"1555078{index:04}"


def _throughput(index: int) -> int:
    """The first number's is the beat of every campaign; the others may send a volley at once."""
    return 1_000 if index else 12


def platform(accounts: int) -> SimulatorConfig:
    """The platform's side of the same accounts, which takes whatever comes: what is stopped is stopped by the nodes."""
    templates = (TemplateConfig("offer", "MARKETING"), TemplateConfig("news", "MARKETING"))
    wabas = tuple(
        WabaConfig(
            waba(i), f"EAAG-simulated-token-{i}", (NumberConfig(number(i), display(i), _throughput(i)),), templates
        )
        for i in range(accounts)
    )
    behaviour = Behaviour(pair_rate=PairRate(burst_window_ms=3_600_000))
    return SimulatorConfig((PortfolioConfig("lucky-shrub", wabas, UNLIMITED),), behaviour)


class Fleet:
    """Three nodes, the platform behind them, and what started there.

    Each of its accounts has one number. The first is never stopped; each of the others, by index in `unused`, once.
    """

    def __init__(self, meta: Simulator, starts: Starts, processes: list[asyncio.subprocess.Process], paths: list[Path],
                 ports: list[int], session: aiohttp.ClientSession, accounts: int) -> None:  # fmt: skip
        self.meta = meta
        self.starts = starts
        self.processes = processes
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.unused = iter(range(1, accounts))
        self._logs = [path.with_suffix(".log") for path in paths]
        self._session = session
        self._frozen = -1
        self._turns = self._awake()

    def _awake(self) -> Iterator[str]:
        """The nodes in turn, but for one that is frozen."""
        for index, url in cycle(enumerate(self.urls)):
            if index != self._frozen:
                yield url

    def freeze(self, index: int) -> None:
        """Stop a node in the middle of whatever it does, as a machine that stalls would."""
        self._frozen = index
        self.processes[index].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, as if nothing had been."""
        if self._frozen >= 0:
            self.processes[self._frozen].send_signal(signal.SIGCONT)
            self._frozen = -1

    async def ready(self) -> bool:
        assert all(process.returncode is None for process in self.processes), "a node ended instead of getting ready"
        try:
            return all([(await self._call("GET", url + "/readyz"))[0] == 200 for url in self.urls])
        except aiohttp.ClientConnectionError:
            return False

    async def send(self, url: str, from_number: str, to: str, template: str | None, **headers: str) -> str:
        """Send a template, or (None) a reply, through one node; its verdict.

        A busy machine makes a store late now and then: that sends nothing, and is no finding here.
        """
        body: dict[str, Any] = {"messaging_product": "whatsapp", "to": to}
        if template is None:
            body |= {"type": "text", "text": {"body": "Here is what you asked for."}}
        else:
            body |= {"type": "template", "template": {"name": template, "language": {"code": "en_US"}}}
        status, told, _ = await self._call("POST", f"{url}/v25.0/{from_number}/messages", body, **headers)
        assert status < 500 or told.get("Tidegate-Reason") == "store_unavailable", f"{status}: {dict(told)}"
        return str(told["Tidegate-Verdict"])

    async def acknowledged(self, method: str, path: str, body: Any) -> tuple[float, float]:
        """Call the control plane of the next node; when it was asked, and when it had answered (s, monotonic)."""
        asked_s = answered_s = time.monotonic()
        for url in self._turns:
            status, _, answered_s = await self._call(method, f"{url}/gateway/v1{path}", body)
            if status != 503:
                assert status in (200, 201), status
                break
        return asked_s, answered_s

    async def told(self, webhook: Webhook) -> tuple[float, float]:
        """Have Meta tell the next node, and the one after it where a node could not keep it; when it did, and when it
        was acknowledged (s, monotonic).
        """
        raw = notices.envelope([webhook])
        signed = {"X-Hub-Signature-256": notices.signature(raw, SECRET)}
        asked_s = answered_s = time.monotonic()
        for url in self._turns:
            async with self._session.post(f"{url}/webhooks/whatsapp", data=raw, headers=signed) as answer:
                answered_s = time.monotonic()
            if answer.status != 503:
                assert answer.status == 200
                break
        return asked_s, answered_s

    async def breakers(self) -> list[dict[str, Any]]:
        """What `GET /standing` tells of breakers."""
        async with self._session.get(f"{next(self._turns)}/gateway/v1/standing") as answer:
            return list((await answer.json()).get("breakers", ()))

    def readings(self, account: str) -> int:
        """How often one of the nodes has read this account from Graph, and acted on it."""
        whole = (log.read_bytes().rpartition(b"\n")[0] for log in self._logs)
        lines = (line for log in whole for line in log.splitlines() if b'"standing_read"' in line)
        return sum(orjson.loads(line)["waba_id"] == account for line in lines)

    async def _call(self, method: str, url: str, body: Any = None, **headers: str) -> tuple[int, Any, float]:
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            answered_s = time.monotonic()
            await answer.read()
            return answer.status, answer.headers, answered_s


@asynccontextmanager
async def fleet(store_url: str, directory: Path, poll_interval: str, accounts: int) -> AsyncIterator[Fleet]:
    """A fleet that is ready; ended with all that belongs to it."""
    meta = await run_simulator(config=platform(accounts))
    starts = Starts(meta.url)
    upstream = await starts.open()
    processes, paths, ports = [], [], [free_port() for _ in range(3)]
    for index, port in enumerate(ports):
        path = directory / f"node-{index}.toml"
        node = _NODE.format(
            port=port, store=store_url, upstream=upstream, interval=poll_interval, key_sha256=hash_key(KEY)
        )
        listed = "".join(
            _ACCOUNT.format(index=i, waba=waba(i), number=number(i), display=display(i), throughput=_throughput(i))
            for i in range(accounts)
        )
        path.write_text(node + listed)
        command = (sys.executable, "-m", "tidegate", "serve", "--config", str(path))
        with path.with_suffix(".log").open("wb") as log:
            processes.append(await asyncio.create_subprocess_exec(*command, stderr=log))
        paths.append(path)
    key = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=key, connector=aiohttp.TCPConnector(limit=0)) as session:
        made = Fleet(meta, starts, processes, paths, ports, session, accounts)
        try:
            await until(made.ready, within_s=40)
            yield made
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await starts.close()
            await meta.stop()


class Campaign:
    """Sends from one number through all nodes, to Ann and to others.

    Some go at once, and more than it may send a second, so that some are queued; then on and on, round by round. Beside
    it go replies of that number, and another number's campaign.
    """

    def __init__(self, fleet: Fleet, index: int) -> None:
        self._fleet = fleet
        self.number, self.waba = number(index), waba(index)
        self.ann = f"1650{index:03}0000"
        self.verdicts: Counter[str] = Counter()
        #: Rounds that each node's loop has gone through.
        self.rounds: Counter[str] = Counter()
        self._users = (f"1650{index:03}{n:04}" for n in range(1, 10_000))
        self._writers = [f"1651{index:03}{n:04}" for n in range(12)]
        self._going: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for phone in self._writers:
            await self.writes(phone, "Hello")
        self._going = [asyncio.create_task(self._go(url)) for url in self._fleet.urls]

    async def stop(self) -> None:
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    async def is_under_way(self) -> bool:
        """Whether sends go out, to everybody and to Ann, while others of them are queued."""
        self.check()
        to_ann = sum(self.is_to_ann(start) for start in self._fleet.starts.sends)
        mine = sum(start.number == self.number for start in self._fleet.starts.sends)
        return to_ann >= 5 and mine >= 20 and self.verdicts["queue"] > 0

    async def writes(self, phone: str, text: str) -> tuple[float, float]:
        """A user writes to the number."""
        return await self._fleet.told(inbound_webhook(self._fleet, self.number, phone, text))

    def is_to_ann(self, start: Start) -> bool:
        return start.number == self.number and start.body["to"] == f"+{self.ann}" and start.body["type"] == "template"

    async def _go(self, url: str) -> None:
        sends = [self._send(url, self.ann, "offer") for _ in range(4)]
        sends += [self._send(url, next(self._users), "offer") for _ in range(12)]
        sends += [self._send(url, next(self._users), "news") for _ in range(6)]
        await asyncio.gather(*sends)
        writers = cycle(self._writers)
        while True:
            await asyncio.gather(
                self._send(url, next(self._users), "offer"),
                self._send(url, next(self._users), "news"),
                self._send(url, next(self._users), "offer", **{"Tidegate-Not-Before": _soon()}),
                self._send(url, next(writers), None),
                self._fleet.send(url, number(0), next(self._users), "offer"),
                *([self._send(url, self.ann, "offer")] if self.rounds[url] < _ROUNDS_WITH_ANN else []),
            )
            self.rounds[url] += 1

    async def stall(self, index: int) -> None:
        """Freeze a node, and ask it for more: it reads that when it goes on, and knows nothing of what was said."""
        self._fleet.freeze(index)
        url = self._fleet.urls[index]
        self._going += [asyncio.create_task(self._send(url, self.ann, "offer")) for _ in range(_VOLLEY)]

    async def _send(self, url: str, to: str, template: str | None, **headers: str) -> None:
        self.verdicts[await self._fleet.send(url, self.number, to, template, **headers)] += 1

    def check(self) -> None:
        """Raise what has ended a loop."""
        for task in self._going:
            if task.done():
                task.result()

    async def has_gone_on(self, rounds: int) -> bool:
        """Whether every node's loop has gone through so many rounds."""
        self.check()
        return all(self.rounds[url] >= rounds for url in self._fleet.urls)


def _soon() -> str:
    """The next whole second but one: what is not to be sent before is queued."""
    return (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def inbound_webhook(fleet: Fleet, number_id: str, phone: str, text: str) -> Webhook:
    """A user's text message, at this moment."""
    user = user_by_phone(phone)
    assert user is not None
    own = fleet.meta.world.estate.numbers[number_id]
    message = {"type": "text", "text": {"body": text}}
    return notices.inbound(own, user, message, fleet.meta.clock(), f"wamid.{time.monotonic_ns()}")
