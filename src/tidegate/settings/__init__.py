"""Deployment settings: the TOML file, the environment's overrides and the secret files, as one frozen value."""

from tidegate.settings.faults import read_rules
from tidegate.settings.loading import load
from tidegate.settings.tables import (
    App,
    Number,
    Poll,
    Portfolio,
    Privacy,
    Scope,
    Server,
    Settings,
    Store,
    Testing,
    Upstream,
    Waba,
    Webhook,
)

__all__ = [
    "App",
    "Number",
    "Poll",
    "Portfolio",
    "Privacy",
    "Scope",
    "Server",
    "Settings",
    "Store",
    "Testing",
    "Upstream",
    "Waba",
    "Webhook",
    "load",
    "read_rules",
]
