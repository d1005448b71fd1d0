"""The webhook's door: its secrets, and whether Meta's handshake gets through by the public address."""

from __future__ import annotations

import secrets
from typing import Final

import aiohttp

from tidegate.cli.examination.finding import PLACEHOLDERS, Finding, Level
from tidegate.settings import Settings

_PATH: Final = "/webhooks/whatsapp"
_PATIENCE: Final = aiohttp.ClientTimeout(total=10)
_LONGEST: Final = 4096


async def examine_door(settings: Settings) -> list[Finding]:
    """Look at the secrets, then knock as Meta does; without `server.public_url` nobody knows where."""
    webhook = settings.webhook
    held = [secret.get_secret_value() for secret in webhook.app_secrets]
    verify_token = webhook.verify_token.get_secret_value()
    if PLACEHOLDERS.intersection([*held, verify_token]):
        remedy = "copy the app secret from Meta's app dashboard, and choose a verify token"
        return [Finding("webhook", Level.FAIL, "verify_token or app_secrets are still the example's", remedy)]
    there = Finding("webhook", Level.OK, f"verify token and {len(held)} app secret(s) are there")
    public = settings.server.public_url
    return [there] if public is None else [there, await _knock(public.rstrip("/") + _PATH, verify_token)]


async def _knock(url: str, verify_token: str) -> Finding:
    """Meta's handshake. Source: Meta, "Create a webhook endpoint"."""
    challenge = str(secrets.randbelow(10**9))
    query = {"hub.mode": "subscribe", "hub.verify_token": verify_token, "hub.challenge": challenge}
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.get(url, params=query, allow_redirects=False) as answer,
        ):
            status, content = answer.status, await answer.content.read(_LONGEST)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # From inside a network its own public address often leads nowhere, and the node may not run yet.
        remedy = "start the node; then try it from outside, where Meta is, with the verify token"
        return Finding("webhook", Level.WARN, f"{url} can't be reached from here ({type(error).__name__})", remedy)
    if status == 200 and content.decode("utf-8", "replace") == challenge:
        return Finding("webhook", Level.OK, f"{url} answers Meta's handshake")
    if status == 403:
        remedy = "the node that answers has another verify_token: give all nodes this one, and send them SIGHUP"
        return Finding("webhook", Level.FAIL, f"{url} refuses the verify token", remedy)
    remedy = "let the proxy pass this path on to the gateway, unchanged"
    return Finding("webhook", Level.FAIL, f"{url} answers HTTP {status}, and not as the gateway", remedy)
