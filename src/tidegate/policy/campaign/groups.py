"""In which step a recipient comes, and which variant they get: drawn by lot, the same lot whenever it is asked."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from itertools import accumulate
from typing import Final

from tidegate.policy.campaign.spec import Campaign

_ONE: Final = 2**64


class Lots:
    """The lots of one campaign. Who was early in another one is neither early nor late in this.

    A step's share is drawn, not dealt: of 80,000 recipients 1 % are 800, give or take 28. So nobody has to know all
    recipients before the first is placed, and an audience that is uploaded again falls into the same groups.
    """

    __slots__ = ("_campaign", "_key", "_segments", "_steps", "_variants")

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._key = hashlib.blake2b(campaign.campaign_id.encode(), digest_size=32, person=b"tidegate-lots").digest()
        self._segments = {step.segment: index for index, step in enumerate(campaign.steps) if step.segment is not None}
        # The last of each is all that is left, whatever the sum of shares was rounded to.
        self._steps = [step.share for step in campaign.steps if step.share is not None][:-1]
        self._variants = list(accumulate(variant.share for variant in campaign.variants))[:-1]

    def group(self, recipient: bytes, segment: str = "") -> int:
        """The group (`Campaign.group`) of a recipient, by the 16 bytes that stand for them.

        Raises KeyError for a segment that no step is for, where steps go by segment.
        """
        lots = hashlib.blake2b(recipient, digest_size=16, key=self._key).digest()
        if self._segments:
            step = self._segments[segment]
        else:
            step = bisect_right(self._steps, int.from_bytes(lots[:8], "big") / _ONE)
        variant = bisect_right(self._variants, int.from_bytes(lots[8:], "big") / _ONE)
        return self._campaign.group(step, variant)
