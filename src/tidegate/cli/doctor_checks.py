"""What `tidegate doctor` looks at, one function a subject; each gives findings, and a remedy for every bad one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp
from yarl import URL

from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.edge.door import http_parser
from tidegate.errors import TidegateError
from tidegate.graph_reads import VERSION
from tidegate.policy.identity import Identity
from tidegate.settings import Settings
from tidegate.store.client import StoreConnection, connect
from tidegate.store.condition import StoreCondition, inspect
from tidegate.store.identity_mark import REMEDY, marked_otherwise
from tidegate.store.steerable_clock import SteerableClock
from tidegate.upstream import Upstream

MOST_SKEW_MS: Final = 1_000

#: Values of tidegate.example.toml that are there to be replaced.
PLACEHOLDERS: Final = frozenset(
    {
        "choose-one-and-tell-meta",
        "the-current-app-secret",
        "replace-me-with-32-or-more-random-bytes",
        "replace-me-as-well-and-differently-please",
        "replace-me",
        "EAAG-replace-me",
    }
)
_NO_KEY: Final = "0" * 64


class Level(StrEnum):
    """How much a finding weighs: only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where nothing is wrong."""

    subject: str
    level: Level
    found: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; what can't be reached is a finding as well, never an exception."""
    return [
        _parser(),
        *await _store(settings),
        *await _tokens(settings),
        *_webhook(settings),
        *_apps(settings),
        _alerts(settings),
    ]


def _parser() -> Finding:
    if http_parser.is_in_c():
        return Finding("parser", Level.OK, "aiohttp reads HTTP by its parser in C")
    found = "aiohttp runs without its HTTP parser in C: serve does not start"
    return Finding("parser", Level.FAIL, found, http_parser.REMEDY)


async def _store(settings: Settings) -> list[Finding]:
    try:
        connection = await connect(settings.store.url.get_secret_value(), adopt=True)
    except TidegateError as fault:
        return [Finding("store", Level.FAIL, str(fault), "see store.url in docs/configuration.md")]
    async with connection:
        try:
            condition = await inspect(connection.client)
            skew_ms = await _skew_ms(settings, connection)
            foreign = await _foreign_books(settings, connection)
        except TidegateError as fault:
            remedy = "start the store, or correct store.url; a firewall or a password may stand between"
            return [Finding("store", Level.FAIL, f"it does not answer: {fault}", remedy)]
    return [*_condition(condition, settings.store.replicas_ack), *foreign, *_clock(settings, skew_ms)]


async def _foreign_books(settings: Settings, connection: StoreConnection) -> list[Finding]:
    mark = Identity(settings.privacy.identity_key.get_secret_value()).mark
    wrong = await marked_otherwise(connection.client, [portfolio.id for portfolio in settings.portfolios], mark)
    return [] if wrong is None else [Finding("privacy", Level.FAIL, wrong, REMEDY)]


def _condition(condition: StoreCondition, replicas_ack: int) -> list[Finding]:
    def finding(level: Level, found: str, remedy: str = "") -> Finding:
        return Finding("store", level, found, remedy)

    bad = []
    for refusal in condition.refusals(undurable_allowed=True):
        found, _, remedy = refusal.rpartition(": ")
        bad.append(finding(Level.FAIL, found, remedy))
    if not condition.writable:
        remedy = "point store.url at the primary, free its disk, or connect the replicas that it insists on"
        bad.append(finding(Level.FAIL, "it takes no writes", remedy))
    if not condition.durable:
        remedy = "set appendonly yes and appendfsync always"
        bad.append(finding(Level.FAIL, "a restart of it forgets what was accepted", remedy))
    elif condition.appendfsync == "everysec":
        remedy = "set appendfsync always, or replicas_ack here"
        bad.append(finding(Level.WARN, "a power loss forgets its last second", remedy))
    if condition.replicas < replicas_ack:
        found = f"replicas_ack is {replicas_ack}, but {condition.replicas} replicas are connected"
        bad.append(finding(Level.FAIL, found, "connect them, or lower store.replicas_ack"))
    kept = f"{condition.server.value} {condition.version} answers"
    if not bad:
        kept += f", takes writes, keeps them (appendfsync {condition.appendfsync or 'unknown'}), evicts nothing"
    return [finding(Level.OK, kept), *bad]


async def _skew_ms(settings: Settings, connection: StoreConnection) -> int:
    """How far this machine's clock is ahead of the store's; the way of the answer counts half."""
    clock = SteerableClock(connection.client, [portfolio.id for portfolio in settings.portfolios])
    before_s = time.time()  # noqa: TID251 - this machine's clock is the thing to be examined
    store_ms = await clock.now_ms()
    after_s = time.time()  # noqa: TID251 - as above
    return round((before_s + after_s) * 500) - store_ms


def _clock(settings: Settings, skew_ms: int) -> list[Finding]:
    findings = []
    if abs(skew_ms) > MOST_SKEW_MS:
        way = "ahead of" if skew_ms > 0 else "behind"
        found = f"this machine's clock is {abs(skew_ms) / 1000:.1f} s {way} the store's"
        findings.append(Finding("clock", Level.WARN, found, "keep both in step by NTP (chrony, systemd-timesyncd)"))
    else:
        findings.append(Finding("clock", Level.OK, f"{abs(skew_ms)} ms from the store's"))
    if settings.testing.clock:
        remedy = "set testing.clock to false; it is for tests only"
        findings.append(Finding("clock", Level.WARN, "anybody with the scope admin can move time", remedy))
    return findings


async def _tokens(settings: Settings) -> list[Finding]:
    tokens = {number.id: waba.access_token.get_secret_value() for _, waba, number in settings.numbers}
    upstream = Upstream(settings.upstream.base_url, settings.upstream.timeout_ms / 1000, tokens)
    await upstream.start()
    try:
        return [await _token(upstream, number, token) for number, token in tokens.items()]
    finally:
        await upstream.close()


async def _token(upstream: Upstream, number: str, token: str) -> Finding:
    if token in PLACEHOLDERS:
        remedy = "put the account's system user token into access_token"
        return Finding("token", Level.FAIL, f"number {number}: still the example's", remedy)
    path = f"/{VERSION}/{number}?fields=id,quality_rating,status"
    try:
        async with upstream.session.get(
            upstream.url(path), headers={"Authorization": f"Bearer {token}"}, allow_redirects=False
        ) as answer:
            status, content = answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        found = f"number {number}: {upstream.base_url} can't be reached ({type(error).__name__})"
        return Finding("token", Level.FAIL, found, "open the way to it (DNS, firewall), or correct upstream.base_url")
    try:
        body = read_json(content)
    except BadJson:
        found = f"number {number}: {upstream.base_url} does not answer as the Graph API (HTTP {status})"
        return Finding("token", Level.FAIL, found, "correct upstream.base_url")
    return _judge_token(number, status, body if isinstance(body, dict) else {})


def _judge_token(number: str, status: int, body: dict[str, Any]) -> Finding:
    if status == 200 and str(body.get("id")) == number:
        return Finding("token", Level.OK, f"number {number}: opens it")
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if status == 401 or code in (0, 190):
        remedy = "make a new system user token and put it into access_token"
        return Finding("token", Level.FAIL, f"number {number}: expired or not valid (code {code})", remedy)
    remedy = "check number.id, and that the token has whatsapp_business_management and whatsapp_business_messaging"
    return Finding("token", Level.FAIL, f"number {number}: Graph answers HTTP {status}, code {code}", remedy)


def _webhook(settings: Settings) -> list[Finding]:
    secrets = [secret.get_secret_value() for secret in settings.webhook.app_secrets]
    stale = PLACEHOLDERS.intersection([*secrets, settings.webhook.verify_token.get_secret_value()])
    if stale:
        remedy = "copy the app secret from Meta's app dashboard, and choose a verify token"
        return [Finding("webhook", Level.FAIL, "verify_token or app_secrets are still the example's", remedy)]
    return [Finding("webhook", Level.OK, f"verify token and {len(secrets)} app secret(s) are there")]


def _alerts(settings: Settings) -> Finding:
    alerts = settings.alerts
    if alerts.webhook_url is None or alerts.webhook_secret is None:
        remedy = "set alerts.webhook_url and alerts.webhook_secret"
        return Finding("alerts", Level.WARN, "nobody is told when something stops, or opens again", remedy)
    if alerts.webhook_secret.get_secret_value() in PLACEHOLDERS:
        return Finding("alerts", Level.FAIL, "alerts.webhook_secret is still the example's", "openssl rand -base64 32")
    # A path may be a secret too: the host is all that is shown of it.
    return Finding("alerts", Level.OK, f"what stops and opens is told to {URL(alerts.webhook_url).host}")


def _apps(settings: Settings) -> list[Finding]:
    privacy = (settings.privacy.identity_key, settings.privacy.payload_key)
    findings = []
    if any(key.get_secret_value().decode("utf-8", "replace") in PLACEHOLDERS for key in privacy):
        remedy = "openssl rand -base64 32, one for each"
        findings.append(Finding("privacy", Level.FAIL, "identity_key or payload_key are still the example's", remedy))
    findings += _callers(settings)
    return findings


def _callers(settings: Settings) -> Sequence[Finding]:
    remedy = "tidegate keys create --app NAME"
    if not settings.apps:
        return [Finding("apps", Level.WARN, "no [[app]]: nobody can send", remedy)]
    unset = [app.name for app in settings.apps if _NO_KEY in app.key_sha256]
    if unset:
        return [Finding("apps", Level.WARN, f"{', '.join(unset)}: key_sha256 is still the example's", remedy)]
    return [Finding("apps", Level.OK, f"{len(settings.apps)} app(s) with keys")]
