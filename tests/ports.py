"""Ports for processes that are told theirs, where nobody else comes by one by chance."""

from __future__ import annotations

import random
import socket

#: Below those that systems give out by themselves (Linux: from 32768 on), to clients and to servers that ask for any.
_FIRST, _LAST = 15_000, 30_000


def free_port() -> int:
    """A port of loopback on which nobody listens. Raises OSError where there is none to be had."""
    for port in random.SystemRandom().sample(range(_FIRST, _LAST), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("every port that was tried is in use")
