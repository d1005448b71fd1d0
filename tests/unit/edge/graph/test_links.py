"""Paging links lead back to the gateway, and no token of Meta's is seen."""

from __future__ import annotations

import json

import pytest

from tidegate.edge.graph.links import Links

META = "https://graph.facebook.com"
TOKEN = "EAAG+meta/token"


def links(query_key: str | None = None, origin: str = "https://gate.example:8443") -> Links:
    return Links(META, origin, TOKEN, query_key)


def page(link: str) -> bytes:
    return json.dumps({"data": [], "paging": {"next": link, "previous": link}}).encode()


@pytest.mark.parametrize(
    ("link", "query_key", "expected"),
    [
        pytest.param(f"{META}/v25.0/1/x?after=a%3D", None, "https://gate.example:8443/v25.0/1/x?after=a%3D", id="here"),
        pytest.param(
            f"{META}/v25.0/1?access_token=EAAG%2Bmeta%2Ftoken&after=b",
            "tg_k",
            "https://gate.example:8443/v25.0/1?after=b&access_token=tg_k",
            id="with the caller's key for Meta's token",
        ),
        pytest.param(f"{META}/v25.0/1?access_token=x", None, "https://gate.example:8443/v25.0/1", id="without a query"),
        pytest.param("https://elsewhere.example/1", "tg_k", "https://elsewhere.example/1", id="another host's stays"),
        pytest.param(
            f"{META}.evil.example/1", None, f"{META}.evil.example/1", id="a host that begins like Meta's stays"
        ),
    ],
)
def test_a_paging_link(link, query_key, expected):
    paging = json.loads(links(query_key).rewritten(page(link)))["paging"]

    assert paging == {"next": expected, "previous": expected}


def test_escaped_slashes_stay_escaped():
    raw = page(f"{META}/v25.0/1?a=1").replace(b"/", b"\\/")

    rewritten = links().rewritten(raw)

    assert b'"https:\\/\\/gate.example:8443\\/v25.0\\/1?a=1"' in rewritten


def test_an_origin_that_could_break_out_of_the_text_is_not_written():
    raw = page(f"{META}/v25.0/1")

    assert links(origin='http://x","evil":"').rewritten(raw) == raw


def test_other_texts_stay_and_the_token_goes():
    raw = json.dumps({"url": f"{META}/x", "a": TOKEN, "b": "EAAG%2Bmeta%2Ftoken"}).encode()

    assert json.loads(links().rewritten(raw)) == {"url": f"{META}/x", "a": "", "b": ""}


def test_tokens_and_keys_are_not_shown():
    shown = repr(links("tg_k"))
    assert TOKEN not in shown
    assert "tg_k" not in shown
