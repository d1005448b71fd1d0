"""What a run found, axis by axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from loadtest.bench.speed.intake import Intake, Storm
from loadtest.bench.speed.judged import Judged
from loadtest.bench.speed.queueing import Queued
from loadtest.bench.speed.rounds import Rounds
from loadtest.bench.speed.window import Window

AXES: Final = ("send", "latency", "portfolios", "recipients", "durable", "queue", "webhooks", "memory", "judged")


@dataclass(frozen=True, slots=True)
class Setting:
    """Connections, and how long the upstream takes for an answer (ms); `rate` a second where callers keep to one."""

    connections: int = 64
    upstream_ms: int = 0
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """Statuses in each delivery, and the connections that deliver."""

    at_once: int
    connections: int


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of a node before its first send and after `sends`, bytes that a send leaves in node and store."""

    name: str
    idle_mib: float
    after_mib: float
    sends: int
    node_bytes: float
    store_bytes: float


@dataclass
class Found:
    """Everything; an axis that was not measured is empty."""

    rounds: int = 0
    seconds: float = 0.0
    sends: dict[Setting, Rounds[Window]] = field(default_factory=dict)
    latency: dict[Setting, Rounds[Window]] = field(default_factory=dict)
    portfolios: Rounds[Window] = field(default_factory=Rounds)
    recipients: Rounds[Window] = field(default_factory=Rounds)
    durable: Rounds[Window] = field(default_factory=Rounds)
    queue: Rounds[Queued] = field(default_factory=Rounds)
    webhooks: dict[Delivered, Rounds[Intake]] = field(default_factory=dict)
    #: Webhooks by many new connections at once, while sends go on.
    storm: Rounds[Storm] = field(default_factory=Rounds)
    memory: list[Memory] = field(default_factory=list)
    #: Bytes that the store takes for each counted recipient, by how many there are.
    recipient_bytes: dict[int, float] = field(default_factory=dict)
    judged: Judged | None = None
    #: What else went wrong, but in rounds.
    amiss: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def voids(self) -> list[str]:
        """Why windows were void, of all axes."""
        of = [*self.sends.values(), *self.latency.values(), self.portfolios, self.recipients, self.durable]
        told = [void for rounds in of for void in rounds.voids] + self.queue.voids + self.storm.voids + self.amiss
        return told + [void for rounds in self.webhooks.values() for void in rounds.voids]
