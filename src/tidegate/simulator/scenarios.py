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
    Ladder,
    OldRegime,
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

#: Reactions come from minutes after a delivery to the next day: when people look at their phones.
_IN_THEIR_TIME: Final = Delay(
    ((0.4, 30 * MINUTE_MS), (0.75, 3 * HOUR_MS), (0.95, 12 * HOUR_MS), (1.0, DAY_MS)), least_ms=MINUTE_MS
)

#: A list of people who never asked for anything: one in eight blocks or reports whoever writes, whatever it says,
#: one in six is not on WhatsApp. Whoever goes on is restricted.
BAD_LIST: Final = replace(
    CALM,
    absent_share=0.15,
    read_share=0.4,
    reactions=Reactions(averse_share=0.12, stop_share=0.04, stop_in_words_share=0.5, delay=_IN_THEIR_TIME),
    ladder=Ladder(),
)

#: A good list, and one template that is disliked.
BAD_TEMPLATE: Final = replace(
    CALM,
    reactions=Reactions(
        block_share=0.003,
        stop_share=0.005,
        stop_in_words_share=0.5,
        by_template=(("black_friday_offer", 0.12),),
        delay=_IN_THEIR_TIME,
    ),
)

#: A template is paused for 3 h, for 6 h, then disabled; its number is left alone.
TEMPLATE_PAUSE: Final = replace(
    CALM,
    reactions=Reactions(block_share=0.1, spam_share=1.1, yellow_share=0.03, red_share=0.06),
)

#: An account climbs all steps: a warning, 1 and 3 days without templates, 5, 7 and 30 days without any message.
RESTRICTION_LADDER: Final = replace(
    CALM,
    reactions=Reactions(averse_share=0.12, spam_share=1.1, red_share=1.1),
    ladder=Ladder(share=0.05, least_sample=50.0),
)

#: The rules of before October 2025, and messages that are not liked: flagged, a tier less, restricted at the limit.
OLD_REGIME: Final = replace(
    CALM,
    reactions=Reactions(averse_share=0.08, stop_share=0.02),
    old_regime=OldRegime(),
)

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
        "bad_list": BAD_LIST,
        "bad_template": BAD_TEMPLATE,
        "template_pause": TEMPLATE_PAUSE,
        "restriction_ladder": RESTRICTION_LADDER,
        "old_regime": OLD_REGIME,
        "storm": STORM,
    }
)
