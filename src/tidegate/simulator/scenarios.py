"""Named ways for the platform to behave."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tidegate.simulator.behaviour import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NO_DELAY,
    SECOND_MS,
    Behaviour,
    Delay,
    Reactions,
    evenly,
)

#: Everything is delivered within seconds, every webhook comes once and in order.
CALM: Final = Behaviour()

#: Nothing takes any time: for tests that look at answers, not at delays.
INSTANT: Final = Behaviour(
    sent_delay=NO_DELAY, delivery_delay=NO_DELAY, read_delay=NO_DELAY, webhook_delay=NO_DELAY, read_share=0.0
)

#: Phones are switched off: a tail of deliveries up to 30 h after acceptance, a few later still or never.
SLOW_DELIVERY: Final = replace(
    CALM,
    delivery_delay=Delay(
        (
            (0.70, 5 * SECOND_MS),
            (0.85, 10 * MINUTE_MS),
            (0.93, 6 * HOUR_MS),
            (0.99, 30 * HOUR_MS),
            (1.0, 3 * DAY_MS),
        )
    ),
    silent_share=0.005,
)

#: One send in fifty fails after it was accepted.
FAILURES: Final = replace(
    CALM,
    failed_share=0.02,
    failure_codes=((131026, 0.7), (131049, 0.2), (131000, 0.1)),
    failed_after_delivered_share=0.002,
)

#: Webhooks come twice, late, in the wrong order, and some never.
MESSY_WEBHOOKS: Final = replace(
    CALM,
    webhook_delay=Delay(((0.9, 500), (1.0, 30 * SECOND_MS))),
    duplicated_share=0.2,
    reordered_share=0.2,
    lost_share=0.01,
    delivered_skipped_share=0.05,
)

#: Ten minutes after the start sends are answered with 503 for five minutes.
OUTAGE: Final = replace(CALM, outages=((10 * MINUTE_MS, 15 * MINUTE_MS),))

#: A number gets a tenth of its throughput.
THROTTLE: Final = replace(CALM, throughput_share=0.1, throughput_tolerance=0.0)

#: Recipients dislike marketing: blocks and opt-outs, hence paused templates and a falling quality.
DISLIKED: Final = replace(CALM, reactions=Reactions(block_share=0.08, stop_share=0.02))

#: All of it together, except the outage.
STORM: Final = replace(
    SLOW_DELIVERY,
    failed_share=FAILURES.failed_share,
    failure_codes=FAILURES.failure_codes,
    failed_after_delivered_share=FAILURES.failed_after_delivered_share,
    webhook_delay=MESSY_WEBHOOKS.webhook_delay,
    late_webhook_delay=evenly(2 * HOUR_MS),
    duplicated_share=MESSY_WEBHOOKS.duplicated_share,
    reordered_share=MESSY_WEBHOOKS.reordered_share,
    delivered_skipped_share=MESSY_WEBHOOKS.delivered_skipped_share,
)

SCENARIOS: Final = MappingProxyType(
    {
        "calm": CALM,
        "instant": INSTANT,
        "slow_delivery": SLOW_DELIVERY,
        "failures": FAILURES,
        "messy_webhooks": MESSY_WEBHOOKS,
        "outage": OUTAGE,
        "throttle": THROTTLE,
        "disliked": DISLIKED,
        "storm": STORM,
    }
)
