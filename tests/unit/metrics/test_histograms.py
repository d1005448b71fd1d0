"""Histograms of our own cells: what is told of them is what the library would tell, to the letter."""

from __future__ import annotations

import re

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tidegate.metrics.histograms import Histogram

BOUNDS = (0.001, 0.5, 2.0)


def told(registry: CollectorRegistry) -> str:
    """All but when each series began, which no two of them share."""
    return re.sub(r"(_created(?:\{[^}]*\})?) \S+", r"\1", generate_latest(registry).decode())


@pytest.mark.parametrize("labels", [(), ("script",)], ids=["without labels", "with one"])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="nothing"),
        pytest.param([0.5], id="a bucket's own bound"),
        pytest.param([0.0, 0.0004, 0.3, 0.5000001, 1.9, 2.0, 7.0, 7.5], id="something in every bucket"),
        pytest.param([-0.25], id="less than nothing"),
    ],
)
def test_it_tells_what_the_library_would(labels: tuple[str, ...], values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Histogram("spent_seconds", "Time.", BOUNDS, labels, registry=ours)
    library = prometheus_client.Histogram("spent_seconds", "Time.", labels, buckets=BOUNDS, registry=theirs)
    for value in values:
        for name in ("admit", "settle") if labels else ("",):
            (mine.of(name) if labels else mine.of()).observe(value)
            (library.labels(name) if labels else library).observe(value)
    assert told(ours) == told(theirs)


def test_what_is_counted_together_is_told_as_if_one_by_one() -> None:
    registry = CollectorRegistry()
    together = Histogram("lag_seconds", "Time.", BOUNDS, ("way",), registry=registry).of("together")
    one_by_one = Histogram("lag_seconds_2", "Time.", BOUNDS, ("way",), registry=registry).of("one by one")
    for value in (0.25, 0.5, 4.0):
        together.observe_many(value, 3)
        for _ in range(3):
            one_by_one.observe(value)
    assert (together.counts, together.total) == (one_by_one.counts, one_by_one.total) == ([0, 6, 0, 3], 14.25)


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    registry = CollectorRegistry()
    Histogram("spent_seconds", "Time.", BOUNDS, registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Histogram("spent_seconds", "Time.", BOUNDS, registry=registry)
