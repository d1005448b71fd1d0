"""Simulations: whole nodes on a real Valkey against the simulated Cloud API, judged by its book."""

from __future__ import annotations

import logging

import pytest
import structlog
from redis import Redis

from tidegate.store.embedded import socket_url


@pytest.fixture
def store_url(valkey_socket: str) -> str:
    """A real store, empty."""
    url = socket_url(valkey_socket)
    with Redis.from_url(url) as store:
        store.flushall()
    return url


@pytest.fixture(autouse=True)
def few_logs() -> None:
    """Days of logs would bury what a failure prints."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
