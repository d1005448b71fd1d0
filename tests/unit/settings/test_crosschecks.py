"""Faults that only several keys together show."""

import pytest

from tests.unit.settings.conftest import SAMPLE, FaultFinder, Loader
from tidegate.errors import Fault

HASH = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
PORTFOLIO = """
[[portfolio]]
id = "p"
[[portfolio.waba]]
id = "7"
access_token = "t"
[[portfolio.waba.number]]
id = "8"
"""
GRAPH = "https://graph.facebook.com"
PRIVATE = "has to be https:// at port 443 or 8443, or relay.allow_private has to be true"
APP = f'[[app]]\nname = "b"\nkey_sha256 = "{"a" * 64}"\nwebhook_secret = "s"\n'


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        pytest.param(
            PORTFOLIO.replace('"p"', '"lucky-shrub"'),
            Fault("portfolio[1].id", "the same id as portfolio[0]"),
            id="a portfolio twice",
        ),
        pytest.param(
            PORTFOLIO.replace('"7"', "102290129340398"),
            Fault("portfolio[1].waba[0].id", "the same id as portfolio[0].waba[0]"),
            id="an account twice, once without quotes",
        ),
        pytest.param(
            PORTFOLIO.replace('"8"', '"106540352242922"'),
            Fault("portfolio[1].waba[0].number[0].id", "the same id as portfolio[0].waba[0].number[0]"),
            id="a number in two portfolios",
        ),
        pytest.param(
            f'[[app]]\nname = "checkout"\nkey_sha256 = "{"a" * 64}"',
            Fault("app[1].name", "the same name as app[0]"),
            id="an app's name twice",
        ),
        pytest.param(
            f'[[app]]\nname = "b"\nkey_sha256 = ["{"a" * 64}", "{HASH.upper()}"]',
            Fault("app[1].key_sha256", "the same key as app[0]: each app needs its own"),
            id="one key for two apps",
        ),
        pytest.param(
            f'[[app]]\nname = "b"\nkey_sha256 = "{"a" * 64}"\nnumbers = ["106540352242921"]',
            Fault("app[1].numbers[0]", "no portfolio has a number of this id", "106540352242922"),
            id="an app of a number that is not ours",
        ),
        pytest.param(
            f'[[app]]\nname = "b"\nkey_sha256 = "{"a" * 64}"\nwebhook_url = "https://h"',
            Fault("app[1].webhook_secret", "required beside webhook_url: what goes there is signed"),
            id="a relay that nobody signs",
        ),
        pytest.param(
            '[alerts]\nwebhook_url = "https://h"',
            Fault("alerts.webhook_secret", "required beside webhook_url: what goes there is signed"),
            id="alerts that nobody signs",
        ),
        pytest.param(
            '[alerts]\nwebhook_url = "http://10.0.0.1"\nwebhook_secret = "s"',
            Fault("alerts.webhook_url", PRIVATE),
            id="alerts in the clear",
        ),
        pytest.param(f'{APP}webhook_url = "http://h"', Fault("app[1].webhook_url", PRIVATE), id="a relay in the clear"),
        pytest.param(
            f'{APP}webhook_url = "https://h:6379"',
            Fault("app[1].webhook_url", PRIVATE),
            id="a relay to a port of another trade",
        ),
    ],
)
def test_entries_that_do_not_go_together(faults: FaultFinder, added: str, fault: Fault) -> None:
    assert faults(added=added) == (fault,)


CLOCK = ("clock = false", "clock = true")


@pytest.mark.parametrize(
    "upstream",
    [
        pytest.param("https://graph.facebook.com", id="the Graph API"),
        pytest.param("https://GRAPH.Facebook.com.:443/", id="the Graph API, spelled oddly"),
        pytest.param("https://graph-video.facebook.com", id="another host of Meta"),
        pytest.param("https://facebook.com", id="the domain itself"),
    ],
)
def test_the_steerable_clock_is_refused_beside_metas_hosts(faults: FaultFinder, upstream: str) -> None:
    assert [fault.path for fault in faults(CLOCK, (GRAPH, upstream))] == ["testing.clock"]


def test_the_steerable_clock_is_refused_where_the_upstream_is_left_to_its_default(
    faults: FaultFinder,
) -> None:
    assert [fault.path for fault in faults(CLOCK, (f'base_url = "{GRAPH}"\n', ""))] == ["testing.clock"]


@pytest.mark.parametrize("upstream", ["http://127.0.0.1:9000", "https://notfacebook.com", "http://facebook.com.test"])
def test_the_steerable_clock_is_allowed_beside_a_simulation(loaded: Loader, upstream: str) -> None:
    assert loaded(CLOCK, (GRAPH, upstream)).testing.clock


def test_replicas_are_refused_where_the_store_can_have_none(faults: FaultFinder, loaded: Loader) -> None:
    replicas = ("replicas_ack = 0", "replicas_ack = 1")
    assert [fault.path for fault in faults(replicas)] == ["store.replicas_ack"]
    assert [fault.path for fault in faults(replicas, ('url = "embedded:./data"\n', ""))] == ["store.replicas_ack"]
    assert loaded(replicas, ("embedded:./data", "redis://h")).store.replicas_ack == 1


def test_replicas_are_refused_where_nobody_can_wait_for_them(faults: FaultFinder, loaded: Loader) -> None:
    replicas, url = ("replicas_ack = 0", "replicas_ack = 1"), ("embedded:./data", "redis+cluster://h:7000")
    [fault] = faults(replicas, url)
    assert fault.path == "store.replicas_ack"
    assert "Sentinel" in fault.problem
    assert "appendfsync always" in fault.problem
    assert loaded(url).store.replicas_ack == 0
    assert loaded(replicas, ("embedded:./data", "redis+sentinel://h/cluster")).store.replicas_ack == 1


def test_a_limit_of_which_nothing_is_left_is_refused(faults: FaultFinder) -> None:
    assert faults(("headroom = 0.05", "headroom = 0.85")) == (
        Fault("rules", "headroom and reserves together must be less than 1: no place would be left to use"),
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('portfolio = 1\napp = "x"\nupstream = []', id="lists that are none"),
        pytest.param("portfolio = [1]\napp = [[]]", id="entries that are none"),
        pytest.param(
            "portfolio = [{id = [], waba = 3}]\napp = [{name = {}, key_sha256 = 4, numbers = 5}]",
            id="odd keys",
        ),
        pytest.param("upstream = {base_url = 3}\ntesting = {clock = true}", id="an upstream that is a number"),
        pytest.param('upstream = {base_url = "http://[::1"}\ntesting = {clock = true}', id="half an address"),
        pytest.param(
            'app = [{numbers = [{}], key_sha256 = [1]}]\nstore = {url = 3, replicas_ack = "x"}',
            id="odd lists",
        ),
    ],
)
def test_any_shape_of_file_gets_faults_and_no_exception(faults: FaultFinder, text: str) -> None:
    assert faults((SAMPLE, text))


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        pytest.param(
            'tls_certificate = "a.pem"',
            Fault("server.tls_key", "required beside tls_certificate"),
            id="a certificate without a key",
        ),
        pytest.param(
            'tls_key = "a.pem"',
            Fault("server.tls_certificate", "required beside tls_key"),
            id="a key without a certificate",
        ),
        pytest.param(
            'tls_certificate = "/nowhere/a.pem"\ntls_key = "/nowhere/a.key"',
            Fault("server.tls_certificate", "it, or server.tls_key, cannot be read: No such file or directory"),
            id="files that are not there",
        ),
        pytest.param(
            f'tls_certificate = "{__file__}"\ntls_key = "{__file__}"',
            Fault("server.tls_certificate", "is no PEM file with the certificate of the key in server.tls_key"),
            id="files that are no certificate",
        ),
    ],
)
def test_a_certificate_that_can_not_be_used_is_named(faults: FaultFinder, server: str, fault: Fault) -> None:
    assert fault in faults(('listen = "127.0.0.1:8080"', f'listen = "127.0.0.1:8080"\n{server}'))


@pytest.mark.parametrize(
    ("before", "server", "problem"),
    [
        pytest.param(1, 'control_listen = "127.0.0.1:8080"', "the same as server.listen", id="one port twice"),
        pytest.param(2, 'control_listen = "127.0.0.1:0"', "needs a port", id="any port for several workers"),
    ],
)
def test_a_port_of_the_control_planes_own_is_one(faults: FaultFinder, before: int, server: str, problem: str) -> None:
    (fault,) = faults(("workers = 1", f"workers = {before}\n{server}"))
    assert (fault.path, fault.problem.startswith(problem)) == ("server.control_listen", True)


@pytest.mark.parametrize(
    ("workers", "address"),
    [
        pytest.param(1, "127.0.0.1:0", id="any port for one process"),
        pytest.param(2, "127.0.0.1:8081", id="another port for several workers"),
    ],
)
def test_two_ports_are_fine(loaded: Loader, workers: int, address: str) -> None:
    settings = loaded(("workers = 1", f'workers = {workers}\ncontrol_listen = "{address}"'))
    assert settings.server.control is not None
    assert (settings.server.control.listen, settings.server.control.workers) == (address, workers)


def test_a_relay_in_the_same_network_is_let_through_where_that_is_allowed(loaded: Loader) -> None:
    settings = loaded(added=f'[relay]\nallow_private = true\n{APP}webhook_url = "http://h:80"')

    assert settings.apps[1].webhook_url == "http://h:80"
