"""The judge of the runs: what it must see, it sees; and how it reads what a disk had got."""

from __future__ import annotations

import pytest

from tests.chaos.faults import nothing
from tests.chaos.rows import Promise, Row
from tests.chaos.run import Outcome
from tests.chaos.server import unsynced
from tests.chaos.table import Line, markdown, plain
from tests.chaos.verdict import Findings, Taken, Tally, Told, judge, recovered_after_s

_RAISED_MS = 1_000


def _taken(*users: str, at_ms: int = 0, counts: bool = True) -> list[Taken]:
    return [Taken(at_ms, user, counts) for user in users]


@pytest.mark.parametrize(
    ("taken", "told", "finding"),
    [
        pytest.param(_taken("a"), Told("a", 200, "send", "delivered"), Findings(promised=1), id="sent and known"),
        pytest.param([], Told("a", 200, "queue", None), Findings(lost=1, promised=1), id="promised and forgotten"),
        pytest.param([], Told("a", 200, "send", "accepted"), Findings(lost=1, promised=1), id="said to be sent, not"),
        pytest.param([], Told("a", 200, "queue", "expired"), Findings(promised=1), id="promised, and its end is told"),
        pytest.param([], Told("a", 200, "queue", "queued"), Findings(waiting=1, promised=1), id="still queued"),
        pytest.param(
            _taken("a"), Told("a", 200, "unknown", "unknown"), Findings(unresolved=1, promised=1), id="unknown"
        ),
        pytest.param(
            _taken("a"), Told("a", 200, "send", "failed"), Findings(wrong=1, promised=1), id="failed, but sent"
        ),
        pytest.param(_taken("a"), Told("a", 400), Findings(wrong=1), id="refused, but sent"),
        pytest.param(_taken("a"), Told("a", 0), Findings(), id="its caller gave up, and it was sent once"),
        pytest.param(
            _taken("a", "a"), Told("a", 200, "send", "sent"), Findings(duplicates=1, promised=1), id="sent twice"
        ),
        pytest.param(_taken("a", "a"), Told("a", 0), Findings(duplicates=1), id="sent twice, and its caller gave up"),
        pytest.param(
            _taken("a"), Told("a", 200, "send", None), Findings(forgotten=1, promised=1), id="sent and then forgotten"
        ),
        pytest.param(
            _taken("a", "b", "c", "d"),
            Told("a", 200, "send", "sent"),
            Findings(over_limit=1, promised=1),
            id="one more than the limit",
        ),
        pytest.param(
            [*_taken("a", "b", "c"), *_taken("d", counts=False), *_taken("e", at_ms=_RAISED_MS)],
            Told("a", 200, "send", "sent"),
            Findings(promised=1),
            id="who writes in a window, or after the limit was raised, is none too many",
        ),
    ],
)
def test_what_a_run_shows(taken: list[Taken], told: Told, finding: Findings) -> None:
    assert judge(taken, [told], 3, _RAISED_MS) == finding


@pytest.mark.parametrize(
    ("promise", "findings", "classes", "faults"),
    [
        pytest.param(Promise.ALL, Findings(), {"2xx": 1}, 0, id="kept"),
        pytest.param(Promise.ALL, Findings(lost=1), {"2xx": 1}, 1, id="broken"),
        pytest.param(Promise.LIMIT, Findings(lost=1), {"2xx": 1}, 0, id="a queue that went with its store"),
        pytest.param(Promise.LIMIT, Findings(over_limit=1), {"2xx": 1}, 1, id="a limit that went with its store"),
        pytest.param(Promise.NONE, Findings(lost=1), {"2xx": 1}, 0, id="nothing promised, something broken"),
        pytest.param(Promise.NONE, Findings(), {"2xx": 1}, 1, id="nothing promised, nothing broken: a blind test"),
        pytest.param(Promise.ALL, Findings(), {"5xx": 1}, 1, id="an answer of 500"),
        pytest.param(Promise.ALL, Findings(waiting=1), {"2xx": 1}, 1, id="a promise that nobody keeps"),
    ],
)
def test_a_line_of_the_table_knows_what_is_wrong_with_it(
    promise: Promise, findings: Findings, classes: dict[str, int], faults: int
) -> None:
    row = Row(nothing, promise)
    tally = Tally()
    tally.classes.update(classes)
    line = Line("a fault", row, [Outcome(findings, tally, 0.5)])
    assert len(line.faults) == faults
    assert "a fault" in plain({"a fault": line})
    assert markdown({"a fault": line}).count("\n") == 3


@pytest.mark.parametrize(
    ("recovery_s", "refused_s", "faults"),
    [(9.9, [0.4], 0), (9.9, [], 0), (10.1, [0.4], 1), (None, [0.4], 1), (9.9, [0.6], 1)],
)
def test_a_line_that_is_timed_knows_what_was_too_slow(
    recovery_s: float | None, refused_s: list[float], faults: int
) -> None:
    outcome = Outcome(Findings(), Tally(refusals_took_s=refused_s), recovery_s)
    assert len(Line("a fault", Row(nothing, is_timed=True), [outcome]).faults) == faults
    assert Line("a fault", Row(nothing), [outcome]).faults == []


@pytest.mark.parametrize(
    ("times", "after_s"),
    [
        pytest.param([0.1 * n for n in range(200)], 0.0, id="it never stopped"),
        pytest.param([*(0.1 * n for n in range(50)), *(8 + 0.1 * n for n in range(50))], 2.85, id="it went on at 8 s"),
        pytest.param([0.1 * n for n in range(50)], None, id="it never went on"),
    ],
)
def test_a_recovery_is_told_by_what_is_taken_after_it(times: list[float], after_s: float | None) -> None:
    found = recovered_after_s(times, healed_s=5.15, rate=10)
    assert found == (None if after_s is None else pytest.approx(after_s, abs=0.01))


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        pytest.param(
            ['7 write(9</d/x.aof>, ""..., 40) = 40', "7 fdatasync(9</d/x.aof>) = 0"], {}, id="written and synced"
        ),
        pytest.param(['7 write(9</d/x.aof>, ""..., 40) = 40'], {"/d/x.aof": 40}, id="never synced"),
        pytest.param(
            [
                '7 write(9</d/x.aof>, ""..., 40) = 40',
                "8 fdatasync(9</d/x.aof> <unfinished ...>",
                '7 write(9</d/x.aof>, ""..., 5) = 5',
                "8 <... fdatasync resumed>) = 0",
            ],
            {"/d/x.aof": 5},
            id="written while a sync was under way",
        ),
        pytest.param(
            ['7 write(9</d/x.aof>, ""..., 40) = 40', "8 fdatasync(9</d/x.aof> <unfinished ...>"],
            {"/d/x.aof": 40},
            id="a sync that did not end",
        ),
        pytest.param(['7 write(9</d/x.aof>, ""..., 40 <unfinished ...>'], {"/d/x.aof": 40}, id="a write cut off"),
        pytest.param(['7 write(5<socket:[1]>, ""..., 40) = 40'], {}, id="what goes to a client is no file"),
    ],
)
def test_a_disk_has_what_was_synced(lines: list[str], lost: dict[str, int]) -> None:
    assert unsynced(lines) == lost
