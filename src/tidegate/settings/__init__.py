"""Deployment settings: the TOML file, what overrides it and the secret files, as one frozen value."""

from tidegate.settings.app_keys import hash_key, new_key
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
    "hash_key",
    "load",
    "new_key",
    "read_rules",
]
