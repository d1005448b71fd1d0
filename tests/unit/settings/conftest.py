"""A configuration in which nothing is wrong, and ways to make one thing wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.errors import BadConfiguration, Fault
from tidegate.settings import Settings, load

SAMPLE = """
[server]
listen = "127.0.0.1:8080"
workers = 1

[store]
url = "embedded:./data"
replicas_ack = 0

[upstream]
base_url = "https://graph.facebook.com"
timeout = "10s"

[webhook]
verify_token = "hub-verify-token"
app_secrets = ["current-app-secret", "previous-app-secret"]

[privacy]
identity_key = "identity-identity-identity-key-32"
payload_key = "payload-payload-payload-key-32byt"

[[portfolio]]
id = "lucky-shrub"
messaging_limit = "TIER_2K"

[[portfolio.waba]]
id = "102290129340398"
access_token = "EAAGsystemusertoken"

[[portfolio.waba.number]]
id = "106540352242922"
display_phone_number = "15550783881"
throughput = 80

[[app]]
name = "checkout"
key_sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
scopes = ["send", "read", "admin"]
numbers = ["106540352242922"]
webhook_url = "https://checkout.example/whatsapp"
webhook_secret = "relay-signing-secret"

[rules]
headroom = 0.05
pacing_wait = "2s"
late_delivery_hold = true

[rules.reserve]
authentication = 0.05
utility = 0.10

[rules.hold]
authentication = "reject"
utility = "queue"
marketing = "queue"

[rules.max_wait]
authentication = "10m"
utility = "24h"
marketing = "3d"

[rules.quiet_hours]
from = "21:00"
to = "08:00"

[poll]
interval = "5m"

[testing]
clock = false
"""
"""Every table and key of the documented configuration."""

SECRETS = (
    "hub-verify-token",
    "current-app-secret",
    "previous-app-secret",
    "identity-identity-identity-key-32",
    "payload-payload-payload-key-32byt",
    "EAAGsystemusertoken",
    "relay-signing-secret",
)
"""Every secret in SAMPLE."""

Loader = Callable[..., Settings]
FaultFinder = Callable[..., tuple[Fault, ...]]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Where the configuration of a test stands."""
    return tmp_path / "tidegate.toml"


@pytest.fixture
def loaded(config_file: Path) -> Loader:
    """Load SAMPLE with some texts replaced by others (`loaded(("a", "b"), ...)`) under some variables."""

    def loaded(*changes: tuple[str, str], added: str = "", environ: dict[str, str] | None = None) -> Settings:
        text = SAMPLE + added
        for old, new in changes:
            assert old in text, f"the sample has no {old!r} to change"
            text = text.replace(old, new, 1)
        config_file.write_text(text, encoding="utf-8")
        return load(config_file, environ or {})

    return loaded


@pytest.fixture
def faults(loaded: Loader) -> FaultFinder:
    """Like `loaded`, for a configuration that is refused: its faults."""

    def faults(*changes: tuple[str, str], added: str = "", environ: dict[str, str] | None = None) -> tuple[Fault, ...]:
        with pytest.raises(BadConfiguration) as refused:
            loaded(*changes, added=added, environ=environ)
        shown = f"{refused.value!r} {refused.value} {refused.value.__context__!r}"
        assert not [secret for secret in SECRETS if secret in shown]
        return refused.value.faults

    return faults
