"""Figures against a plain recount of the platform's own log, however its webhooks are repeated, swapped, cut short."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import log

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    WABA,
    make_ask,
    make_ledger,
    make_outcome,
    make_status,
    user,
)
from tests.property.bench import Bench
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.kpi import Cell, Kind
from tidegate.store.kpis import Kpis
from tidegate.store.outcomes import counters_of

SECOND_MS, TODAY = 1_000, NOW_MS // DAY_MS
#: A failure's code, and what it counts as.
CODES = {131000: "failed", 131049: "withheld", 131042: "dropped"}
NOTED = (
    {"app": "checkout", "number": NUMBER, "waba": WABA, "category": "marketing", "template": "a/en", "campaign": "x"},
    {"app": "checkout", "number": NUMBER, "waba": WABA, "category": "utility", "template": "b/en"},
    {"app": "desk", "number": NUMBER, "waba": WABA, "category": "service"},
)


@dataclass(frozen=True)
class Life:
    """One message as the platform's log has it: seconds after its send at which it was delivered, read, failed."""

    noted: int
    delivered_s: int | None = None
    read_s: int | None = None
    code: int | None = None

    @property
    def statuses(self) -> list[tuple[str, int]]:
        told = [("sent", 0)]
        told += [("failed", 1)] if self.code is not None else []
        told += [("delivered", self.delivered_s)] if self.delivered_s is not None else []
        told += [("read", self.read_s)] if self.read_s is not None else []
        return told


@dataclass
class Recount:
    """Reads the log, knowing nothing of scripts, ranks or letters."""

    fields: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, life: Life) -> None:
        got = Counter({"sent": 1})
        if life.delivered_s is not None:
            got["delivered"] = 1
            got[f"deliver.{class_of(life.delivered_s)}"] = 1
            got["deliver.ms"] = life.delivered_s * SECOND_MS
            got["read"] = int(life.read_s is not None)
        elif life.code is not None:
            got[CODES[life.code]] = 1
        for cell in cells(NOTED[life.noted]):
            self.fields.setdefault(cell.key, Counter()).update(got)


def class_of(seconds: int) -> int:
    return 0 if seconds < 1 else min(81, 1 + int(4 * log(seconds) / log(2)))


def cells(noted: dict[str, str]) -> list[Cell]:
    found = [Cell(Kind.NUMBER, NUMBER, NUMBER), Cell(Kind.APP, NUMBER, noted["app"])]
    if "template" in noted:
        found.append(Cell(Kind.TEMPLATE, NUMBER, f"{WABA}:en:{noted['template'].removesuffix('/en')}"))
    if "campaign" in noted:
        found.append(Cell(Kind.CAMPAIGN, NUMBER, noted["campaign"]))
    return found


@st.composite
def lives(draw: st.DrawFn) -> Life:
    delivered_s = draw(st.none() | st.integers(0, 3 * 86_400))
    read_s = None if delivered_s is None else draw(st.none() | st.integers(delivered_s, 4 * 86_400))
    return Life(draw(st.integers(0, 2)), delivered_s, read_s, draw(st.none() | st.sampled_from(sorted(CODES))))


def test_figures_are_a_plain_recount_of_the_platforms_log(bench: Bench) -> None:
    @given(log_of=st.lists(lives(), min_size=1, max_size=5), data=st.data())
    @settings(max_examples=bench.examples(32))
    def law(log_of: list[Life], data: st.DataObject) -> None:
        bench.run(bench.begin(NOW_MS))
        ledger = make_ledger(bench.client)
        recount = Recount()
        told = [(n, *status) for n, life in enumerate(log_of) for status in life.statuses]
        for n, life in enumerate(log_of):
            recount.add(life)
            noted = NOTED[life.noted]
            assert bench.run(ledger.admit(make_ask(f"m{n}", user(n), about=orjson.dumps(noted)))).taken
            if data.draw(st.booleans(), label="its acceptance is noted"):
                bench.run(ledger.settle(make_outcome(f"m{n}")))
        again = data.draw(st.lists(st.sampled_from(told), max_size=6), label="told again")
        order = data.draw(st.permutations(told + again), label="in this order")

        for n, status, late_s in order:
            code = log_of[n].code if status == "failed" else None
            counters = counters_of(MessageStatus(status), code)
            for _ in range(data.draw(st.integers(1, 2), label="the script runs")):
                bench.run(ledger.refresh(make_status(f"m{n}", status, NOW_MS + late_s * SECOND_MS, counters=counters)))

        assert bench.run(_stored(bench)) == {key: dict(+got) for key, got in recount.fields.items()}

    law()


async def _stored(bench: Bench) -> dict[str, dict[str, int]]:
    """All figures of the day, but for those that are 0."""
    kpis = Kpis(bench.client, [PORTFOLIO])
    wanted = [(TODAY, cell) for kind in Kind for cell in (await kpis.cells(PORTFOLIO, kind, [TODAY])).get(TODAY, [])]
    return {
        one.cell.key: {name: count for name, count in one.fields.items() if count}
        async for one in kpis.read(PORTFOLIO, wanted)
    }
