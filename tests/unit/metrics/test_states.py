"""Gauges that are told as a whole: what is over leaves no series behind, and nothing is told twice."""

from __future__ import annotations

from tidegate.metrics import Metrics
from tidegate.metrics.states import BREAKERS, FAMILIES, PAUSES, STORE_UP


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.exposition().decode().splitlines() if line.startswith(name)]


def test_what_is_no_longer_so_has_no_series() -> None:
    metrics = Metrics()
    metrics.states.tell({BREAKERS: {("acme", "token", "token", "open"): 1, ("acme", "policy", "waba", "open"): 2}})
    metrics.states.tell({BREAKERS: {("acme", "policy", "waba", "half_open"): 2}})
    assert lines(metrics, "tidegate_breakers") == [
        'tidegate_breakers{portfolio="acme",rule="policy",scope="waba",state="half_open"} 2.0'
    ]


def test_what_a_look_does_not_speak_of_stays_as_it_was() -> None:
    metrics = Metrics()
    metrics.states.tell({PAUSES: {("acme", "number"): 1}, STORE_UP: {(): 1}})
    metrics.states.tell({STORE_UP: {(): 0}})
    assert lines(metrics, "tidegate_pauses") == ['tidegate_pauses{portfolio="acme",scope="number"} 1.0']
    assert lines(metrics, "tidegate_store_up") == ["tidegate_store_up 0.0"]


def test_a_name_is_one_family_and_no_label_speaks_of_a_user_or_a_number() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    labels = {label for family in FAMILIES for label in family.labels}
    assert labels <= {"portfolio", "category", "rule", "scope", "state", "status", "quality", "version", "app"}
