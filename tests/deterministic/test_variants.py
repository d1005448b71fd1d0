"""The runs can fail: a protocol that is weakened is found out, and by the promise that it breaks."""

from __future__ import annotations

import pytest

from tests.deterministic.run import run_seed
from tests.deterministic.variants import Variant, variants

pytestmark = pytest.mark.impatient

VARIANTS = variants()


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.weakening.name for variant in VARIANTS])
def test_a_weakened_protocol_is_found_out_within_a_few_seeds(variant: Variant) -> None:
    for seed in variant.seeds:
        result = run_seed(seed, variant.profile, variant.weakening)
        if {violation.invariant for violation in result.violations} & variant.seen_by:
            return
    pytest.fail(f"{variant.most} seeds of {variant.profile} did not see it")
