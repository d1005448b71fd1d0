"""Whom a rollout is for, where they live, and which messages reach them at night."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loadtest.recipients import ABROAD, HERE, Home, Night, everybody, zone_of
from tidegate.policy.zones import candidate_zones
from tidegate.simulator.book import Accepted

NIGHT = Night(21 * 60, 8 * 60)


def at(hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 11, 2, hour, minute, tzinfo=UTC).timestamp() * 1000)


def send(user: str, at_ms: int, template: str = "offer") -> Accepted:
    return Accepted(at_ms, user, "1", "marketing", False, True, None, "wamid", template)


def test_nobody_is_named_twice_and_those_abroad_are_mixed_in_evenly() -> None:
    users = list(everybody(1_000, 0.08))
    assert len(set(users)) == 1_000
    for hundred in range(0, 1_000, 100):
        assert sum(not user.startswith(HERE.prefix) for user in users[hundred : hundred + 100]) == 8
    assert {zone_of(user) for user in users} == {home.zone for home in (HERE, *ABROAD)}


@pytest.mark.parametrize("home", [HERE, *ABROAD], ids=lambda home: home.zone)
def test_a_prefix_leaves_no_doubt_about_its_zone(home: Home) -> None:
    assert candidate_zones(f"{home.prefix}0000001") == (home.zone,)


@pytest.mark.parametrize(
    ("hour", "minute", "is_night"),
    [(12, 59, True), (13, 0, False), (1, 59, False), (2, 0, True)],
    ids=["a minute before eight", "at eight", "a minute before nine in the evening", "at nine in the evening"],
)
def test_the_night_is_the_recipients(hour: int, minute: int, is_night: bool) -> None:
    assert NIGHT.covers(at(hour, minute), "America/New_York") is is_night


def test_a_night_within_a_day_has_no_midnight_in_it() -> None:
    assert [Night(60, 120).covers(at(hour), "UTC") for hour in (0, 1, 2)] == [False, True, False]


def test_sends_at_night_are_counted_of_the_template_and_of_recipients_whose_zone_is_known() -> None:
    here, tokyo = f"{HERE.prefix}0000001", "819010000001"
    sends = [
        send(here, at(12)),
        send(here, at(14)),
        send(tokyo, at(14)),
        send(here, at(12), "login_code"),
        send("15560000001", at(12)),
    ]
    assert NIGHT.sends(sends, "offer") == 2
    assert NIGHT.to_json() == {"from": "21:00", "to": "08:00"}
