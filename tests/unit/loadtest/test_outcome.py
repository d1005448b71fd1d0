"""When a rollout through the campaign API counts as clean, when it proves what it is to show, and what it tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import orjson
import pytest
from rich.console import Console

from loadtest.outcome import Outcome
from loadtest.report import CODE_WITHIN_MS
from loadtest.rollout import Rollout
from loadtest.series import Sample, Series
from loadtest.waits import Waits
from tidegate.simulator.book import ViolationKind

NONE_BROKEN = {str(kind): 0 for kind in ViolationKind}
PROOF = Outcome(
    rollout=Rollout(recipients=1_000, limit=2_000, days=3, foreign=0.08, codes_per_second=1),
    state="finished",
    progress={"delivered": 400, "read": 600, "failed": 0},
    halted=None,
    accepted=1_000,
    reached=1_000,
    took_ms=90_061_000,
    planned_ms=90_000_000,
    real_s=12.3,
    limit_used=0.99961,
    codes=Waits([CODE_WITHIN_MS] * 100),
    book={"violations": NONE_BROKEN, "fates": {"delivered": 1_000}, "refused": {}, "evidence": [{"user": "1212001"}]},
    night_sends=0,
    series=Series(2_000, 1_600, [Sample(0, 0, 0, 0, 1_000, 0, "UNKNOWN")]),
)


@pytest.mark.parametrize(
    "broken",
    [
        *(pytest.param({"book": {**PROOF.book, "violations": {**NONE_BROKEN, k: 1}}}, id=k) for k in NONE_BROKEN),
        pytest.param({"night_sends": 1}, id="a message at night"),
        pytest.param({"accepted": 1_001}, id="a recipient messaged twice"),
        pytest.param({"codes": Waits([1], Counter(throughput=1))}, id="a code refused"),
        pytest.param({"codes": Waits([1] * 98 + [CODE_WITHIN_MS + 1] * 2)}, id="two codes of a hundred late"),
    ],
)
def test_what_breaks_a_rule_is_neither_clean_nor_a_proof(broken: dict[str, object]) -> None:
    assert PROOF.clean
    spoilt = replace(PROOF, **broken)  # type: ignore[arg-type]  # any of its fields
    assert not spoilt.clean
    assert not spoilt.proves


@pytest.mark.parametrize(
    "short",
    [
        pytest.param({"planned_ms": 93_000_000}, id="the plan was off by more than 3 %"),
        pytest.param({"planned_ms": None}, id="the plan saw no end"),
        pytest.param({"reached": 999, "accepted": 999}, id="somebody was not reached"),
        pytest.param({"limit_used": 0.9989}, id="the limit was not used"),
    ],
)
def test_what_is_short_of_its_promise_is_clean_and_no_proof(short: dict[str, object]) -> None:
    assert PROOF.proves
    spoilt = replace(PROOF, **short)  # type: ignore[arg-type]  # any of its fields
    assert spoilt.clean
    assert not spoilt.proves


def test_one_late_code_of_a_hundred_and_a_limit_that_was_never_full_prove_it_too() -> None:
    assert replace(PROOF, codes=Waits([1] * 99 + [5_000]), limit_used=None).proves


def test_its_json_is_whole_and_names_no_user() -> None:
    written = orjson.loads(orjson.dumps(PROOF.to_json()))
    assert (written["clean"], written["proves"], written["rollout"]["recipients"]) == (True, True, 1_000)
    assert written["codes"]["p99_ms"] == CODE_WITHIN_MS
    assert "1212001" not in orjson.dumps(written).decode()


def test_its_table_tells_the_plan_the_use_the_waits_and_every_kind_of_violation() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(PROOF.table())
    shown = " ".join(capture.get().split())
    for words in ("1 d 01 h 00 min 00 s", "1 d 01 h 01 min 01 s", "0.07%", "99.961%", "1,000 ms", "8% abroad"):
        assert words in shown
    assert all(f"violations: {kind}" in shown for kind in (*ViolationKind, "twice", "at_night"))
