"""Which face a path belongs to, and how a row's path is routed."""

from __future__ import annotations

import pytest

from tidegate.edge.endpoints import Endpoint, Face, face_of


@pytest.mark.parametrize(
    ("raw_path", "face"),
    [
        ("/gateway/v1/queue", Face.CONTROL),
        ("/healthz", Face.CONTROL),
        ("/healthz?x=1", Face.CONTROL),
        ("/webhooks/whatsapp", Face.CONTROL),
        ("/healthzz", Face.GRAPH),
        ("/v25.0/1/messages", Face.GRAPH),
        ("/1", Face.GRAPH),
        ("/", Face.GRAPH),
        ("/..%2fgateway", Face.GRAPH),
        ("", Face.GRAPH),
    ],
)
def test_the_first_segment_decides(raw_path, face):
    assert face_of(raw_path) is face


def test_a_message_id_may_hold_slashes_and_a_portfolio_may_not():
    message = Endpoint("GET", "/gateway/v1/messages/{id}", "", {})
    portfolio = Endpoint("GET", "/gateway/v1/portfolios/{portfolio}/capacity", "", {})

    assert message.pattern.fullmatch("/gateway/v1/messages/wamid.a/b+c=")
    assert portfolio.pattern.fullmatch("/gateway/v1/portfolios/a/capacity")
    assert not portfolio.pattern.fullmatch("/gateway/v1/portfolios/a/b/capacity")
    assert message.route == "/gateway/v1/messages/{id:.+}"
