"""The path prefix of a deployment is taken off whole segments, and nothing is decoded meanwhile."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from tidegate.edge.door.origins import as_url, is_over_tls, origin_of, without_prefix


@pytest.mark.parametrize(
    ("target", "inner"),
    [
        ("/wa/v25.0/1?x=%2F", "/v25.0/1?x=%2F"),
        ("/wa", "/"),
        ("/wa/", "/"),
        ("/wa?x=1", "/?x=1"),
        ("/wa//1", "//1"),
        ("/wax/1", None),
        ("/WA/1", None),
        ("/%77a/1", None),
        ("/v25.0/wa/1", None),
    ],
)
def test_the_prefix_is_taken_off(target: str, inner: str | None) -> None:
    assert without_prefix(target, "/wa") == inner


@pytest.mark.parametrize("target", ["/v25.0/1?fields=a%2Cb", "//evil.example/1", "/1/%2e%2e?a=?b", "/"])
def test_a_target_is_no_more_decoded_than_it_was(target: str) -> None:
    url = as_url(target)

    assert url.raw_path_qs == target
    assert url.host is None


@pytest.mark.parametrize(
    ("told", "over_tls"),
    [
        pytest.param([], False, id="nobody says so"),
        pytest.param([("X-Forwarded-Proto", "https")], True, id="a proxy says so"),
        pytest.param([("X-Forwarded-Proto", "HTTPS")], True, id="in capitals"),
        pytest.param([("X-Forwarded-Proto", "http")], False, id="a proxy says that it is not"),
        pytest.param(
            [("X-Forwarded-Proto", "https, http")], True, id="the first of two, the second is reached without"
        ),
        pytest.param([("X-Forwarded-Proto", "https,https")], True, id="two proxies, TLS all the way"),
        pytest.param([("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")], True, id="in two headers"),
        pytest.param([("X-Forwarded-Proto", "http, https")], False, id="TLS only behind the first proxy"),
        pytest.param([("Forwarded", "for=192.0.2.1;proto=https;by=_a")], True, id="as the standard has it"),
        pytest.param([("Forwarded", 'for="[2001:db8::1]:80";Proto="HTTPS"')], True, id="quoted, in capitals"),
        pytest.param([("Forwarded", "for=192.0.2.1, for=_a;proto=https, proto=http")], True, id="the first that tells"),
        pytest.param([("Forwarded", "proto=http, proto=https")], False, id="the standard's, only behind the first"),
        pytest.param([("Forwarded", "proto==https;;,")], False, id="what is not well formed says nothing"),
        pytest.param([("X-Forwarded-Proto", ", https")], False, id="neither does an empty first value"),
    ],
)
def test_the_caller_speaks_tls_to_the_first_proxy(told: list[tuple[str, str]], over_tls: bool) -> None:
    request = make_mocked_request("GET", "/", headers=CIMultiDict([("Host", "gate.example"), *told]))

    assert is_over_tls(request) is over_tls
    assert origin_of(request, None) == ("https://gate.example" if over_tls else "http://gate.example")
