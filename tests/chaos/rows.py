"""The table of faults: each with what is deployed, whether the promises hold there, and how long it takes."""

from __future__ import annotations

import glob
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import gettempdir
from typing import Final

from tests.chaos import faults
from tests.chaos.load import Kind
from tests.chaos.stage import Deployment, Stage
from tidegate.simulator.behaviour import Behaviour, evenly

_SPAN_S: Final = 10


class Promise(Enum):
    """What a deployment promises under a fault."""

    #: Over-limit, duplicates and lost are 0.
    ALL = "yes"
    #: Over-limit and duplicates are 0; what waited in the store's queue is gone with it.
    LIMIT = "but for the queue"
    #: Something breaks, and is seen to.
    NONE = "not promised"
    #: The limit breaks, and is seen to: that the queue is gone would be no news.
    NO_LIMIT = "nor the limit"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what is promised under it.

    `deploy` gives what is deployed, by how many login codes will need a place; `lasts_s` is about how long callers
    send, `after_s` how long after the fault. `is_held`: promises may wait in the end, for the gateway holds back what
    is not proven to be safe. `strikes_early`: while the limit has room. `is_short`: one that every test run does.
    `is_timed`: how soon it is refused, and all is as before, is promised as well.
    """

    fault: Callable[[Stage], Awaitable[None]]
    promise: Promise = Promise.ALL
    deploy: Callable[[int], Deployment] = Deployment
    lasts_s: int = _SPAN_S
    is_held: bool = False
    is_short: bool = False
    after_s: int = 6
    strikes_early: bool = False
    is_timed: bool = False

    @property
    def codes(self) -> int:
        """Places that are kept for login codes: as many as callers want to send."""
        return self.lasts_s * Kind.CODE.rate


UNDURABLE: Final = 'undurable = "allow"'


def _everysec(codes: int) -> Deployment:
    return Deployment(codes, appendfsync="everysec", store=UNDURABLE)


def _pair(codes: int) -> Deployment:
    return Deployment(codes, replica=True, replicas_ack=1)


def _pair_unasked(codes: int) -> Deployment:
    return Deployment(codes, replica=True)


def _three(codes: int) -> Deployment:
    return Deployment(codes, nodes=3)


def _behaving(behaviour: Behaviour) -> Callable[[int], Deployment]:
    return lambda codes: Deployment(codes, behaviour=behaviour)


def _stepping(codes: int) -> Deployment:
    """The last node's clock is told by a file. Raises AssertionError where libfaketime is missing."""
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert found, "libfaketime is missing: apt-get install faketime"
    told = Path(gettempdir(), f"tidegate-chaos-clock-{os.getpid()}")
    told.write_text("+0")
    environment = {
        "LD_PRELOAD": found[0],
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return Deployment(codes, environment=environment)


def _weakened(weakness: str, behaviour: Behaviour | None = None) -> Callable[[int], Deployment]:
    return lambda codes: Deployment(codes, weakness=weakness, behaviour=behaviour or Behaviour())


ROWS: Final[dict[str, Row]] = {
    "none": Row(faults.nothing),
    "node: kill -9": Row(faults.node_killed, is_short=True),
    "node: kill -9, one after the other": Row(faults.node_killed_often, deploy=_three, lasts_s=30),
    "node: all killed -9": Row(faults.all_nodes_killed),
    "node: frozen 3 s": Row(faults.node_frozen),
    "node: frozen past its lease": Row(faults.node_frozen_past_its_lease, is_short=True),
    "node: clock steps of 2 h": Row(faults.clock_steps, deploy=_stepping, lasts_s=15),
    "store: kill -9, appendfsync always": Row(faults.store_killed, is_short=True),
    "store: kill -9, appendfsync everysec": Row(faults.store_killed, deploy=_everysec),
    "store: hung 5 s": Row(faults.store_hung),
    "store: gone 8 s": Row(faults.store_gone, lasts_s=15, is_short=True),
    "store: gone 60 s": Row(faults.store_gone_for_a_minute, lasts_s=75, after_s=14, is_timed=True),
    "store: power loss, appendfsync always": Row(faults.store_without_power),
    "store: power loss, appendfsync everysec": Row(faults.store_without_power, promise=Promise.NONE, deploy=_everysec),
    "store: FLUSHALL": Row(faults.store_flushed, Promise.LIMIT, is_held=True),
    "store: restarted empty": Row(faults.store_without_its_data, Promise.LIMIT, is_held=True),
    "store: failover in step, replicas_ack 1": Row(faults.failover_in_step, deploy=_pair, is_held=True),
    "store: failover, replicas_ack 1": Row(faults.failover, deploy=_pair, is_held=True),
    "store: failover, replicas_ack 0": Row(faults.failover, promise=Promise.NONE, deploy=_pair_unasked, is_held=True),
    "store: failover, one-way link, replicas_ack 1": Row(faults.failover_of_a_one_way_link, deploy=_pair, is_held=True),
    "store: replies lost": Row(faults.replies_of_the_store_lost, is_short=True),
    "store: resets": Row(faults.resets_by_the_store),
    "store: slow": Row(faults.store_slow),
    "store: in slices": Row(faults.store_in_slices),
    "store: black hole 4 s": Row(faults.store_cut_off),
    "upstream: refuses": Row(faults.upstream_refuses),
    "upstream: resets": Row(faults.upstream_resets),
    "upstream: answers lost": Row(faults.upstream_answers_are_lost, is_short=True),
    "upstream: takes it later": Row(faults.upstream_takes_it_later),
    "upstream: answers that prove nothing": Row(faults.upstream_errs, lasts_s=15),
    "webhooks: twice, reordered, late": Row(
        faults.node_killed,
        deploy=_behaving(Behaviour(duplicated_share=0.5, reordered_share=0.5, webhook_delay=evenly(3_000))),
    ),
    "webhooks: a fifth lost": Row(faults.upstream_answers_are_lost, deploy=_behaving(Behaviour(lost_share=0.2))),
    "weakened: what is unknown is sent again": Row(
        faults.upstream_answers_are_lost, Promise.NONE, _weakened("sends again"), is_held=True
    ),
    "weakened: what is unknown gives its place back": Row(
        faults.upstream_answers_are_lost,
        Promise.NONE,
        # A status would count the place again.
        _weakened("gives back", Behaviour(lost_share=0.9)),
        is_held=True,
        strikes_early=True,
    ),
    "weakened: promised before it is written": Row(
        faults.all_nodes_killed, Promise.NONE, _weakened("promises early"), is_held=True
    ),
    "weakened: what a store lost is not told again": Row(
        faults.store_flushed,
        Promise.NO_LIMIT,
        # A delivery that a store forgot counts as soon as it is told.
        _weakened("forgets", Behaviour(lost_share=0.9)),
        is_held=True,
    ),
}
