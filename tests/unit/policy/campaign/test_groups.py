"""Lots: the same whenever they are drawn, and as many of each as was ordered."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import Any

import pytest

from tests.factories import make_campaign, make_order
from tidegate.policy.campaign.groups import Lots

TEMPLATE = make_order()["template"]
RECIPIENTS = [hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(20_000)]


def variants(*shares: float) -> dict[str, Any]:
    made = [{"name": f"v{number}", "share": share, "template": TEMPLATE} for number, share in enumerate(shares)]
    return {"template": None, "variants": made}


def drawn(campaign_id: str, **order: Any) -> list[tuple[int, int]]:
    """Step and variant of each recipient."""
    campaign = make_campaign(campaign_id, **order)
    lots = Lots(campaign)
    return [campaign.step_and_variant(lots.group(recipient)) for recipient in RECIPIENTS]


STEPS = {"steps": [{"share": 0.01}, {"share": 0.05}, {"share": 0.25}, {"share": 1}]}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param({}, {(0, 0): 1.0}, id="one step, one variant"),
        pytest.param(STEPS, {(0, 0): 0.01, (1, 0): 0.04, (2, 0): 0.2, (3, 0): 0.75}, id="shares grow to all"),
        pytest.param(variants(0.2, 0.8), {(0, 0): 0.2, (0, 1): 0.8}, id="variants by their shares"),
        pytest.param(
            STEPS | variants(0.5, 0.5),
            {(step, variant): share / 2 for step, share in enumerate((0.01, 0.04, 0.2, 0.75)) for variant in (0, 1)},
            id="variants are drawn within each step alike",
        ),
    ],
)
def test_each_group_has_its_share(order: dict[str, Any], expected: dict[tuple[int, int], float]) -> None:
    counts = Counter(drawn("cmp-1", **order))
    assert set(counts) == set(expected)
    for group, share in expected.items():
        # Five standard deviations of a draw.
        spread = 5 * math.sqrt(len(RECIPIENTS) * share * (1 - share))
        assert abs(counts[group] - len(RECIPIENTS) * share) <= spread, group


def test_a_lot_is_the_same_whenever_it_is_drawn() -> None:
    assert drawn("cmp-1", **STEPS) == drawn("cmp-1", **STEPS)


def test_lots_of_two_campaigns_say_nothing_of_each_other() -> None:
    first, second = drawn("cmp-1", **STEPS), drawn("cmp-2", **STEPS)
    early = [after for before, after in zip(first, second, strict=True) if before[0] < 3]
    late = sum(step == 3 for step, _ in early) / len(early)
    assert abs(late - 0.75) < 5 * math.sqrt(0.75 * 0.25 / len(early))


def test_segments_are_steps_and_only_variants_are_drawn() -> None:
    campaign = make_campaign(steps=[{"segment": "staff"}, {"segment": "loyal"}], **variants(0.5, 0.5))
    lots = Lots(campaign)
    groups = [campaign.step_and_variant(lots.group(recipient, "loyal")) for recipient in RECIPIENTS[:100]]
    assert {step for step, _ in groups} == {1}
    assert {variant for _, variant in groups} == {0, 1}
    with pytest.raises(KeyError):
        lots.group(RECIPIENTS[0], "strangers")
