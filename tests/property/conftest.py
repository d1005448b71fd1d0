"""How hard the models are driven: the same cases on every run, unless HYPOTHESIS_PROFILE=nightly asks for new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.property.bench import Bench, bench_at

# A store is asked at every step: the machine's speed says nothing about the code.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=_SLOW_IS_FINE,
    # Shrinking a story of fifty steps on a real server can take minutes: it is what the nightly profile is for.
    phases=(Phase.explicit, Phase.generate),
)
settings.register_profile(
    "nightly",
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture
def bench(store_socket: str | None) -> Iterator[Bench]:
    """A store for a machine: fakeredis, then the real server."""
    with bench_at(store_socket) as bench:
        yield bench
