"""What Prometheus is told: counters of what happens, gauges of what is."""

from tidegate.metrics.metrics import Metrics
from tidegate.metrics.states import Family, Samples, States

__all__ = ["Family", "Metrics", "Samples", "States"]
