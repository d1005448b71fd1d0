"""The documented configuration, and what each key refuses."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.unit.settings.conftest import SAMPLE, SECRETS, FaultFinder, Loader
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.rules import Hold, Mode
from tidegate.settings import Scope
from tidegate.settings.tables import Upstream


def test_the_documented_configuration_is_read_to_the_letter(loaded: Loader) -> None:
    settings = loaded()

    assert (settings.server.host, settings.server.port, settings.server.workers) == ("127.0.0.1", 8080, 1)
    assert settings.store.url.get_secret_value() == "embedded:./data"
    assert (settings.store.embedded_directory, settings.store.replicas_ack) == ("./data", 0)
    assert (settings.upstream.base_url, settings.upstream.timeout_ms) == (
        "https://graph.facebook.com",
        10_000,
    )
    assert settings.webhook.verify_token.get_secret_value() == "hub-verify-token"
    assert [s.get_secret_value() for s in settings.webhook.app_secrets] == [
        "current-app-secret",
        "previous-app-secret",
    ]
    assert settings.privacy.identity_key.get_secret_value() == b"identity-identity-identity-key-32"
    assert settings.privacy.payload_key.get_secret_value() == b"payload-payload-payload-key-32byt"
    [(portfolio, waba, number)] = settings.numbers
    assert (portfolio.id, portfolio.messaging_limit) == ("lucky-shrub", 2000)
    assert (waba.id, waba.access_token.get_secret_value()) == ("102290129340398", "EAAGsystemusertoken")
    assert (number.id, number.display_phone_number, number.throughput) == (
        "106540352242922",
        "15550783881",
        80,
    )
    [app] = settings.apps
    assert app.name == "checkout"
    assert app.key_sha256 == ("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",)
    assert app.scopes == (Scope.SEND, Scope.READ, Scope.ADMIN)
    assert app.numbers == ("106540352242922",)
    assert app.webhook_url == "https://checkout.example/whatsapp"
    assert app.webhook_secret is not None
    assert app.webhook_secret.get_secret_value() == "relay-signing-secret"
    rules = settings.rules
    assert (rules.headroom, rules.pacing_wait_ms, rules.late_delivery_hold) == (0.05, 2_000, True)
    assert [rules.reserve.of(c) for c in Category] == [0.05, 0.10, 0]
    assert [rules.hold.of(c) for c in Category] == [Hold.REJECT, Hold.QUEUE, Hold.QUEUE]
    assert [rules.max_wait.of(c) for c in Category] == [600_000, 86_400_000, 259_200_000]
    assert rules.quiet_hours is not None
    assert (rules.quiet_hours.from_minute, rules.quiet_hours.to_minute) == (21 * 60, 8 * 60)
    assert rules.mode("quiet_hours") is Mode.ENFORCE
    assert (settings.poll.interval_ms, settings.testing.clock) == (300_000, False)


def test_what_is_left_out_has_the_documented_value(loaded: Loader) -> None:
    start = SAMPLE.index("[rules]")
    settings = loaded(
        (SAMPLE[start:], ""),
        (SAMPLE[SAMPLE.index("[server]") : SAMPLE.index("[webhook]")], ""),
        ('display_phone_number = "15550783881"\nthroughput = 80\n', ""),
        ('scopes = ["send", "read", "admin"]\nnumbers = ["106540352242922"]\n', ""),
        ('messaging_limit = "TIER_2K"\n', ""),
    )
    full = loaded((SAMPLE[SAMPLE.index("[rules.quiet_hours]") : SAMPLE.index("[poll]")], ""))
    assert (settings.server, settings.store, settings.upstream) == (full.server, full.store, full.upstream)
    assert (settings.rules, settings.poll, settings.testing) == (full.rules, full.poll, full.testing)
    assert next(settings.numbers)[2].throughput == 80
    assert settings.portfolios[0].messaging_limit == 250  # the smallest of Meta's tiers
    assert settings.apps[0].numbers is None
    assert settings.apps[0].may_use("any")
    assert Scope.ADMIN not in settings.apps[0].scopes


def test_numbers_accounts_and_portfolios_are_found_by_number(loaded: Loader) -> None:
    settings = loaded(
        (
            "[[app]]",
            '[[portfolio.waba.number]]\nid = "2"\n[[portfolio]]\nid = "p"\n[[portfolio.waba]]\nid = "7"\n'
            'access_token = "t"\n[[portfolio.waba.number]]\nid = 3\n[[app]]',
        ),
    )
    assert [(p.id, w.id, n.id) for p, w, n in settings.numbers] == [
        ("lucky-shrub", "102290129340398", "106540352242922"),
        ("lucky-shrub", "102290129340398", "2"),
        ("p", "7", "3"),
    ]
    assert [w.id for _, w in settings.wabas] == ["102290129340398", "7"]
    portfolio, waba, number = settings.portfolio_of("3"), settings.waba_of("3"), settings.number("3")
    assert portfolio is not None
    assert waba is not None
    assert number is not None
    assert (portfolio.id, waba.id, number.id) == ("p", "7", "3")
    assert settings.portfolio_of("9") is None
    assert settings.waba_of("9") is None
    assert settings.number("9") is None
    assert not settings.apps[0].may_use("2")


def test_no_secret_and_no_phone_number_is_shown_or_lost_on_the_way_to_a_worker(loaded: Loader) -> None:
    settings = loaded(('"embedded:./data"', '"redis://user:store-password@store:6379/0"'))
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert not [secret for secret in (*SECRETS, "store-password") if secret in shown]
    assert "15550783881" not in repr(settings)
    copied = pickle.loads(pickle.dumps(settings))
    assert copied == settings
    assert copied.privacy.identity_key.get_secret_value() == b"identity-identity-identity-key-32"


LISTEN = 'listen = "127.0.0.1:8080"'


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        pytest.param("0.0.0.0:80", "0.0.0.0", 80, id="every address"),
        pytest.param("[::1]:8080", "::1", 8080, id="an IPv6 address in brackets"),
        pytest.param("gateway.internal:0", "gateway.internal", 0, id="a name, and a port that the system chooses"),
    ],
)
def test_listen_has_a_host_and_a_port(loaded: Loader, listen: str, host: str, port: int) -> None:
    server = loaded((LISTEN, f'listen = "{listen}"')).server
    assert (server.host, server.port) == (host, port)


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        pytest.param('"TIER_250"', 250, id="the smallest tier"),
        pytest.param('"TIER_1K"', 1000, id="a tier of the old ladder"),
        pytest.param('"TIER_UNLIMITED"', UNLIMITED, id="unlimited"),
        pytest.param("1234", 1234, id="a number"),
    ],
)
def test_a_messaging_limit_is_a_tier_or_a_number(loaded: Loader, written: str, limit: int) -> None:
    assert loaded(('"TIER_2K"', written)).portfolios[0].messaging_limit == limit


def test_a_store_that_forgets_is_refused_and_no_journal_is_kept_unless_asked_for(loaded: Loader) -> None:
    left_out = loaded()
    assert (left_out.store.undurable, left_out.journal.directory) == ("refuse", None)
    journal = '[journal]\ndirectory = "/var/lib/tidegate/journal"\n[poll]\n'
    asked = loaded(("replicas_ack = 0", 'undurable = "allow"'), ("[poll]\n", journal))
    assert (asked.store.undurable, asked.journal.directory) == ("allow", Path("/var/lib/tidegate/journal"))


def test_an_app_may_have_several_keys_in_either_case(loaded: Loader) -> None:
    line = next(line for line in SAMPLE.splitlines() if line.startswith("key_sha256"))
    settings = loaded((line, f'key_sha256 = ["{"A" * 64}", "{"b" * 64}"]'))
    assert settings.apps[0].key_sha256 == ("a" * 64, "b" * 64)


@pytest.mark.parametrize(
    ("old", "new", "path", "problem"),
    [
        pytest.param(LISTEN, 'path_prefix = "wa"', "server.path_prefix", "path", id="a prefix that is no path"),
        pytest.param(LISTEN, 'path_prefix = "/v25.0"', "server.path_prefix", "Graph", id="a prefix like a version"),
        pytest.param(LISTEN, 'path_prefix = "/wa/../x"', "server.path_prefix", "path", id="a prefix with dots"),
        pytest.param(LISTEN, 'public_url = "gate"', "server.public_url", "address", id="a public address that is none"),
        pytest.param(
            "[upstream]",
            '[upstream]\nmedia_origins = ["https://h/path"]',
            "upstream.media_origins[0]",
            "without a path",
            id="an origin with a path",
        ),
        pytest.param(LISTEN, 'listen = "8080"', "server.listen", "host:port", id="a port without a host"),
        pytest.param(LISTEN, 'listen = ":8080"', "server.listen", "host:port", id="an empty host"),
        pytest.param(LISTEN, 'listen = "h:65536"', "server.listen", "host:port", id="a port past 65535"),
        pytest.param(LISTEN, 'listen = "::1:80"', "server.listen", "host:port", id="an IPv6 address without brackets"),
        pytest.param(LISTEN, 'listen = "h:８0"', "server.listen", "host:port", id="full-width digits in a port"),
        pytest.param("workers = 1", "workers = 0", "server.workers", "greater than or equal to 1", id="no worker"),
        pytest.param("workers = 1", "workers = true", "server.workers", "whole number", id="a truth for a number"),
        pytest.param("workers = 1", 'workers = "1"', "server.workers", "whole number", id="a number in quotes"),
        pytest.param("embedded:./data", "sqlite:///x", "store.url", "must begin with", id="an unknown kind of store"),
        pytest.param("embedded:./data", "embedded:", "store.url", "must begin with", id="no directory"),
        pytest.param("replicas_ack = 0", "replicas_ack = -1", "store.replicas_ack", "or equal to 0", id="-1 replicas"),
        pytest.param(
            "replicas_ack = 0", 'undurable = "yes"', "store.undurable", "'refuse' or 'allow'", id="a risk taken by half"
        ),
        pytest.param("[poll]\n", "[journal]\ndirectory = 3\n[poll]\n", "journal.directory", "path", id="no folder"),
        pytest.param("[poll]\n", "[journal]\nfolder = 3\n[poll]\n", "journal.folder", "unknown", id="another word"),
        pytest.param(
            "https://graph", "ftp://graph", "upstream.base_url", "https://host", id="an upstream without http"
        ),
        pytest.param("https://graph.facebook.com", "https://", "upstream.base_url", "https://host", id="no host"),
        pytest.param("graph.facebook.com", "u:p@h", "upstream.base_url", "user name", id="a password in the upstream"),
        pytest.param("graph.facebook.com", "h/?x=1", "upstream.base_url", "query", id="a query in the upstream"),
        pytest.param("graph.facebook.com", "h:99999", "upstream.base_url", "https://host", id="an upstream's odd port"),
        pytest.param("graph.facebook.com", "[::1", "upstream.base_url", "https://host", id="half an IPv6 address"),
        pytest.param('timeout = "10s"', "timeout = 0", "upstream.timeout", "longer than 0", id="no time to answer in"),
        pytest.param('"hub-verify-token"', '""', "webhook.verify_token", "not be empty", id="an empty verify token"),
        pytest.param('"hub-verify-token"', "7", "webhook.verify_token", "string", id="a number for a secret"),
        pytest.param(
            '["current-app-secret", "previous-app-secret"]',
            "[]",
            "webhook.app_secrets",
            "at least one",
            id="no app secret",
        ),
        pytest.param('"previous-app-secret"', '""', "webhook.app_secrets[1]", "not be empty", id="an empty app secret"),
        pytest.param("identity-identity-identity-key-32", "short", "privacy.identity_key", "32", id="a short key"),
        pytest.param(
            'id = "lucky-shrub"', 'id = "a{b}"', "portfolio[0].id", "1 to 64", id="braces in a portfolio's id"
        ),
        pytest.param(
            '"TIER_2K"',
            '"TIER_NOT_SET"',
            "portfolio[0].messaging_limit",
            "tier",
            id="a tier that says nothing",
        ),
        pytest.param('"102290129340398"', '"١٢٣"', "portfolio[0].waba[0].id", "digits", id="digits that are not ASCII"),
        pytest.param('"102290129340398"', "true", "portfolio[0].waba[0].id", "digits", id="a truth for an id"),
        pytest.param(
            "EAAGsystemusertoken",
            "two words",
            "portfolio[0].waba[0].access_token",
            "ASCII",
            id="a token that no header can carry",
        ),
        pytest.param(
            '"15550783881"',
            '"call me"',
            "portfolio[0].waba[0].number[0].display_phone_number",
            "phone number",
            id="words for a phone number",
        ),
        pytest.param(
            "throughput = 80",
            "throughput = 0",
            "portfolio[0].waba[0].number[0].throughput",
            "greater than or equal to 1",
            id="no throughput",
        ),
        pytest.param('name = "checkout"', 'name = ""', "app[0].name", "1 to 64", id="an app without a name"),
        pytest.param("2bb80d537b1d", "2bb80d537b1", "app[0].key_sha256[0]", "64 hex", id="63 digits of a hash"),
        pytest.param(
            '"admin"', '"root"', "app[0].scopes[2]", "'send', 'read', 'admin' or 'oncall'", id="an unknown scope"
        ),
        pytest.param(
            "https://checkout", "gopher://checkout", "app[0].webhook_url", "https://host", id="no web address"
        ),
        pytest.param("example/whatsapp", "example/#x", "app[0].webhook_url", "https://host", id="a fragment"),
        pytest.param("headroom = 0.05", "headroom = 1", "rules.headroom", "less than 1", id="all of it as headroom"),
        pytest.param("headroom = 0.05", "headroom = true", "rules.headroom", "number", id="a truth for a share"),
        pytest.param("headroom = 0.05", "headroom = nan", "rules.headroom", "number", id="a share that is no number"),
        pytest.param('utility = "24h"', 'utility = "1 day"', "rules.max_wait.utility", "24h", id="a day in words"),
        pytest.param(
            'marketing = "queue"',
            'marketing = "drop"',
            "rules.hold.marketing",
            "'queue' or 'reject'",
            id="an unknown hold",
        ),
        pytest.param('from = "21:00"', 'from = "24:00"', "rules.quiet_hours.from", "21:00", id="an hour past the day"),
        pytest.param('to = "08:00"', 'to = "21:00"', "rules.quiet_hours", "same time", id="quiet from nine to nine"),
        pytest.param('interval = "5m"', "interval = -1", "poll.interval", "duration", id="an interval before zero"),
        pytest.param("clock = false", 'clock = "no"', "testing.clock", "true or false", id="a truth in quotes"),
        pytest.param(
            "[poll]\n",
            "poll = 3\n[other]\n",
            "rules.quiet_hours.poll",
            "unknown key",
            id="a key that is lost",
        ),
    ],
)
def test_a_key_refuses_what_it_cannot_mean(faults: FaultFinder, old: str, new: str, path: str, problem: str) -> None:
    found = {fault.path: fault.problem for fault in faults((old, new))}
    assert path in found
    assert problem in found[path]


@pytest.mark.parametrize(
    ("cut", "path", "problem"),
    [
        pytest.param(("[webhook]", "[privacy]"), "webhook", "required", id="no [webhook]"),
        pytest.param(("[privacy]", "[[portfolio]]"), "privacy", "required", id="no [privacy]"),
        pytest.param(("[[portfolio]]", "[[app]]"), "portfolio", "required", id="no portfolio"),
        pytest.param(
            ("verify_token", "app_secrets"),
            "webhook.verify_token",
            "required (or verify_token_file)",
            id="a secret that may come from a file",
        ),
        pytest.param(
            ("[[portfolio.waba.number]]", "[[app]]"),
            "portfolio[0].waba[0].number",
            "required",
            id="an account without a number",
        ),
        pytest.param(("name = ", "key_sha256"), "app[0].name", "required", id="an app without a name"),
    ],
)
def test_what_cannot_be_done_without_is_asked_for(
    faults: FaultFinder, cut: tuple[str, str], path: str, problem: str
) -> None:
    start = SAMPLE.index(cut[0])
    found: dict[str, Any] = {f.path: f.problem for f in faults((SAMPLE[start : SAMPLE.index(cut[1], start)], ""))}
    assert found[path] == problem


@pytest.mark.parametrize(
    ("base_url", "beside"),
    [
        ("https://graph.facebook.com", ()),
        ("https://graph.facebook.com/sub", ()),
        ("http://127.0.0.1:8090/graph", ("http://127.0.0.1:8090",)),
        ("https://notfacebook.com", ("https://notfacebook.com",)),
    ],
)
def test_a_host_that_stands_in_for_graph_may_keep_files_and_graphs_own_keeps_none(base_url, beside):
    assert Upstream(base_url=base_url).file_origins == ("https://lookaside.fbsbx.com", *beside)
