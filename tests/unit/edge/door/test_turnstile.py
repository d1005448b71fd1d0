"""As many at once as there may be, and none more; whoever leaves makes room."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.turnstile import Turnstiles
from tidegate.metrics import Metrics
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App

ONE, OTHER = (App(name=name, key_sha256=(hash_key(name),), max_in_flight=2) for name in ("one", "other"))


def test_one_app_fills_its_own_places_only() -> None:
    turnstiles = Turnstiles(10, Metrics())
    with ExitStack() as inside:
        for app in (ONE, ONE, OTHER, OTHER):
            inside.enter_context(turnstiles.of(app))
        with pytest.raises(Denial) as refused, turnstiles.of(ONE):
            pass
        assert (refused.value.kind, refused.value.headers) == (Kind.TOO_MANY_REQUESTS, {"Retry-After": "1"})
    with turnstiles.of(ONE):
        pass


def test_a_full_node_takes_nobody_until_somebody_leaves_however_that_ends() -> None:
    metrics = Metrics()
    turnstiles = Turnstiles(1, metrics)
    with turnstiles.node, pytest.raises(Denial) as refused, turnstiles.node:
        pass
    assert refused.value.kind is Kind.OVERLOADED
    with pytest.raises(KeyError), turnstiles.node:
        raise KeyError
    with turnstiles.node:
        pass
    assert b'tidegate_turned_away_total{limit="node"} 1.0' in metrics.exposition()


@pytest.mark.parametrize(
    ("most", "kind"),
    [
        pytest.param(10, Kind.TOO_MANY_REQUESTS, id="the app's places are taken"),
        pytest.param(2, Kind.OVERLOADED, id="the node's are"),
    ],
)
def test_who_enters_both_and_finds_one_full_has_entered_neither(most: int, kind: Kind) -> None:
    turnstiles = Turnstiles(most, Metrics())
    own = turnstiles.of(ONE)
    for _ in range(2):
        own.enter()
    for _ in range(3):
        with pytest.raises(Denial) as refused:
            own.enter()
        assert refused.value.kind is kind
    assert (turnstiles.node.inside, own.inside) == (2, 2)
    for _ in range(2):
        own.leave()
    assert (turnstiles.node.inside, turnstiles.of(ONE).inside) == (0, 0)
