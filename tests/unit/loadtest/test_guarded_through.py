"""A campaign through a whole node on a real store, in virtual time."""

from __future__ import annotations

import logging

import pytest
import structlog
from redis import Redis

from loadtest.guarded.lists import Audience
from loadtest.guarded.through import send_through
from loadtest.guarded.trial import DAY_MS, Trial
from tidegate.store.embedded import socket_url


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Thousands of readings of Graph need no line each."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@pytest.fixture
def empty_store(valkey_socket: str) -> str:
    url = socket_url(valkey_socket)
    with Redis.from_url(url) as store:
        store.flushall()
    return url


def test_a_healthy_campaign_is_sent_day_by_day_as_the_warm_up_allows(empty_store: str) -> None:
    sent = send_through(Trial(Audience.HEALTHY, 1, guarded=True, recipients=60, days=3), empty_store)
    assert (sent.accepted, sent.finished, sent.restricted) == (60, True, False)
    assert DAY_MS <= sent.took_ms < 3 * DAY_MS
    assert sent.longest_hold_ms == 0
    assert list(sent.held_ms) == ["warm_up"]


def test_a_campaign_to_a_bought_list_is_stopped_for_quality_and_its_number_is_not_restricted(empty_store: str) -> None:
    sent = send_through(Trial(Audience.BOUGHT, 1, guarded=True, recipients=400, days=3), empty_store)
    assert not sent.restricted
    assert sent.accepted < 400
    assert sent.stopped_at_ms is not None
    assert sent.longest_hold_ms > DAY_MS // 4
    assert not sent.falsely_stopped
