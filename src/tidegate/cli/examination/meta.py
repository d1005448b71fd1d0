"""Meta's side: does each token open its numbers, what may it do and for how long, does the app get webhooks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from tidegate.cli.examination.finding import PLACEHOLDERS, Finding, Level
from tidegate.cloudapi.error_codes import lookup
from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.graph_reads import VERSION
from tidegate.settings import Settings
from tidegate.settings.tables import Waba
from tidegate.upstream import Upstream

#: What sending and reading take. Source: Meta, "Permissions" of the WhatsApp Business Platform.
PERMISSIONS: Final = ("whatsapp_business_management", "whatsapp_business_messaging")
_NEW_TOKEN: Final = "make a new system user token and put it into access_token"
_MOST_SKEW_S: Final = 5
_DAY_S: Final = 86_400
_SOON_DAYS: Final = 14


class NoGraph(Exception):
    """Nothing that speaks as the Graph API answered; the message says what did."""


async def examine_meta(settings: Settings) -> list[Finding]:
    """Ask Graph with each account's token. What Meta does not tell of a token is left out."""
    tokens = {number.id: waba.access_token.get_secret_value() for _, waba, number in settings.numbers}
    upstream = Upstream(settings.upstream.base_url, settings.upstream.timeout_ms / 1000, tokens)
    await upstream.start()
    try:
        asking = _Asking(upstream)
        findings = [await asking.number(number, token) for number, token in tokens.items()]
        if all(finding.level is Level.OK for finding in findings):
            for portfolio in settings.portfolios:
                for waba in portfolio.wabas:
                    findings += await asking.account(waba)
        return findings + asking.clock()
    finally:
        await upstream.close()


class _Asking:
    """Reads of Graph, and how far its clock is from this machine's by the `Date` of its answers."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._skew_s: float | None = None

    async def number(self, number: str, token: str) -> Finding:
        """Whether the token opens the number."""
        if token in PLACEHOLDERS:
            remedy = "put the account's system user token into access_token"
            return Finding("token", Level.FAIL, f"number {number}: still the example's", remedy)
        try:
            status, body = await self._get(f"/{VERSION}/{number}?fields=id,quality_rating,status", token)
        except NoGraph as fault:
            remedy = "open the way to it (DNS, firewall), or correct upstream.base_url"
            return Finding("token", Level.FAIL, f"number {number}: {fault}", remedy)
        return judge_number(number, status, body)

    async def account(self, waba: Waba) -> list[Finding]:
        """How long the account's token lasts, what it may do, and whether an app gets the account's webhooks."""
        token = waba.access_token.get_secret_value()
        try:
            # Meta takes it as a parameter only; the way is TLS, and nothing of it is logged.
            _, described = await self._get(f"/{VERSION}/debug_token?input_token={quote(token, safe='')}", token)
            status, apps = await self._get(f"/{VERSION}/{waba.id}/subscribed_apps", token)
        except NoGraph as fault:
            return [Finding("token", Level.WARN, f"account {waba.id}: {fault}", "run doctor again")]
        now_s = time.time()  # noqa: TID251 - a token ends by the wall clock
        return [*judge_token(waba.id, described, now_s), *judge_subscription(waba.id, status, apps)]

    def clock(self) -> list[Finding]:
        """This machine's clock against Graph's; nothing when Graph did not answer."""
        return [] if self._skew_s is None else [judge_date(self._skew_s)]

    async def _get(self, path: str, token: str) -> tuple[int, Mapping[str, Any]]:
        upstream = self._upstream
        try:
            async with upstream.session.get(
                upstream.url(path), headers={"Authorization": f"Bearer {token}"}, allow_redirects=False
            ) as answer:
                status, content, date = answer.status, await answer.read(), answer.headers.get("Date", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoGraph(f"{upstream.base_url} can't be reached ({type(error).__name__})") from None
        try:
            body = read_json(content)
        except BadJson:
            raise NoGraph(f"{upstream.base_url} does not answer as the Graph API (HTTP {status})") from None
        self._look_at(date)
        return status, body if isinstance(body, dict) else {}

    def _look_at(self, date: str) -> None:
        try:
            told_s = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        # The header is whole seconds, cut off: half of one is what it lacks as a rule.
        self._skew_s = time.time() - told_s - 0.5  # noqa: TID251 - this machine's clock is examined


def judge_number(number: str, status: int, body: Mapping[str, Any]) -> Finding:
    """Graph's answer to a read of a number."""
    if status == 200 and str(body.get("id")) == number:
        return Finding("token", Level.OK, f"number {number}: opens it")
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if status == 401 or code in (0, 190):
        return Finding("token", Level.FAIL, f"number {number}: expired or not valid{_code(code)}", _NEW_TOKEN)
    remedy = "check number.id, and that the token has whatsapp_business_management and whatsapp_business_messaging"
    return Finding("token", Level.FAIL, f"number {number}: Graph answers HTTP {status}{_code(code)}", remedy)


def _code(code: Any) -> str:
    """Meta's error code with its meaning."""
    return f" (code {code}: {lookup(code).title})" if isinstance(code, int) else ""


def judge_token(waba: str, body: Mapping[str, Any], now_s: float) -> list[Finding]:
    """Graph's answer to `debug_token`; nothing where Meta does not say it to this token.

    Source: Meta, "Debug-Token": `expires_at` and `data_access_expires_at` in seconds, 0 for never.
    """
    data = body.get("data")
    if not isinstance(data, dict):
        return []
    missing = [name for name in PERMISSIONS if name not in data.get("scopes", PERMISSIONS)]
    if missing:
        remedy = "give the system user's token these permissions: make a new one"
        return [Finding("token", Level.FAIL, f"account {waba}: may not {', '.join(missing)}", remedy)]
    told = (data.get("expires_at"), data.get("data_access_expires_at"))
    ends_s = [end for end in told if isinstance(end, int) and end > 0]
    if not ends_s:
        return [Finding("token", Level.OK, f"account {waba}: has both permissions and does not end")]
    days = int((min(ends_s) - now_s) // _DAY_S)
    if days < _SOON_DAYS:
        return [Finding("token", Level.WARN, f"account {waba}: ends in {max(0, days)} days", _NEW_TOKEN)]
    return [Finding("token", Level.OK, f"account {waba}: has both permissions and lasts {days} days more")]


def judge_subscription(waba: str, status: int, body: Mapping[str, Any]) -> list[Finding]:
    """Graph's answer to a read of the account's `subscribed_apps`. Source: Meta, "Subscribe to a WABA"."""
    apps = body.get("data")
    if status != 200 or not isinstance(apps, list):
        return []
    if not apps:
        remedy = f"POST /{waba}/subscribed_apps with its token: until then Meta sends no webhook of this account"
        return [Finding("webhook", Level.FAIL, f"account {waba}: no app is subscribed", remedy)]
    names = ", ".join(_app_name(app) for app in apps)
    return [Finding("webhook", Level.OK, f"account {waba}: subscribed by {names}")]


def _app_name(app: Any) -> str:
    told = app.get("whatsapp_business_api_data") if isinstance(app, dict) else None
    return str(told.get("name") or told.get("id")) if isinstance(told, dict) else "an app"


def judge_date(skew_s: float) -> Finding:
    """This machine's clock, so many seconds ahead of Graph's."""
    if abs(skew_s) <= _MOST_SKEW_S:
        return Finding("clock", Level.OK, "in step with Graph's")
    way = "ahead of" if skew_s > 0 else "behind"
    found = f"this machine's clock is {abs(skew_s):.0f} s {way} Graph's"
    return Finding("clock", Level.WARN, found, "keep it in step by NTP (chrony, systemd-timesyncd)")
