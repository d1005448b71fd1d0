"""A campaign past the gateway: an app that keeps to the messaging limit and goes on whatever happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from loadtest.deployment import MARKETING, WABA
from loadtest.guarded.trial import DAY_MS, NUMBER, Result, Trial, result_of
from loadtest.leaping.tempo import EPOCH_MS
from tidegate.simulator.world import World

_PACE_MS: Final = 1_000 / NUMBER.throughput
#: After a refusal: a second where the pace was too fast, else a quarter of an hour; the recipient comes again later.
_THROTTLED_MS: Final = 1_000
_REFUSED_MS: Final = 15 * 60_000
#: Delivered a little after it was accepted, a user counts a little longer than a day.
_SETTLES_MS: Final = 60_000


def send_past(trial: Trial, show: Callable[[World], None] = lambda world: None) -> Result:
    """Send the campaign straight to the platform, which is shown to `show` first."""
    began_s, world = monotonic(), World(trial.platform, EPOCH_MS)
    show(world)
    waiting, recent = deque(trial.people), deque[float]()
    now_ms, end_ms = float(EPOCH_MS), EPOCH_MS + trial.days * DAY_MS
    while waiting and now_ms < end_ms:
        while recent and recent[0] <= now_ms - DAY_MS - _SETTLES_MS:
            recent.popleft()
        if len(recent) >= trial.limit:
            now_ms = recent[0] + DAY_MS + _SETTLES_MS
            continue
        user = waiting.popleft()
        code = world.post_message(NUMBER.id, WABA.access_token, _body(user), int(now_ms)).code
        if code is None:
            recent.append(now_ms)
            now_ms += _PACE_MS
        else:
            waiting.append(user)
            now_ms += _THROTTLED_MS if code == 130429 else _REFUSED_MS
        if len(world.book.accepted) % 100 == 0:
            world.due(int(now_ms))
    world.due(end_ms)
    return result_of(trial, world.book, EPOCH_MS, monotonic() - began_s, not waiting, None)


def _body(user: str) -> dict[str, Any]:
    template = {"name": MARKETING, "language": {"code": "en_US"}}
    return {"messaging_product": "whatsapp", "to": user, "type": "template", "template": template}
