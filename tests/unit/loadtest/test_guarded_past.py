"""A campaign past the gateway: within the limit, and on whatever happens."""

from __future__ import annotations

from loadtest.guarded.lists import Audience
from loadtest.guarded.past import send_past
from loadtest.guarded.trial import DAY_MS, Trial
from tidegate.simulator.world import World


def test_a_careful_sender_keeps_to_the_limit_and_reaches_everybody_on_a_healthy_list() -> None:
    trial = Trial(Audience.HEALTHY, 1, guarded=False, recipients=700, limit=250, days=5)
    sent = send_past(trial)
    assert (sent.accepted, sent.finished, sent.restricted) == (700, True, False)
    assert 2 * DAY_MS < sent.took_ms < 3 * DAY_MS


def test_a_bought_list_gets_the_number_restricted_and_the_sender_goes_on() -> None:
    trial = Trial(Audience.BOUGHT, 1, guarded=False, recipients=2_000, limit=500, days=10)
    sent = send_past(trial)
    assert sent.restricted
    assert sent.harmful > 50
    assert sum(sent.refused.values()) > 10


def test_the_same_seed_gives_the_same_result() -> None:
    trial = Trial(Audience.BOUGHT, 3, guarded=False, recipients=300, limit=250, days=2)
    first, second = (send_past(trial).to_json() | {"real_s": 0} for _ in range(2))
    assert first == second


def test_nobody_is_started_above_the_limit() -> None:
    trial = Trial(Audience.HEALTHY, 1, guarded=False, recipients=600, limit=250, days=3)
    worlds: list[World] = []
    sent = send_past(trial, worlds.append)
    assert sent.accepted == 600
    assert [str(violation.kind) for violation in worlds[0].book.violations] == []
