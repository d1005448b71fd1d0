"""The overview's words."""

import pytest

from tidegate.edge.dashboard.overview import coming_free
from tidegate.policy.instant import read_time
from tidegate.store.releases_ahead import Ahead

AT_MS = read_time("2026-11-22T11:01:20Z")


@pytest.mark.parametrize(
    ("places", "first_at_ms", "words"),
    [
        pytest.param(0, None, "No place comes free within the hour.", id="none"),
        pytest.param(1, AT_MS, "1 place comes free within the hour, the first by 11:02 UTC.", id="one"),
        pytest.param(1_240, AT_MS, "1,240 places come free within the hour, the first by 11:02 UTC.", id="many"),
    ],
)
def test_what_comes_free(places: int, first_at_ms: int | None, words: str) -> None:
    assert coming_free(Ahead(0, places, first_at_ms)) == words
