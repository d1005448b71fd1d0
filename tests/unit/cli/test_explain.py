"""What became of a message, in words."""

from typing import Any

import pytest

from tidegate.cli.explain import _STORY, story
from tidegate.policy.lifecycle import State

FOUND: dict[str, Any] = {
    "id": "tg1",
    "state": "delivered",
    "wamid": "wamid.X",
    "category": "utility",
    "type": "template",
    "template": "order_confirmation/en_US",
    "campaign": None,
    "app": "checkout",
    "number": "106540352242922",
    "reason": None,
    "until": None,
    "expires_at": None,
    "unresolved": False,
    "unresolved_at": None,
}


def test_every_state_has_its_words() -> None:
    assert set(_STORY) == {state.value for state in State}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param(
            {},
            [
                "utility template order_confirmation/en_US, of app checkout by number 106540352242922",
                "Meta's id: wamid.X",
                _STORY["delivered"],
            ],
            id="one that was delivered",
        ),
        pytest.param(
            {
                "state": "queued",
                "wamid": None,
                "campaign": "spring",
                "reason": "messaging_limit",
                "until": "2026-11-21T09:00:00Z",
                "expires_at": "2026-11-24T09:00:00Z",
            },
            [
                "utility template order_confirmation/en_US, of app checkout by number 106540352242922",
                "part of campaign spring",
                _STORY["queued"],
                "because of messaging_limit, until 2026-11-21 09:00:00 UTC",
                "tried next by 2026-11-21 09:00:00 UTC, and not after 2026-11-24 09:00:00 UTC",
            ],
            id="one that waits for a place",
        ),
        pytest.param(
            {"state": "queued", "wamid": None, "reason": "template_paused", "expires_at": "2026-11-24T09:00:00Z"},
            [
                "utility template order_confirmation/en_US, of app checkout by number 106540352242922",
                _STORY["queued"],
                "because of template_paused",
                "tried as soon as that ends, and not after 2026-11-24 09:00:00 UTC",
            ],
            id="one that waits for nobody knows how long",
        ),
        pytest.param(
            {
                "state": "unknown",
                "wamid": None,
                "category": "service",
                "type": "text",
                "template": None,
                "unresolved": True,
                "unresolved_at": "2026-11-21T09:15:00Z",
            },
            [
                "service message of type text, of app checkout by number 106540352242922",
                _STORY["unknown"],
                "unresolved since 2026-11-21 09:15:00 UTC: no status came within 15 minutes",
            ],
            id="a free-form one of which nothing was heard",
        ),
    ],
)
def test_the_story_of_a_message(changes: dict[str, Any], lines: list[str]) -> None:
    assert story(FOUND | changes) == lines
