"""What of a limit was used while there was anybody to send to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loadtest.demand import limit_used
from loadtest.deployment import NUMBER, WABA, Deployment
from loadtest.recipients import HERE, Night
from tidegate.simulator.behaviour import HOUR_MS
from tidegate.simulator.book import Accepted
from tidegate.simulator.world import World

START_MS = int(datetime(2026, 11, 2, 13, tzinfo=UTC).timestamp() * 1000)  # eight in the morning in New York
NIGHT = Night(21 * 60, 8 * 60)
HERE_USER, TOKYO_USER = f"{HERE.prefix}0000001", "819010000001"


def world(at_ms: int) -> World:
    """Half of a limit of 2 used from the beginning on."""
    made = World(Deployment(limit=2).platform, START_MS)
    template = {"name": "black_friday_offer", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": HERE_USER, "type": "template", "template": template}
    assert made.post_message(NUMBER.id, WABA.access_token, body, START_MS).http_status == 200
    made.catch_up(at_ms)
    return made


def send(user: str, at_ms: int) -> Accepted:
    return Accepted(at_ms, user, "1", "marketing", False, True, None, "wamid", "black_friday_offer")


@pytest.mark.parametrize(
    ("sends", "night", "used"),
    [
        ([send(HERE_USER, START_MS + HOUR_MS)], NIGHT, 0.5),
        ([send(TOKYO_USER, START_MS + HOUR_MS)], NIGHT, None),
        ([send(TOKYO_USER, START_MS + HOUR_MS)], None, 0.5),
        ([send("15550000001", START_MS + HOUR_MS)], NIGHT, None),
        ([], NIGHT, None),
    ],
    ids=[
        "by day somebody could be sent to",
        "by night nobody could",
        "without quiet hours somebody could",
        "of a stranger nothing is known",
        "nothing was sent",
    ],
)
def test_time_counts_in_which_somebody_is_left_to_whom_it_is_day(
    sends: list[Accepted], night: Night | None, used: float | None
) -> None:
    assert limit_used(world(START_MS + HOUR_MS), sends, night, 1.0, START_MS) == (
        None if used is None else pytest.approx(used)
    )


def test_without_a_time_when_it_was_full_there_is_no_share() -> None:
    assert limit_used(world(START_MS), [send(HERE_USER, START_MS)], NIGHT, 1.0, None) is None
