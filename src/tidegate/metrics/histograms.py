"""Histograms that cost next to nothing to write into: cells of our own, told in the library's form when somebody looks.

The library finds a bucket by trying one after the other, and locks twice; a send is observed several times.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample


class Series:
    """One series of a histogram: how many values lay in each bucket, and their sum. Written on one thread."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: the greatest value of each bucket, rising; a bucket for all that is greater follows."""
        self.bounds: Final = tuple(bounds)
        self.counts: Final = [0] * (len(bounds) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self.counts)

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def observe_many(self, value: float, times: int) -> None:
        """Count a value so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class Histogram(Collector):
    """A family of series. Names, labels and order of what is told of it are the library's, counts are ours."""

    def __init__(
        self, name: str, help: str, bounds: Sequence[float], labels: Sequence[str] = (), *, registry: CollectorRegistry
    ) -> None:
        """One without labels begins with its one series."""
        self._told = prometheus_client.Histogram(name, help, labels, buckets=bounds, registry=None)
        self._bounds = bounds
        self._labels = tuple(labels)
        self._series: dict[tuple[str, ...], Series] = {}
        if not labels:
            self.of()
        registry.register(self)

    def of(self, *values: str) -> Series:
        """The series of these labels' values, which begins when it is first asked for."""
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = Series(self._bounds)
            if values:
                self._told.labels(*values)
        return series

    def collect(self) -> Iterator[Metric]:
        """All of it, in the library's form."""
        for family in self._told.collect():
            told, family.samples = family.samples, []
            for sample in told:
                series = self._series[tuple(sample.labels[label] for label in self._labels)]
                family.samples.append(sample._replace(value=_value(series, sample)))
            yield family

    def describe(self) -> Iterator[Metric]:
        """Its name, so that no other can have it."""
        yield from self._told.describe()


def _value(series: Series, sample: Sample) -> float:
    if sample.name.endswith("_bucket"):
        return float(sum(series.counts[: bisect_left(series.bounds, float(sample.labels["le"])) + 1]))
    if sample.name.endswith("_count"):
        return float(series.count)
    # When the series began is known to the library alone.
    return series.total if sample.name.endswith("_sum") else sample.value
