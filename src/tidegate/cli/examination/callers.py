"""Secrets of the example that are still there, and apps that nobody can be."""

from __future__ import annotations

from typing import Final

from tidegate.cli.examination.finding import PLACEHOLDERS, Finding, Level
from tidegate.settings import Settings

_NO_KEY: Final = "0" * 64


def examine_callers(settings: Settings) -> list[Finding]:
    """The keys of the store's contents, and those of the apps."""
    privacy = (settings.privacy.identity_key, settings.privacy.payload_key)
    findings = []
    if any(key.get_secret_value().decode("utf-8", "replace") in PLACEHOLDERS for key in privacy):
        remedy = "openssl rand -base64 32, one for each"
        findings.append(Finding("privacy", Level.FAIL, "identity_key or payload_key are still the example's", remedy))
    return [*findings, _apps(settings)]


def _apps(settings: Settings) -> Finding:
    remedy = "tidegate keys create --app NAME"
    if not settings.apps:
        return Finding("apps", Level.WARN, "no [[app]]: nobody can send", remedy)
    unset = [app.name for app in settings.apps if _NO_KEY in app.key_sha256]
    if unset:
        return Finding("apps", Level.WARN, f"{', '.join(unset)}: key_sha256 is still the example's", remedy)
    return Finding("apps", Level.OK, f"{len(settings.apps)} app(s) with keys")
