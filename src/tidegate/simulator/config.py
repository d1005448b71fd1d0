"""What the imitated businesses own at the start: portfolios, accounts, numbers, templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tidegate.simulator.behaviour import Behaviour

UNLIMITED: Final = -1


@dataclass(frozen=True, slots=True)
class TemplateConfig:
    """A message template; `category`, `status` and `quality` in the spelling of Meta's template reads."""

    name: str
    category: str
    language: str = "en_US"
    status: str = "APPROVED"
    quality: str = "GREEN"
    parameter_format: str = "POSITIONAL"


@dataclass(frozen=True, slots=True)
class NumberConfig:
    """A business phone number; `throughput` in messages per second."""

    id: str
    display_phone_number: str
    throughput: int = 80
    quality: str = "GREEN"
    verified_name: str = "Lucky Shrub"


@dataclass(frozen=True, slots=True)
class WabaConfig:
    """A WhatsApp Business Account with the token that opens it."""

    id: str
    access_token: str = field(repr=False)
    numbers: tuple[NumberConfig, ...]
    templates: tuple[TemplateConfig, ...] = ()
    name: str = "Lucky Shrub"
    direct_send: bool = False


@dataclass(frozen=True, slots=True)
class PortfolioConfig:
    """A business portfolio: the owner of a messaging limit (unique users in a moving 24 h; -1: unlimited)."""

    id: str
    wabas: tuple[WabaConfig, ...]
    messaging_limit: int = 2_000
    business_id: str = "506914307656634"


DEFAULT_TOKEN: Final = "EAAG-simulated-token"

DEFAULT_TEMPLATES: Final = (
    TemplateConfig("order_confirmation", "UTILITY", parameter_format="NAMED"),
    TemplateConfig("black_friday_offer", "MARKETING", quality="UNKNOWN"),
    TemplateConfig("login_code", "AUTHENTICATION"),
    TemplateConfig("winback", "MARKETING", status="PAUSED", quality="RED"),
)

DEFAULT_PORTFOLIO: Final = PortfolioConfig(
    id="lucky-shrub",
    wabas=(
        WabaConfig(
            id="102290129340398",
            access_token=DEFAULT_TOKEN,
            numbers=(NumberConfig("106540352242922", "15550783881"),),
            templates=DEFAULT_TEMPLATES,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """A whole imitated platform.

    `delivery_scale` multiplies every delay between acceptance and the webhooks' departure (0: at once).
    `tier_strings` lets business_capability_update carry `TIER_2K` instead of `2000`; Meta's page shows both.
    `app_secret` signs the webhooks. The defaults are the sample ids of the gateway's documentation.
    """

    portfolios: tuple[PortfolioConfig, ...] = (DEFAULT_PORTFOLIO,)
    behaviour: Behaviour = field(default=Behaviour())
    seed: int = 1
    app_secret: str = field(default="app-secret", repr=False)
    delivery_scale: float = 1.0
    tier_strings: bool = False
