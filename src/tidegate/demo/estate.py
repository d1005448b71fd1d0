"""What the demo's gateway and its simulated Cloud API agree on: ids, keys, templates, limit."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Final

from tidegate.settings import Settings, hash_key
from tidegate.simulator.behaviour import evenly, exactly
from tidegate.simulator.config import DEFAULT_TOKEN, PortfolioConfig, SimulatorConfig, WabaConfig
from tidegate.simulator.config import NumberConfig as SimulatedNumber
from tidegate.simulator.config import TemplateConfig as SimulatedTemplate
from tidegate.simulator.scenarios import SCENARIOS

PORTFOLIO: Final = "lucky-shrub"
WABA: Final = "102290129340398"
NUMBER: Final = "106540352242922"
DISPLAY_NUMBER: Final = "15550783881"
LIMIT: Final = 250
#: Known to everybody, so that a printed or documented `curl` works; the demo listens on loopback only.
APP_KEY: Final = "tg_demo-only"

LOGIN_CODE: Final = "login_code"
ORDER: Final = "order_confirmation"
OFFER: Final = "black_friday_offer"
WINBACK: Final = "winback"

USUAL_SCENARIO: Final = "calm"

_TEMPLATES: Final = (
    SimulatedTemplate(LOGIN_CODE, "AUTHENTICATION"),
    SimulatedTemplate(ORDER, "UTILITY"),
    SimulatedTemplate(OFFER, "MARKETING", quality="UNKNOWN"),
    SimulatedTemplate(WINBACK, "MARKETING", status="PAUSED", quality="RED"),
)


def simulated(seed: int, scenario: str = USUAL_SCENARIO) -> SimulatorConfig:
    """Meta's side: a portfolio of 250 recipients, and deliveries that take no longer than one likes to watch.

    `scenario`: one of `SCENARIOS`; its users react within seconds, and not in the hours that people take.
    """
    number = SimulatedNumber(NUMBER, DISPLAY_NUMBER)
    waba = WabaConfig(id=WABA, access_token=DEFAULT_TOKEN, numbers=(number,), templates=_TEMPLATES)
    portfolio = PortfolioConfig(id=PORTFOLIO, wabas=(waba,), messaging_limit=LIMIT)
    played = SCENARIOS[scenario]
    reactions = replace(played.reactions, delay=evenly(20_000))
    return SimulatorConfig((portfolio,), replace(played, read_delay=exactly(3_000), reactions=reactions), seed=seed)


def configured(listen: str, upstream: str, directory: Path, app_secret: str) -> Settings:
    """The gateway's side: the settings of a node with an embedded store in `directory`."""
    return Settings.model_validate(
        {
            "server": {"listen": listen},
            "store": {"url": f"embedded:{directory}"},
            "upstream": {"base_url": upstream},
            "webhook": {"verify_token": secrets.token_urlsafe(16), "app_secrets": [app_secret]},
            "privacy": {"identity_key": secrets.token_bytes(32), "payload_key": secrets.token_bytes(32)},
            "portfolio": [
                {
                    "id": PORTFOLIO,
                    "messaging_limit": LIMIT,
                    "waba": [
                        {
                            "id": WABA,
                            "access_token": DEFAULT_TOKEN,
                            "number": [{"id": NUMBER, "display_phone_number": DISPLAY_NUMBER}],
                        }
                    ],
                }
            ],
            "app": [{"name": "demo", "key_sha256": hash_key(APP_KEY), "scopes": ["send", "read", "admin"]}],
        }
    )
