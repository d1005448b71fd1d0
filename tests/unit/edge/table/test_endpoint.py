"""How a row's path is routed."""

from __future__ import annotations

from tidegate.edge.table.endpoint import Endpoint


def test_a_message_id_may_hold_slashes_and_a_portfolio_may_not():
    message = Endpoint("GET", "/gateway/v1/messages/{id}", "", {})
    portfolio = Endpoint("GET", "/gateway/v1/portfolios/{portfolio}/capacity", "", {})

    assert message.pattern.fullmatch("/gateway/v1/messages/wamid.a/b+c=")
    assert portfolio.pattern.fullmatch("/gateway/v1/portfolios/a/capacity")
    assert not portfolio.pattern.fullmatch("/gateway/v1/portfolios/a/b/capacity")
    assert message.route == "/gateway/v1/messages/{id:.+}"
