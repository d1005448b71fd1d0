"""Ports for processes that are told theirs, where nobody else comes by one by chance."""

from __future__ import annotations

import os
import random
import socket

#: Below those that systems give out by themselves (Linux: from 32768 on), to clients and to servers that ask for any.
_FIRST, _LAST = 15_000, 30_000
#: Workers of a run of tests; each has ports of its own.
_WORKERS = 8

_given: set[int] = set()


def free_port() -> int:
    """A port of loopback on which nobody listens, and that was not given before. Raises OSError where there is none."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    for port in random.SystemRandom().sample(range(_FIRST + worker, _LAST, _WORKERS), 200):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise OSError("every port that was tried is in use")
