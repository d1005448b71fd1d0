"""A rollout as somebody orders it: a campaign behind a messaging limit, and login codes beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from loadtest.deployment import MARKETING, Deployment
from loadtest.recipients import Night, everybody
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.capacity import category_places
from tidegate.policy.rules import Rules
from tidegate.simulator.behaviour import DAY_MS, MINUTE_MS
from tidegate.simulator.scenarios import SCENARIOS

#: As a user of WhatsApp expects it: nobody is written to between nine in the evening and eight in the morning.
USUAL_NIGHT: Final = Night(21 * 60, 8 * 60)
#: States that a campaign does not leave by itself.
ENDED: Final = frozenset({"finished", "cancelled", "halted", "paused"})
_ROWS_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Rollout:
    """A campaign to `recipients` users within at most `days`; `scenario` is a name of the simulator's.

    `limit`: messaging limit, -1 for none; `throughput` of each of `numbers` numbers, messages per second; `steps`:
    shares of all recipients, each with those before it, the last 1; `gates`: whether each step has the usual gate;
    `foreign`: share of recipients abroad. Login codes: `codes_per_second` while the campaign sends, or has within the
    last ten minutes, `idle_codes_per_second` otherwise; 0: none. `night`: when no recipient is written to. `look_ms`:
    how often it is looked at, and Meta polled. `from_step`: the scenario begins before this step (1: the first); all
    is calm until then.
    """

    recipients: int
    limit: int
    days: float
    scenario: str = "calm"
    seed: int = 1
    steps: Sequence[float] = (1.0,)
    gates: bool = False
    foreign: float = 0.0
    codes_per_second: float = 0.0
    idle_codes_per_second: float = 0.0
    numbers: int = 1
    throughput: int = 80
    headroom: float = 0.05
    night: Night | None = USUAL_NIGHT
    look_ms: int = 5 * MINUTE_MS
    from_step: int = 1

    @property
    def deployment(self) -> Deployment:
        """The gateway and the platform that it is played on."""
        return Deployment(
            limit=self.limit,
            throughput=self.throughput,
            behaviour=SCENARIOS[self.scenario if self.from_step == 1 else "calm"],
            rules={"headroom": self.headroom},
            seed=self.seed,
            numbers=self.numbers,
        )

    @property
    def marketing_places(self) -> int:
        """Places that a campaign may fill: the limit less headroom and the reserves above marketing; -1: no limit."""
        return category_places(self.limit, Category.MARKETING, Rules.model_validate(self.deployment.rules))

    @property
    def customers(self) -> int:
        """Users who ask for codes again and again: within half of what is reserved for codes."""
        return 1_000 if self.limit < 0 else max(1, int(self.limit * 0.05) // 2)

    @property
    def title(self) -> str:
        """What is played, in a line."""
        limit = "none" if self.limit < 0 else f"{self.limit:,}"
        parts = [f"{self.recipients:,} recipients", f"limit {limit}", self.scenario]
        parts[-1] += f" from step {self.from_step} on" if self.from_step > 1 else ""
        parts += [f"{self.foreign:.0%} abroad"] if self.foreign else []
        parts += [f"{self.codes_per_second:g} codes/s"] if self.codes_per_second else []
        parts += [f"{self.numbers} numbers"] if self.numbers > 1 else []
        return ", ".join(parts)

    def begins_now(self, told: Mapping[str, Any]) -> bool:
        """Whether the scenario is to begin by now, by what is told of the campaign: the step before it is gone."""
        return self.from_step > 1 and told["steps"][self.from_step - 2]["gone_at"] is not None

    def order(self, numbers: Sequence[str], now_ms: int, template: str = MARKETING) -> dict[str, Any]:
        """The campaign's order at `now_ms`, to be sent by these numbers."""
        order: dict[str, Any] = {
            "name": "load test",
            "numbers": list(numbers),
            "template": {"name": template, "language": {"code": "en_US"}},
            "schedule": {"deadline": _written(now_ms + int(self.days * DAY_MS))},
            "steps": [{"share": share} for share in self.steps],
            "gate": self.gates,
        }
        return order if self.night is None else order | {"quiet_hours": self.night.to_json()}

    def question(self, campaign: str) -> dict[str, Any]:
        """What the plan of it is asked with."""
        per_second = max(self.codes_per_second, self.idle_codes_per_second)
        codes = {"per_second": per_second, "recipients_a_day": self.customers}
        return {"campaign_id": campaign, "beside": {"authentication": codes} if per_second else {}}

    async def rows(self) -> AsyncIterator[bytes]:
        """The audience, NDJSON."""
        lines: list[bytes] = []
        for user in everybody(self.recipients, self.foreign):
            lines.append(orjson.dumps({"to": user}))
            if len(lines) == _ROWS_AT_ONCE:
                yield b"\n".join(lines) + b"\n"
                lines.clear()
        if lines:
            yield b"\n".join(lines) + b"\n"


def _written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
