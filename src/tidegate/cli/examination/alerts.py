"""Whether anybody is told when something stops."""

from __future__ import annotations

from yarl import URL

from tidegate.cli.examination.finding import PLACEHOLDERS, Finding, Level
from tidegate.settings import Settings


def examine_alerts(settings: Settings) -> Finding:
    """The operator's own address."""
    alerts = settings.alerts
    if alerts.webhook_url is None or alerts.webhook_secret is None:
        remedy = "set alerts.webhook_url and alerts.webhook_secret"
        return Finding("alerts", Level.WARN, "nobody is told when something stops, or opens again", remedy)
    if alerts.webhook_secret.get_secret_value() in PLACEHOLDERS:
        return Finding("alerts", Level.FAIL, "alerts.webhook_secret is still the example's", "openssl rand -base64 32")
    # A path may be a secret too: the host is all that is shown of it.
    return Finding("alerts", Level.OK, f"what stops and opens is told to {URL(alerts.webhook_url).host}")
