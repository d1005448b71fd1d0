"""`python -m tests.badinput.key_timing [COUNT]`: does a refusal's time tell how near a wrong key came to a good one?

Asks one node COUNT times (2,000) with each of two wrong keys, in an order by chance: one that differs from a good key
in its last character only, and one that has nothing in common with it. Prints the medians, and by a permutation test
how often chance alone makes them differ by so much. Exits 1 when that is less than one time in a hundred.
"""

from __future__ import annotations

import random
import socket
import statistics
import sys
import time
from typing import Final

from tests.badinput.stage import a_stage
from tests.integration.edge.callers import CHECKOUT, NUMBER

_SHUFFLES: Final = 1_000
_LEAST: Final = 0.01


def _asked_us(connection: socket.socket, key: str) -> float:
    head = f"GET /v25.0/{NUMBER} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    began_ns = time.perf_counter_ns()
    connection.sendall(head)
    answer = connection.recv(65_536)
    took_ns = time.perf_counter_ns() - began_ns
    if not answer.startswith(b"HTTP/1.1 401 "):
        raise AssertionError(answer[:100])
    return took_ns / 1_000


def chance_of(near: list[float], far: list[float], shuffles: int = _SHUFFLES) -> float:
    """How often two halves of these times, made by chance, have medians as far apart as these two."""
    found, times = abs(statistics.median(near) - statistics.median(far)), near + far
    as_far = 0
    for _ in range(shuffles):
        random.shuffle(times)
        half = abs(statistics.median(times[: len(near)]) - statistics.median(times[len(near) :]))
        as_far += half >= found
    return as_far / shuffles


def main(count: int) -> int:
    """Ask, tell, and judge."""
    keys = {"near": CHECKOUT[:-1] + "x", "far": "z" * len(CHECKOUT)}
    took_us: dict[str, list[float]] = {name: [] for name in keys}
    order = [name for name in keys for _ in range(count)]
    random.shuffle(order)
    with a_stage() as stage, socket.create_connection(("127.0.0.1", stage.port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name in [*order[:200], *order]:
            took_us[name].append(_asked_us(connection, keys[name]))
    near, far = took_us["near"][-count:], took_us["far"][-count:]
    chance = chance_of(near, far)
    print(f"near {statistics.median(near):.1f} us, far {statistics.median(far):.1f} us, n = {count}, p = {chance:.3f}")
    return 0 if chance >= _LEAST else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000))
