"""A message knows which row it is for, and only a campaign's own messages do."""

from __future__ import annotations

from tidegate.policy.campaign.part import Part

PART = Part("cmp-1", 7, 2, "five percent", "b")


def test_what_is_noted_with_a_message_is_read_again() -> None:
    assert Part.of({"app": "shop", "campaign": "cmp-1"} | PART.noted()) == PART


def test_a_message_that_only_names_a_campaign_is_none_of_its_rows() -> None:
    assert Part.of({"app": "shop", "campaign": "cmp-1"}) is None
