"""How well a template or a number is received: reactions of the past days, the recent ones weighing more."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.simulator.behaviour import Reactions


@dataclass(slots=True)
class Score:
    """Deliveries and bad reactions whose weight halves every `Reactions.half_life_ms`.

    Meta (send messages, message quality): 7 days, weighted by recency; the formula is not published.
    """

    deliveries: float = 0.0
    bad: float = 0.0
    at_ms: int = 0

    def delivered(self, now_ms: int, rules: Reactions) -> None:
        """Count one delivery."""
        self._fade(now_ms, rules)
        self.deliveries += 1

    def disliked(self, now_ms: int, rules: Reactions) -> None:
        """Count one delivery, counted before, as taken badly."""
        self._fade(now_ms, rules)
        self.bad += 1

    def _fade(self, now_ms: int, rules: Reactions) -> None:
        fade = 0.5 ** ((now_ms - self.at_ms) / rules.half_life_ms)
        self.deliveries *= fade
        self.bad *= fade
        self.at_ms = now_ms

    def share(self) -> float:
        """Give the weighted share of bad reactions."""
        return self.bad / self.deliveries if self.deliveries else 0.0

    def quality(self, now_ms: int, rules: Reactions) -> str:
        """Name the quality now: GREEN, YELLOW, RED, or UNKNOWN below the least sample."""
        self._fade(now_ms, rules)
        if self.deliveries < rules.least_sample:
            return "UNKNOWN"
        if self.share() >= rules.red_share:
            return "RED"
        return "YELLOW" if self.share() >= rules.yellow_share else "GREEN"
