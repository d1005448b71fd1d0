"""Which row of which campaign a message is for: noted with it, so that whatever happens to it tells the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Part(NamedTuple):
    """A row (1 and up) of a campaign, its group, and the names of its step and its variant."""

    campaign_id: str
    row: int
    group: int
    step: str
    variant: str

    @classmethod
    def of(cls, about: Mapping[str, str]) -> Part | None:
        """What `noted` is in, read; None of a message that no campaign of ours has sent.

        That a message names a campaign (the header `Tidegate-Campaign`) makes it no part of one.
        """
        row = about.get("row")
        if row is None:
            return None
        return cls(about["campaign"], int(row), int(about["group"]), about["step"], about["variant"])

    def noted(self) -> dict[str, str]:
        """It as it is noted with a message, the campaign's id apart."""
        return {"row": str(self.row), "group": str(self.group), "step": self.step, "variant": self.variant}
