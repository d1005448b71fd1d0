"""Templates on their page that Meta has not told of yet."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.dashboard.message_templates import stopped_unread

WABA = "102290129340398"


def told(*, templates: tuple[str, ...] = (), breakers: tuple[str, ...] = (), pauses: tuple[str, ...] = ()) -> Any:
    known = [dict(zip(("waba", "language", "name"), key.split(":", 2), strict=True)) for key in templates]
    other = {"scope": {"number": "106540352242922"}}
    return {
        "templates": known,
        "breakers": [other, *({"scope": {"template": key}} for key in breakers)],
        "pauses": [other, *({"scope": {"template": name}} for name in pauses)],
    }


@pytest.mark.parametrize(
    ("standing", "shown"),
    [
        pytest.param(told(), [], id="where nothing of a template is stopped"),
        pytest.param(
            told(breakers=(f"{WABA}:en_US:offer",)), [(WABA, "en_US", "offer")], id="one that a breaker stops"
        ),
        pytest.param(
            told(templates=(f"{WABA}:en_US:offer",), breakers=(f"{WABA}:de:offer",)),
            [(WABA, "de", "offer")],
            id="one that is known in another language",
        ),
        pytest.param(
            told(breakers=(f"{WABA}:en_US:offer", f"{WABA}:en_US:offer")),
            [(WABA, "en_US", "offer")],
            id="once, however many breakers are open",
        ),
        pytest.param(
            told(templates=(f"{WABA}:en_US:offer",), breakers=(f"{WABA}:en_US:offer",), pauses=("offer",)),
            [],
            id="not one that is known",
        ),
        pytest.param(told(pauses=("offer", "offer")), [("", "", "offer")], id="one that is paused by its name"),
        pytest.param(
            told(breakers=(f"{WABA}:de:offer",), pauses=("offer",)),
            [(WABA, "de", "offer")],
            id="not again by its name where a breaker says more",
        ),
    ],
)
def test_beside_what_meta_has_told_of_is_shown(standing: Any, shown: list[tuple[str, str, str]]) -> None:
    found = stopped_unread(standing)

    assert [(template["waba"], template["language"], template["name"]) for template in found] == shown
    assert all((template["status"], template["quality"]) == (None, "UNKNOWN") for template in found)
