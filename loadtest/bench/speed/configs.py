"""The configurations of what is measured: tidegate's, nginx's and haproxy's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate.settings.app_keys import hash_key

KEY: Final = "tg_bench"
APP_SECRET: Final = "app-secret"
IDENTITY_KEY: Final = "identity-identity-identity-key-32"
#: As large as counting needs, and never full.
LIMIT: Final = 50_000_000

_GUARDRAILS: Final = (
    "service_window", "messaging_limit", "category_reserve", "pair_rate", "throughput", "template_health",
    "number_standing", "account_restricted", "user_marketing_limit", "recipient_suppressed", "early_warning",
)  # fmt: skip
#: All that have a mode and are on by default, off.
RULES_OFF: Final = "".join(f'[rules.{name}]\nmode = "off"\n' for name in _GUARDRAILS)
#: As they are where nothing is said of them.
RULES_DEFAULT: Final = ""
#: Those that need a table of their own to be on, on: none of them objects to what is sent here.
RULES_ALL: Final = """
[rules.quiet_hours]
from = "21:00"
to = "08:00"
[rules.consent]
[rules.frequency_cap]
per_day = 2
per_week = 4
[rules.warm_up]
[rules.duplicates]
[rules.budget]
amount = "100000000.00"
[[rules.budget.rate_card]]
currency = "USD"
[rules.budget.rate_card.markets.other]
prefixes = ["*"]
marketing = "0.0500"
utility = "0.0100"
authentication = "0.0100"
"""


@dataclass(frozen=True, slots=True)
class Estate:
    """`portfolios` portfolios of one account each, with so many numbers each at 1,000 messages a second."""

    portfolios: int = 1
    numbers_each: int = 32

    def portfolio(self, index: int) -> str:
        """The name of one."""
        return f"bench-{index}"

    def waba(self, index: int) -> str:
        """The account of a portfolio."""
        return str(102_290_129_340_398 + index)

    def number(self, index: int, at: int) -> str:
        """One of its numbers."""
        return str(106_540_352_242_922 + index * 1_000 + at)

    def display_number(self, number: str) -> str:
        """A number as users see it."""
        return f"1555{int(number) % 10_000_000:07}"

    @property
    def numbers(self) -> list[str]:
        """All numbers, those of one portfolio after those of another."""
        return [self.number(i, at) for at in range(self.numbers_each) for i in range(self.portfolios)]

    def waba_of(self, number: str) -> str:
        """The account of a number."""
        return self.waba((int(number) - int(self.number(0, 0))) // 1_000)


def tidegate_toml(
    port: int, store_url: str, upstream: str, estate: Estate, rules: str, *, limit: int = LIMIT, replicas_ack: int = 0
) -> str:
    """A node's configuration; a `limit` of 0 is none."""
    most = str(limit) if limit else '"TIER_UNLIMITED"'
    head = f"""
[server]
listen = "127.0.0.1:{port}"
[store]
url = "{store_url}"
undurable = "allow"
replicas_ack = {replicas_ack}
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "verify"
app_secrets = ["{APP_SECRET}"]
[privacy]
identity_key = "{IDENTITY_KEY}"
payload_key = "payload-payload-payload-key-32byt"
[poll]
interval = "6h"
[[app]]
name = "bench"
key_sha256 = "{hash_key(KEY)}"
scopes = ["send", "read", "admin"]
"""
    return head + "".join(_portfolio(estate, index, most) for index in range(estate.portfolios)) + "[rules]\n" + rules


def _portfolio(estate: Estate, index: int, most: str) -> str:
    numbers = "".join(
        f'[[portfolio.waba.number]]\nid = "{number}"\nthroughput = 1000\n'
        f'display_phone_number = "{estate.display_number(number)}"\n'
        for number in (estate.number(index, at) for at in range(estate.numbers_each))
    )
    return (
        f'[[portfolio]]\nid = "{estate.portfolio(index)}"\nmessaging_limit = {most}\n'
        f'[[portfolio.waba]]\nid = "{estate.waba(index)}"\naccess_token = "EAAG-bench"\n{numbers}'
    )


def nginx_conf(port: int, upstream_port: int, directory: str) -> str:
    """One worker, connections to the upstream kept, nothing logged."""
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log error;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; {temporary}
  upstream graph {{ server 127.0.0.1:{upstream_port}; keepalive 512; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ proxy_pass http://graph; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def haproxy_cfg(port: int, upstream_port: int) -> str:
    """One thread, connections to the upstream shared and kept, nothing logged."""
    return f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  default_backend graph
backend graph
  server graph 127.0.0.1:{upstream_port}
"""
