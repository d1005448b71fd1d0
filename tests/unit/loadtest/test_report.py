"""When a rollout counts as clean, and what its report shows."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from rich.console import Console

from loadtest.plan import Plan
from loadtest.report import CODE_WITHIN_MS, Report
from loadtest.series import Sample, Series
from tidegate.simulator.book import ViolationKind

NONE_BROKEN = {str(kind): 0 for kind in ViolationKind}
CLEAN = Report(
    plan=Plan(recipients=1_000, limit=2_000, days=3),
    answers={"send": 900, "queue": 100},
    refused={},
    accepted=1_000,
    took_ms=90_061_000,
    real_s=12.3,
    limit_used=0.99961,
    codes_sent=60,
    codes_refused={},
    slowest_code_ms=CODE_WITHIN_MS,
    book={"violations": NONE_BROKEN, "fates": {"delivered": 1_000}, "refused": {}, "evidence": [{"user": "15550001"}]},
    series=Series(
        2_000, 1_600, [Sample(0, 0, 0, 0, 1_000, 0, "UNKNOWN"), Sample(3_600_000, 900, 1, 0, 100, 901, "GREEN")]
    ),
)


@pytest.mark.parametrize("kind", list(ViolationKind))
def test_a_single_violation_of_any_kind_makes_it_unclean(kind: ViolationKind) -> None:
    assert CLEAN.clean
    assert not replace(CLEAN, book={**CLEAN.book, "violations": {**NONE_BROKEN, str(kind): 1}}).clean


def test_a_login_code_that_was_refused_or_late_makes_it_unclean() -> None:
    assert not replace(CLEAN, codes_refused={"messaging_limit": 1}).clean
    assert not replace(CLEAN, slowest_code_ms=CODE_WITHIN_MS + 1).clean


def test_its_json_says_whether_it_is_clean_and_names_no_user() -> None:
    written = orjson.loads(orjson.dumps(CLEAN.to_json()))
    assert written["clean"] is True
    assert written["plan"]["recipients"] == 1_000
    assert [sample["sent"] for sample in written["series"]] == [0, 900]
    assert "15550001" not in orjson.dumps(written).decode()


def test_its_table_shows_spans_shares_and_every_kind_of_violation() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(replace(CLEAN, accepted=990, refused={"throughput": 2, "pair_rate": 1}).table())
    shown = " ".join(capture.get().split())
    assert "1 d 01 h 01 min 01 s" in shown
    assert "99.961%" in shown
    assert "pair_rate 1, throughput 2" in shown
    assert "expired │ 10 " in shown
    assert all(f"violations: {kind}" in shown for kind in ViolationKind)


def test_a_limit_that_was_never_full_has_no_share_of_use() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(replace(CLEAN, limit_used=None).table())
    assert "never full" in capture.get()
