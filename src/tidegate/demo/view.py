"""What the demo shows: the gateway's own figures, asked for over HTTP as any operator would, and the last answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tidegate.cloudapi.vocabulary import Category
from tidegate.demo import estate
from tidegate.demo.traffic import Answers

_VERDICT_STYLES: Final[Mapping[str, str]] = {"send": "green", "queue": "yellow", "reject": "red"}


@dataclass(frozen=True, slots=True)
class Picture:
    """The gateway at one instant. `sends` by verdict and reason since the start; `capacity` as the API gave it."""

    sends: Counter[tuple[str, str]]
    capacity: Mapping[str, Any]

    def verdicts(self, verdict: str) -> int:
        """How many sends were answered so."""
        return sum(count for (told, _), count in self.sends.items() if told == verdict)

    @property
    def queued(self) -> int:
        """Messages waiting now."""
        return sum(self.capacity["queued"].values())

    def line(self) -> str:
        """All of it in one line."""
        free = " ".join(f"{name} {places}" for name, places in self._free().items())
        return (
            f"sent {self.verdicts('send')}  queued {self.queued}  refused {self.verdicts('reject')}  "
            f"places {self.capacity['used']}/{self._limit()}  free: {free}"
        )

    def render(self, answers: Answers) -> RenderableType:
        """All of it as tables."""
        return Group(self._totals(), self._places(), _decisions(answers))

    def _totals(self) -> Text:
        text = Text()
        text.append(f" sent {self.verdicts('send')} ", style="bold green")
        text.append(f"  queued now {self.queued} ", style="bold yellow")
        text.append(f"  refused {self.verdicts('reject')} ", style="bold red")
        reasons = Counter({reason: n for (verdict, reason), n in self.sends.items() if verdict == "reject"})
        told = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common())
        text.append(f" {told}\n" if told else "\n", style="dim")
        return text

    def _places(self) -> RenderableType:
        title = f"places used {self.capacity['used']} of {self._limit()} ({self.capacity['headroom']} are headroom)"
        table = _table(("category", "free places", "queued"))
        for name, places in self._free().items():
            table.add_row(name, places, str(self.capacity["queued"].get(name, 0)))
        return Group(Text(title, style="bold"), table)

    def _limit(self) -> str:
        limit = self.capacity["messaging_limit"]
        return "unlimited" if limit is None else str(limit)

    def _free(self) -> dict[str, str]:
        available = self.capacity["available"] or {}
        return {c.value: "any" if available.get(c.value) is None else str(available[c.value]) for c in Category}


async def look(gateway: str, session: aiohttp.ClientSession) -> Picture:
    """Ask the gateway how it is. Raises aiohttp.ClientError, TimeoutError."""
    path = f"/gateway/v1/portfolios/{estate.PORTFOLIO}/capacity"
    async with session.get(gateway + path, raise_for_status=True) as answer:
        capacity = await answer.json()
    async with session.get(f"{gateway}/metrics", raise_for_status=True) as answer:
        metrics = await answer.text()
    sends: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == "tidegate_sends_total":
                sends[sample.labels["verdict"], sample.labels["reason"]] += int(sample.value)
    return Picture(sends, capacity)


def _decisions(answers: Answers) -> RenderableType:
    table = _table(("what", "to", "verdict", "reason", "until (UTC)"))
    for one in answers.last:
        what = one.what if one.times == 1 else f"{one.what} x{one.times}"
        style = _VERDICT_STYLES.get(one.verdict, "magenta")
        table.add_row(what, one.recipient, Text(one.verdict, style=style), one.reason, one.until[:16].replace("T", " "))
    return Group(Text("last answers", style="bold"), table)


def _table(headings: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, min_width=9, no_wrap=True)
    return table
