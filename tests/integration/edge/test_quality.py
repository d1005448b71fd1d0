"""`GET /quality` after a fall: what was sent before it, the worst first, and only what the app may know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_WABA,
    PORTFOLIO,
    READER,
    STRANGER,
    WABA,
    Caller,
    signed,
)
from tests.integration.outcome_feed import Feed, about
from tidegate.policy.breaker import Breaker, State
from tidegate.policy.outcome_scope import Kind
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Reason
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings, Swing

QUALITY = "/gateway/v1/quality"
NAMES = ("welcome_back", "order_news", "winback", "new_in", "birthday")
DAY_MS = 86_400_000


@pytest.fixture
async def feed(client: StoreClient, bare: Caller) -> Feed:
    """Fed at the store's own time, on the node's own store."""
    made = Feed(client)
    made.now_ms = (await made.counts.news(PORTFOLIO, 0)).now_ms
    return made


async def falls(feed: Feed, bare: Caller, field: str, value: dict[str, Any]) -> None:
    """Meta says so now."""
    entry = {"id": WABA, "time": feed.now_ms // 1000, "changes": [{"field": field, "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    got = await bare("POST", "/webhooks/whatsapp", None, data=body, headers=signed(body))
    assert got.status == 200


def paused(name: str = "winback") -> tuple[str, dict[str, Any]]:
    told = {"event": "PAUSED", "message_template_id": 1, "message_template_name": name}
    return "message_template_status_update", told | {"message_template_language": "en_US", "reason": "NONE"}


async def report(bare: Caller, kind: str, key: str = READER) -> dict[str, Any]:
    changes = (await bare("GET", QUALITY, key)).body["changes"]
    [found] = [change for change in changes if change["kind"] == kind and change.get("sent_before")]
    return dict(found["sent_before"])


async def test_one_bad_template_of_five_is_named_first_with_its_campaign_and_its_app(feed: Feed, bare: Caller) -> None:
    for i, name in enumerate(NAMES):
        is_bad = name == "winback"
        noted = about(template=f"{name}/en_US", campaign=f"week {i}", app="loyalty" if is_bad else "shop")
        bad = {"withheld": 40, "opted_out": 9} if is_bad else {"withheld": 8, "opted_out": 1}
        await feed.campaign(200, noted, failed=3, unread=60, **bad)

    await falls(feed, bare, *paused("order_news"))

    told = await report(bare, "template")
    assert set(told) == {"last_24h", "last_7d"}
    for span in told.values():
        assert {sent["template"] for sent in span["templates"]} == set(NAMES)
        firsts = {title: span[title][0] for title in span}
        assert firsts["templates"]["template"] == "winback"
        assert firsts["campaigns"]["campaign"] == "week 2"
        assert firsts["apps"]["app"] == "loyalty"
        worst = firsts["templates"]
        assert (worst["waba"], worst["language"], worst["sent"]) == (WABA, "en_US", 200)
        assert (worst["withheld"], worst["failed"], worst["opted_out"], worst["delivered"]) == (40, 3, 9, 157)
        assert (worst["worst"], worst["rate"]) == ("block_proxy", 0.2)
        assert worst["usual"] < 0.1
        assert worst["evidence"] > 5
        assert {sent["evidence"] for sent in span["templates"][1:]} == {0.0}


async def test_an_app_is_told_of_its_own_numbers_only(feed: Feed, bare: Caller) -> None:
    await feed.campaign(10, about())
    # That number is of another portfolio; the counts do not know that.
    elsewhere = about(number=OTHER_NUMBER, waba=OTHER_WABA, template="secret/en_US", campaign="secret", app="secret")
    await feed.campaign(10, elsewhere)
    for limit in (2_000, 250):
        await falls(feed, bare, "business_capability_update", {"max_daily_conversations_per_business": limit})

    told = await report(bare, "limit")

    assert "secret" not in json.dumps(told)
    assert [sent["sent"] for sent in told["last_7d"]["templates"]] == [10]
    assert {change["kind"] for change in (await bare("GET", QUALITY, STRANGER)).body["changes"]} == {"rules"}
    assert "secret" in json.dumps(await report(bare, "limit", OPERATOR))


async def test_what_is_no_fall_has_no_report_and_what_is_too_old_has_none_left(feed: Feed, bare: Caller) -> None:
    await falls(feed, bare, *paused())
    field, value = paused()
    await falls(feed, bare, field, value | {"event": "APPROVED"})
    await bare("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "blocks", "for": "1h"})

    changes = (await bare("GET", QUALITY)).body["changes"]
    reported = [change for change in changes if "sent_before" in change]
    assert {(change["kind"], change["field"], change["to"]) for change in reported} == {
        ("template", "status", "PAUSED"),
        ("breaker", "state", "open"),
    }
    nothing = {"templates": [], "campaigns": [], "apps": []}
    assert reported[0]["sent_before"] == {"last_24h": nothing, "last_7d": nothing}

    await bare("POST", "/gateway/v1/testing/clock", CHECKOUT, json={"advance_s": 33 * 86_400})
    changes = (await bare("GET", f"{QUALITY}?days=40")).body["changes"]
    assert [change["sent_before"] for change in changes if "sent_before" in change] == [None, None]


def breaker(scope: Scope, value: str) -> Swing:
    opened = Breaker(
        rule="a_rule",
        scope=scope,
        value=value,
        covers=Covers.MARKETING,
        action=Action.STOP,
        reason=Reason.CAMPAIGN_HALTED,
        state=State.OPEN,
        opened_at_ms=1,
        event_at_ms=1,
        cause="a test",
    )
    return Swing(None, opened)


async def test_a_breaker_that_opens_is_a_fall_of_whom_it_concerns(
    feed: Feed, bare: Caller, client: StoreClient
) -> None:
    await feed.campaign(10, about())
    standings = Standings(client, [Standing(PORTFOLIO, 0, 2_000, "config")])
    await standings.reload(PORTFOLIO, 0)
    opened = [breaker(Scope.NUMBER, NUMBER), breaker(Scope.CATEGORY, f"{OTHER_NUMBER}:marketing")]
    opened += [breaker(Scope.TEMPLATE, f"{WABA}:en_US:a/b"), breaker(Scope.WABA, OTHER_WABA)]
    assert all(await standings.swing(PORTFOLIO, opened))

    changes = [c for c in (await bare("GET", QUALITY, READER)).body["changes"] if c["kind"] == "breaker"]

    assert {change["key"] for change in changes} == {f"a_rule/number/{NUMBER}", f"a_rule/template/{WABA}:en_US:a/b"}
    for change in changes:
        assert (change["field"], change["from"], change["to"]) == ("state", "closed", "open")
        [sent] = change["sent_before"]["last_24h"]["templates"]
        assert (sent["template"], sent["sent"]) == ("seasonal_offer", 10)
    told = (await bare("GET", QUALITY, OPERATOR)).body["changes"]
    assert len([change for change in told if change["kind"] == "breaker"]) == 4


def test_what_a_report_lists_is_what_is_counted_for_it() -> None:
    listed = {Kind.SENT_TEMPLATE, Kind.SENT_CAMPAIGN, Kind.SENT_APP}
    # Steps and variants are in the campaign's own report, and before its gates.
    assert {kind for kind in Kind if not kind.is_judged} == listed | {Kind.CAMPAIGN_PART}
