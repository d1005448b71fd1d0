"""What a stage is made of: the limit, the nodes and the platform's behaviour, and the settings that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tidegate.settings import Settings
from tidegate.settings.app_keys import hash_key
from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.config import DEFAULT_PORTFOLIO, NumberConfig, SimulatorConfig

PORTFOLIO: Final = DEFAULT_PORTFOLIO.id
WABA: Final = DEFAULT_PORTFOLIO.wabas[0]
NUMBER: Final = WABA.numbers[0]
APP: Final = "loadtest"
APP_KEY: Final = "tg_a-key-of-the-load-test-and-of-nothing-else"

MARKETING: Final = "black_friday_offer"
UTILITY: Final = "order_confirmation"
LOGIN_CODE: Final = "login_code"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One portfolio with `numbers` numbers on `nodes` nodes of one store, and the platform that they send to.

    `limit`: the messaging limit, -1 for none; `throughput` of each number in messages per second; `rules` as the
    `[rules]` table; `seed` draws the platform's chances.
    """

    limit: int = 2_000
    throughput: int = 80
    nodes: int = 1
    behaviour: Behaviour = field(default=Behaviour())
    rules: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1
    numbers: int = 1

    @property
    def senders(self) -> tuple[NumberConfig, ...]:
        """The numbers, `NUMBER` first."""
        return tuple(
            NumberConfig(
                str(int(NUMBER.id) + index), str(int(NUMBER.display_phone_number) + index), throughput=self.throughput
            )
            for index in range(self.numbers)
        )

    @property
    def platform(self) -> SimulatorConfig:
        """The configuration of the simulated platform."""
        waba = replace(WABA, numbers=self.senders)
        portfolio = replace(DEFAULT_PORTFOLIO, wabas=(waba,), messaging_limit=self.limit)
        return SimulatorConfig(portfolios=(portfolio,), behaviour=self.behaviour, seed=self.seed)

    def settings(self, store_url: str, upstream_url: str) -> Settings:
        """The settings of each node."""
        numbers = [
            {"id": number.id, "display_phone_number": number.display_phone_number, "throughput": number.throughput}
            for number in self.senders
        ]
        waba = {"id": WABA.id, "access_token": WABA.access_token, "number": numbers}
        # Told as `-1` by the platform and as a tier by an operator.
        limit: int | str = "TIER_UNLIMITED" if self.limit < 0 else self.limit
        return Settings.model_validate(
            {
                "server": {"listen": "127.0.0.1:0"},
                "store": {"url": store_url},
                "upstream": {"base_url": upstream_url},
                "webhook": {"verify_token": "verify", "app_secrets": [self.platform.app_secret]},
                "privacy": {"identity_key": "i" * 32, "payload_key": "p" * 32},
                "portfolio": [{"id": PORTFOLIO, "messaging_limit": limit, "waba": [waba]}],
                "app": [{"name": APP, "key_sha256": hash_key(APP_KEY), "scopes": ["send", "read", "admin"]}],
                "rules": dict(self.rules),
                "poll": {"interval": "6h"},
                "testing": {"clock": True},
            }
        )
