"""A wish in a header is understood as it was meant, or refused."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.send_options import FURTHEST_MS, SendOptions, read_options
from tidegate.gateway.wishes import Wishes
from tidegate.policy.rules import Delivery, Hold

NOW_MS = 1_795_251_600_000  # 2026-11-21T09:00:00Z
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def read(*pairs: tuple[str, str]) -> SendOptions:
    return read_options(CIMultiDictProxy(CIMultiDict(pairs)), NOW_MS)


@pytest.mark.parametrize(
    ("name", "value", "options"),
    [
        pytest.param("Content-Type", "x", SendOptions(), id="other headers are no wishes"),
        pytest.param("tidegate-category", "Utility", SendOptions(Wishes(category=Category.UTILITY)), id="a category"),
        pytest.param("Tidegate-Hold", "reject", SendOptions(Wishes(hold=Hold.REJECT)), id="a hold"),
        pytest.param(
            "Tidegate-Delivery",
            "at_least_once",
            SendOptions(Wishes(delivery=Delivery.AT_LEAST_ONCE)),
            id="what is promised of it",
        ),
        pytest.param("Tidegate-Expires", "0", SendOptions(expires_at_ms=NOW_MS), id="an expiry of now"),
        pytest.param("Tidegate-Expires", "60", SendOptions(expires_at_ms=NOW_MS + 60_000), id="an expiry in seconds"),
        pytest.param(
            "Tidegate-Expires", "2026-11-21T10:00:00Z", SendOptions(expires_at_ms=NOW_MS + 3_600_000), id="an expiry"
        ),
        pytest.param(
            "Tidegate-Expires", "2592000", SendOptions(expires_at_ms=NOW_MS + FURTHEST_MS), id="the furthest expiry"
        ),
        pytest.param(
            "Tidegate-Not-Before", "2026-11-21T10:00:00Z", SendOptions(not_before_ms=NOW_MS + 3_600_000), id="a start"
        ),
        pytest.param(
            "Tidegate-Not-Before",
            "2026-11-21T08:59:59Z",
            SendOptions(not_before_ms=0),
            id="a start of now by a clock that is a second behind",
        ),
        pytest.param("Tidegate-Campaign", "spring sale", SendOptions(campaign="spring sale"), id="a campaign"),
        pytest.param("Tidegate-Dry-Run", "TRUE", SendOptions(dry_run=True), id="a dry run"),
        pytest.param("Tidegate-Dry-Run", "false", SendOptions(), id="no dry run"),
        pytest.param("Idempotency-Key", "a b", SendOptions(idempotency_key="a b"), id="a bare key"),
        pytest.param("Idempotency-Key", '"a b"', SendOptions(idempotency_key="a b"), id="a quoted key"),
        pytest.param("Idempotency-Key", r'"a\"b\\"', SendOptions(idempotency_key='a"b\\'), id="a key with escapes"),
        pytest.param("Idempotency-Key", "x" * 255, SendOptions(idempotency_key="x" * 255), id="the longest key"),
        pytest.param("traceparent", TRACE, SendOptions(headers={"traceparent": TRACE}), id="a trace"),
        pytest.param("traceparent", "00-0-0-00", SendOptions(), id="a broken trace is none"),
        pytest.param("traceparent", TRACE.replace("00-4", "ff-4"), SendOptions(), id="a trace of no version"),
    ],
)
def test_what_is_understood(name, value, options):
    assert read((name, value)) == options


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([("Tidegate-Category", "service")], id="a category that has no templates"),
        pytest.param([("Tidegate-Expires", "2592001")], id="an expiry of 30 days and a second"),
        pytest.param([("Tidegate-Expires", "1.5")], id="half a second"),
        pytest.param([("Tidegate-Not-Before", "2026-12-21T09:00:01Z")], id="a start after 30 days"),
        pytest.param(
            [("Tidegate-Not-Before", "2026-11-21T10:00:00Z"), ("Tidegate-Expires", "3600")], id="a start at its end"
        ),
        pytest.param([("Tidegate-Campaign", "")], id="an empty campaign"),
        pytest.param([("Tidegate-Campaign", "a\x01b")], id="a campaign with a control character"),
        pytest.param([("Tidegate-Dry-Run", "yes")], id="a dry run in other words"),
        pytest.param([("Tidegate-Holds", "queue")], id="a wish of another name"),
        pytest.param([("Tidegate-Delivery", "exactly_once")], id="what nobody can promise"),
        pytest.param([("Idempotency-Key", "")], id="an empty key"),
        pytest.param([("Idempotency-Key", "x" * 256)], id="a key that is too long"),
        pytest.param([("Tidegate-Hold", "queue"), ("tidegate-hold", "queue")], id="a wish twice"),
        pytest.param([("traceparent", TRACE), ("traceparent", TRACE)], id="two traces"),
    ],
)
def test_what_is_not_is_refused(pairs):
    with pytest.raises(Denial) as refused:
        read(*pairs)

    assert refused.value.kind is Kind.BAD_REQUEST
    assert refused.value.detail.startswith("header ")


def test_a_key_is_not_shown():
    assert "order-1" not in repr(read(("Idempotency-Key", "order-1")))
