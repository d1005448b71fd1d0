"""Whole nodes under faults that a seed draws: nothing is sent twice, nothing over the limit, nothing lost."""

from __future__ import annotations

import pytest

from tests.deterministic.corpus import read_corpus
from tests.deterministic.faults import PROMISED
from tests.deterministic.run import run_seed

#: Virtual time knows no busy machine: the store is as impatient here as in production.
pytestmark = pytest.mark.impatient

#: One of each profile. Others each day would be others on each machine: `python -m tests.deterministic` takes more.
SEEDS = [(1, profile) for profile in PROMISED]
CORPUS = [(entry.seed, entry.profile) for entry in read_corpus()]


@pytest.mark.parametrize(
    ("seed", "profile"), [*CORPUS, *SEEDS], ids=[f"{profile}, seed {seed}" for seed, profile in [*CORPUS, *SEEDS]]
)
def test_every_promise_is_kept_under(seed: int, profile: str) -> None:
    result = run_seed(seed, profile)
    assert result.taken > 0
    assert result.violations == ()
    assert result.crashes == ()
