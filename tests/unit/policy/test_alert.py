"""What an operator is told of: each change that tightens or opens, and no other."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.policy.alert import ADVICE, Alert, Direction, What, alert_of
from tidegate.policy.consequences.remedies import BY_RULE

PAUSE = {"scope": "number", "value": "106540352242922", "reason": "complaints", "until_ms": 5_000, "by": "operator"}


def running(state: str = "running") -> dict[str, Any]:
    return {"state": state, "stopped": state != "running", "deadline_ms": 9}


@pytest.mark.parametrize(
    ("kind", "key", "field", "before", "after", "what"),
    [
        pytest.param("breaker", "number_red/number/1", "state", "closed", "open", What.BREAKER_OPENED, id="opens"),
        pytest.param("breaker", "r/number/1", "state", "open", "half_open", What.BREAKER_HALF_OPEN, id="tries again"),
        pytest.param("breaker", "r/number/1", "state", "half_open", "closed", What.BREAKER_CLOSED, id="closes"),
        pytest.param("breaker", "r/recipient/ab", "state", "closed", "open", None, id="one user's breaker"),
        pytest.param("breaker", "r/pair/ab", "state", "closed", "open", None, id="one pair's breaker"),
        pytest.param("breaker", "r/number/1", "state", "open", "ajar", None, id="a state of a newer version"),
        pytest.param("pause", "pause-1", "pause", None, PAUSE, What.PAUSE_STARTED, id="a pause begins"),
        pytest.param("pause", "pause-1", "pause", PAUSE, None, What.PAUSE_ENDED, id="a pause ends"),
        pytest.param("pause", "pause-1", "pause", None, None, None, id="a pause of which nothing is known"),
        pytest.param("limit", "", "limit", 2_000, 250, What.LIMIT_LOWERED, id="a lower limit"),
        pytest.param("limit", "", "limit", 250, 2_000, What.LIMIT_RAISED, id="a higher limit"),
        pytest.param("limit", "", "limit", 2_000, UNLIMITED, What.LIMIT_RAISED, id="no limit any more"),
        pytest.param("limit", "", "limit", None, 2_000, None, id="the limit, read for the first time"),
        pytest.param("number", "1", "quality", "GREEN", "YELLOW", What.QUALITY_YELLOW, id="yellow"),
        pytest.param("number", "1", "quality", None, "RED", What.QUALITY_RED, id="red at first sight"),
        pytest.param("number", "1", "quality", "RED", "YELLOW", What.QUALITY_YELLOW, id="better, and still yellow"),
        pytest.param("number", "1", "quality", "RED", "GREEN", What.QUALITY_GREEN, id="green again"),
        pytest.param("number", "1", "quality", None, "GREEN", None, id="green at first sight"),
        pytest.param("number", "1", "quality", "GREEN", "UNKNOWN", None, id="no colour"),
        pytest.param("template", "w:en:n", "quality", "GREEN", "RED", What.QUALITY_RED, id="a template turns red"),
        pytest.param("number", "1", "status", "CONNECTED", "RESTRICTED", What.NUMBER_STOPPED, id="restricted"),
        pytest.param("number", "1", "status", "CONNECTED", "DISCONNECTED", What.NUMBER_STOPPED, id="disconnected"),
        pytest.param("number", "1", "status", "RESTRICTED", "CONNECTED", What.NUMBER_CONNECTED, id="connected again"),
        pytest.param("number", "1", "status", None, "CONNECTED", None, id="connected at first sight"),
        pytest.param("number", "1", "status", "PENDING", "UNVERIFIED", None, id="from one that can't send to another"),
        pytest.param("template", "w:en:n", "status", "APPROVED", "PAUSED", What.TEMPLATE_PAUSED, id="paused"),
        pytest.param("template", "w:en:n", "status", None, "DISABLED", What.TEMPLATE_DISABLED, id="disabled"),
        pytest.param("template", "w:en:n", "status", "APPROVED", "FLAGGED", What.TEMPLATE_FLAGGED, id="flagged"),
        pytest.param("template", "w:en:n", "status", "PAUSED", "APPROVED", What.TEMPLATE_APPROVED, id="back"),
        pytest.param("template", "w:en:n", "status", "PENDING", "APPROVED", None, id="approved for the first time"),
        pytest.param("template", "w:en:n", "status", "APPROVED", "DELETED", None, id="deleted by its owner"),
        pytest.param("number", "1", "throughput", 80, 1_000, None, id="another throughput"),
        pytest.param("key", "k", "key", None, {}, None, id="a key"),
        pytest.param("campaign", "c", "campaign", running(), running("halted"), What.CAMPAIGN_HALTED, id="halted"),
        pytest.param("campaign", "c", "campaign", running(), running("paused"), What.CAMPAIGN_PAUSED, id="held"),
        pytest.param(
            "campaign", "c", "campaign", running(), running("cancelling"), What.CAMPAIGN_CANCELLED, id="cancelled"
        ),
        pytest.param("campaign", "c", "campaign", running("cancelling"), running("cancelled"), None, id="swept"),
        pytest.param("campaign", "c", "campaign", running("halted"), running(), What.CAMPAIGN_RESUMED, id="goes on"),
        pytest.param("campaign", "c", "campaign", None, running(), None, id="a campaign starts"),
        pytest.param("campaign", "c", "campaign", running("cancelled"), None, None, id="long cancelled, forgotten"),
    ],
)
def test_a_change_is_told_as_what_it_is_or_not_at_all(
    kind: str, key: str, field: str, before: Any, after: Any, what: What | None
) -> None:
    found = alert_of(kind, key, field, before, after, "because")

    assert (None if found is None else found.what) is what


def test_the_end_of_a_campaign_is_told_by_the_words_that_its_steering_uses() -> None:
    found = alert_of("campaign", "c", "campaign", running(), None, "the campaign is finished")

    assert found is not None
    assert (found.what, found.scope, found.value) == (What.CAMPAIGN_FINISHED, "campaign", "c")


def test_a_breaker_is_told_with_its_rule_and_place() -> None:
    found = alert_of("breaker", "template_paused/template/1:en_US:win/back", "state", "closed", "open", "C7")

    assert found is not None
    assert (found.rule, found.scope, found.value) == ("template_paused", "template", "1:en_US:win/back")


def test_a_pause_is_told_with_who_began_it_and_until_when() -> None:
    begun = alert_of("pause", "pause-1", "pause", None, PAUSE, "paused")
    ended = alert_of("pause", "pause-1", "pause", PAUSE, None, "resumed by night-shift")

    assert begun is not None
    assert ended is not None
    assert (begun.scope, begun.value, begun.by, begun.until_ms) == ("number", "106540352242922", "operator", 5_000)
    assert (ended.scope, ended.value, ended.by) == ("number", "106540352242922", None), "who ended it is in the cause"


def test_a_limit_is_its_portfolios() -> None:
    found = alert_of("limit", "", "limit", 2_000, 250, "Meta says so")

    assert found is not None
    assert (found.scope, found.before, found.after) == ("portfolio", 2_000, 250)


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        pytest.param(Alert(What.BREAKER_OPENED, "number", "1"), Direction.TIGHTENED, id="less may be sent"),
        pytest.param(Alert(What.BREAKER_CLOSED, "number", "1"), Direction.OPENED, id="more may be sent"),
        pytest.param(Alert(What.BREAKER_OPENED, "number", "1", mode="shadow"), Direction.NOTED, id="shadow"),
    ],
)
def test_what_is_in_shadow_tightens_nothing(alert: Alert, kind: Direction) -> None:
    assert alert.kind is kind


def test_a_tokens_breaker_leads_to_the_token_and_its_end_to_breakers() -> None:
    opened, closed = Alert(What.BREAKER_OPENED, "token", "1"), Alert(What.BREAKER_CLOSED, "token", "1")

    assert opened.runbook == "the-token-has-expired"
    assert "token" in opened.what_to_do
    assert closed.runbook == "a-breaker-is-open"


@pytest.mark.parametrize(
    ("rule", "what_to_do"),
    [
        pytest.param("template_paused", BY_RULE["template_paused"], id="as the dashboard says of a default rule"),
        pytest.param("ours", "Read the cause: nothing of this template goes meanwhile.", id="of an operator's own"),
    ],
)
def test_of_an_open_breaker_is_told(rule: str, what_to_do: str) -> None:
    opened = Alert(What.BREAKER_OPENED, "template", "1:en_US:offer", "template.status.PAUSED", rule=rule)
    closed = replace(opened, what=What.BREAKER_CLOSED)

    assert (opened.what_to_do, opened.in_words) == (what_to_do, "Meta paused the template")
    assert closed.what_to_do == ADVICE[What.BREAKER_CLOSED].what_to_do


@pytest.mark.parametrize("what", What)
def test_whatever_is_told_says_what_to_do_and_where_to_read(what: What) -> None:
    advice = ADVICE[what]

    assert re.fullmatch(r"[A-Z].{15,90}\.", advice.what_to_do)
    assert re.fullmatch(r"[a-z-]+", advice.runbook)
