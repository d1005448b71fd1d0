"""A real node in a process of its own, on a store of its own, before a stand-in for Graph that keeps what it gets."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from tests.badinput.loop_watch import LoopWatch
from tests.badinput.upstream import Left, Upstream
from tests.badinput.wire import Answer, check_shape, exchange, read_answers
from tests.integration.edge.callers import CHECKOUT, NUMBER, config_text, template
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

#: A send's body has this long to arrive at this node.
DEADLINE_S: Final = 1.0
SEND: Final = f"/v25.0/{NUMBER}/messages"
#: Stands for what must be repeated nowhere: in no answer, in no line of the log.
CANARY: Final = "CANARYbd0f"

_ROOT: Final = Path(__file__).parents[2]
_KEEPING: Final = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
_LINE: Final = re.compile(rb"[A-Za-z]+ ([!-~]+) HTTP/")
_OBJECTS: Final = "106540352242922|102290129340398|200000000000002|300000000000003"
_MAY_LEAVE: Final = re.compile(rf"(/v[0-9]+(\.[0-9]+)?)?/({_OBJECTS})([/?].*)?")
_TOKENS: Final = ("Bearer EAAG-simulated-token", "Bearer EAAG-another-token")


@dataclass
class Stage:
    """What tests speak to. `port`: the node's."""

    port: int
    upstream: Upstream
    watch: LoopWatch
    log: Path
    process: subprocess.Popen[bytes]
    _seen: int = field(default=0)

    def send(self, raw: bytes, **how: object) -> bytes:
        """The bytes that come back for these bytes."""
        return exchange(self.port, raw, **how)  # type: ignore[arg-type]  # the keywords of `exchange`

    def ask(self, raw: bytes, **how: object) -> Answer:
        """The one answer to these bytes, in the shape of its face."""
        answers = self.answers(raw, **how)
        assert len(answers) == 1, f"{len(answers)} answers"
        return answers[0]

    def answers(self, raw: bytes, **how: object) -> list[Answer]:
        """The answers to these bytes, each in the shape of its face and none of them a repetition of the canary."""
        received = self.send(raw, **how)
        assert CANARY.encode() not in received, "an answer that repeats what was sent"
        answers = read_answers(received, raw.partition(b" ")[0].decode("latin-1"))
        line = _LINE.match(raw)
        for answer in answers:
            check_shape(answer, line[1].decode() if line else None)
        return answers

    def left(self) -> list[Left]:
        """What left the house since this was asked for the last time, each as it may leave."""
        new = self.upstream.left[self._seen :]
        self._seen += len(new)
        for request in new:
            assert _MAY_LEAVE.fullmatch(request.raw_path), f"left the house: {request.raw_path[:200]!r}"
            assert request.header("Authorization") in _TOKENS
            assert CHECKOUT not in f"{request.raw_path}{request.headers}"
        return new

    def is_ready(self) -> bool:
        """Whether the node takes new work."""
        return self.process.poll() is None and self.ask(request("GET", "/readyz")).status == 200

    def check_health(self, *, logs: bool = True) -> None:
        """Raises AssertionError unless the node still carries out what is right, and its log is clean (`logs`)."""
        assert self.is_ready()
        sent = self.ask(request("POST", SEND, orjson.dumps(template()), "Tidegate-Dry-Run: true"))
        assert sent.status == 200
        if logs:
            self.check_log()

    def check_log(self) -> None:
        """Raises AssertionError where the log tells of a fault, or repeats the canary."""
        told = self.log.read_text()
        assert CANARY not in told
        faults = [line for line in told.splitlines() if "Traceback" in line or '"level":"error"' in line]
        assert not faults, faults[-1][-3_000:]


def request(method: str, path: str, body: bytes = b"", *headers: str, key: str | None = CHECKOUT) -> bytes:
    """One request, after whose answer the connection ends."""
    lines = [f"{method} {path} HTTP/1.1", "Host: gate", "Connection: close", *headers]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"Content-Length: {len(body)}"] if body or method in ("POST", "PUT") else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextmanager
def a_stage(*, clock: bool = True, environment: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start all of it, and end it. `environment`: what the node's process is told beside."""
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        here = Path(directory)
        loop = asyncio.new_event_loop()
        store = ValkeyProcess.spawn(here, _KEEPING)
        upstream = Upstream()
        try:
            loop.run_until_complete(store.ready(str(here / SOCKET_NAME), timeout_s=10))
            config = here / "tidegate.toml"
            url = socket_url(str(here / SOCKET_NAME))
            config.write_text(config_text(url, upstream.url, limit="TIER_100K", clock=clock))
            yield from _nodes(config, upstream, environment or {})
        finally:
            upstream.close()
            loop.run_until_complete(store.stop(timeout_s=5))
            loop.close()


def _nodes(config: Path, upstream: Upstream, more: Mapping[str, str]) -> Iterator[Stage]:
    seen = config.with_suffix(".watch")
    watch = LoopWatch(seen)
    log = config.with_suffix(".log")
    paths = os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "TIDEGATE_SERVER__LISTEN": "127.0.0.1:0", **more}
    command = [sys.executable, "-m", "tests.badinput.node_process", str(config), str(seen), str(DEADLINE_S)]
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, env=environment)
    try:
        assert process.stdout is not None
        port = process.stdout.readline()
        assert port, f"the node did not start: {log.read_text()[-2_000:]}"
        yield Stage(int(port), upstream, watch, log, process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
