"""What `python -m loadtest sends` is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.deployment import Deployment
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.capacity import category_places
from tidegate.policy.rules import Rules
from tidegate.simulator.scenarios import SCENARIOS


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign to `recipients` users within at most `days` virtual days; `scenario` is a name of the simulator's.

    `limit`: messaging limit, -1 for none. `codes_per_minute` may be 0.
    """

    recipients: int
    limit: int
    days: float
    scenario: str = "calm"
    nodes: int = 1
    throughput: int = 80
    codes_per_minute: float = 1.0
    seed: int = 1
    headroom: float = 0.05

    @property
    def deployment(self) -> Deployment:
        """The stage that the plan is played on."""
        return Deployment(
            limit=self.limit,
            throughput=self.throughput,
            nodes=self.nodes,
            behaviour=SCENARIOS[self.scenario],
            rules={"headroom": self.headroom},
            seed=self.seed,
        )

    @property
    def marketing_places(self) -> int:
        """Places that a campaign may fill: the limit less headroom and the reserves above marketing; -1: no limit."""
        return category_places(self.limit, Category.MARKETING, Rules.model_validate(self.deployment.rules))
