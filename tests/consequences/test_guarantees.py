"""What holds whatever Meta does: no door is closed by another's key, no send is stopped by a read.

And the consequences that are no mere stop.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.consequences.codes import HARMLESS, RESTING, STOPPING
from tests.consequences.conftest import Begin
from tests.consequences.entries import (
    DAY_MS,
    HOUR_MS,
    INITIATED,
    MINUTE_MS,
    OF_NUMBER,
    OF_WABA,
    SECOND_MS,
    account,
)
from tests.consequences.scripted_graph import Sent
from tests.consequences.world import (
    ANN,
    FAR_NUMBER,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_WABA,
    SECOND_NUMBER,
    TOKENS,
    WABA,
    World,
)
from tests.integration.edge.callers import Answer, template, text
from tests.waiting import until
from tidegate.policy.consequences.vocabulary import error_name, is_name

V1 = "/gateway/v1"


async def test_codes_of_one_message_stop_nothing_and_are_not_tried_again(world: World) -> None:
    for code in HARMLESS:
        before = len(world.graph.sent)
        got = await world.refused(code)
        assert got.status >= 400 or got["Tidegate-Verdict"] == "unknown", code
        assert len(world.graph.sent) == before + 1, code
        assert await world.breakers() == {}, code
        assert (await world.dry_run("the template")).goes, code

    assert await world.stopped() == {}


async def test_in_a_status_they_stop_nothing_either(world: World) -> None:
    for code in sorted(set(HARMLESS) - {135000}):
        await world.failed(code)
        assert await world.breakers() == {}, code

    assert await world.stopped() == {}


async def test_one_node_tries_for_all(begin: Begin) -> None:
    one, other = await begin(), await begin()
    await one.refused(131048)
    assert (await other.send("the template"))["Tidegate-Reason"] == "number_standing"

    await _pass_for_both(one, other, HOUR_MS)
    for trying, waiting in ((one, other), (other, one), (one, other)):
        assert (await trying.send("the template")).status == 200
        assert (await waiting.send("the template"))["Tidegate-Reason"] == "number_standing"
        await _pass_for_both(one, other, MINUTE_MS)


async def _pass_for_both(one: World, other: World, span_ms: int) -> None:
    await one.pass_ms(span_ms)
    await other.pass_ms(0)  # so that it learns of it at once


async def test_a_rule_in_shadow_only_tells_and_one_that_is_enforced_again_stops_at_once(world: World) -> None:
    await _sets_spam_rate(world, "shadow")
    await world.refused(131048)

    assert await world.stopped() == {}
    assert (await world.breakers())["spam_rate"]["mode"] == "shadow"
    assert (await world.send("the template")).status == 200
    shown = 'tidegate_shadow_objections_total{reason="number_standing"}'
    assert shown in (await world.call("GET", "/metrics", None)).raw.decode()

    await _sets_spam_rate(world, "enforce")
    assert set(await world.stopped()) == OF_NUMBER & INITIATED
    await _sets_spam_rate(world, "off")
    assert await world.stopped() == {}


async def _sets_spam_rate(world: World, mode: str) -> None:
    rules = {"consequence": [{"id": "spam_rate", "mode": mode}]}
    assert (await world.call("PUT", f"{V1}/rules", OPERATOR, json=rules)).status == 200


@pytest.mark.parametrize("by", ["an answer", "a read"])
async def test_a_token_that_is_refused_closes_no_other_tokens_door(world: World, by: str) -> None:
    if by == "an answer":
        await world.refused(190)
    else:
        world.graph.refused_reads, world.graph.reads_fail = 190, False
        world.node.poller.look(WABA)
        await world.until_breaker("token")

    assert set(await world.stopped()) == OF_WABA
    for number, name in ((OTHER_NUMBER, "another account"), (FAR_NUMBER, "another portfolio")):
        assert (await world.send(name)).status == 200
        assert world.graph.sent[-1].token == TOKENS[number] != TOKENS[NUMBER]


@pytest.mark.parametrize("code", RESTING)
async def test_a_limit_of_calls_rests_the_reads_and_stops_no_send(world: World, code: int) -> None:
    await world.refused(code)

    assert await world.stopped() == {}
    assert (await world.breakers())["management_calls"]["state"] == "open"
    assert await _reads_of_a_look(world) == 0

    await world.pass_ms(10 * MINUTE_MS)
    await world.look()


@pytest.mark.parametrize("code", [80007, 80008])
async def test_the_limit_of_management_calls_stops_no_send_however_often_it_is_met(world: World, code: int) -> None:
    for _ in range(25):
        await world.refused(code)

    assert await world.stopped() == {}


async def test_a_usage_header_rests_the_reads_for_as_long_as_it_says(world: World) -> None:
    entry = {"type": "w", "call_count": 100, "total_cputime": 25, "total_time": 25}
    world.graph.usage = {WABA: [entry | {"estimated_time_to_regain_access": 19}]}
    world.graph.reads_fail = False
    world.node.poller.look(WABA)
    await world.until_breaker("management_calls")
    world.graph.usage = None

    assert await world.stopped() == {}
    await world.pass_ms(18 * MINUTE_MS)
    assert await _reads_of_a_look(world) == 0
    await world.pass_ms(MINUTE_MS)
    await world.look()


async def _reads_of_a_look(world: World) -> int:
    """How often an account is read when it is looked at; when another one has been, its turn is over."""
    world.graph.reads_fail = False
    world.graph.reads.clear()
    for waba in (WABA, OTHER_WABA):
        world.node.poller.look(waba)

    async def other_was_read() -> bool:
        return any(f"/{OTHER_WABA}/message_templates" in path for path in world.graph.reads)

    await until(other_was_read)
    return sum(path.endswith((WABA, f"/{WABA}/message_templates", NUMBER)) for path in world.graph.reads)


async def test_a_full_limit_stops_new_recipients_and_opens_as_places_come_free(world: World) -> None:
    await world.hook("business_capability_update", {"max_daily_conversations_per_business": 10})
    users = [f"+1650555{number}" for number in range(1000, 1010)]

    async def login_code(to: str, number: str = NUMBER, **more: str) -> Answer:
        return await world.call.send(template(to, "code"), OPERATOR, number, Tidegate_Hold="reject", **more)

    for user in users[:9]:
        assert (await login_code(user)).status == 200
    await world.settle()
    for sent in tuple(world.graph.sent):
        await world.status(sent, "delivered")
    delivered_ms = await world.now_ms()

    for number in (NUMBER, SECOND_NUMBER, OTHER_NUMBER):
        got = await login_code(users[9], number)
        assert (got.status, got.error["code"], got["Tidegate-Reason"]) == (400, 131048, "messaging_limit")
        ends_at = datetime.fromisoformat(got["Tidegate-Until"] or "")
        assert -2_000 <= ends_at.timestamp() * 1000 - DAY_MS - delivered_ms <= 1_000
    assert (await login_code(users[9], FAR_NUMBER)).status == 200
    assert (await login_code(users[0])).status == 200
    assert (await world.call.send(text(ANN), OPERATOR)).status == 200

    await world.pass_ms(DAY_MS + delivered_ms - await world.now_ms())
    assert (await login_code(users[9])).status == 200


async def test_while_utility_is_restricted_it_is_judged_as_marketing(world: World) -> None:
    await world.wants("stop")
    assert not {"utility", "direct send"} & set(await world.stopped())

    await account(
        "ACCOUNT_RESTRICTION",
        "RESTRICTED_UTILITY_TEMPLATES",
        until_ms=7 * DAY_MS,
        violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE"},
    )(world)

    said = await world.dry_run("utility")
    assert (said.goes, said.reason) == (False, "opted_out")
    assert (await world.dry_run("a login code")).goes
    # It is counted as what it was sent as.
    assert (await world.send("utility")).status == 400
    counted = 'tidegate_sends_total{category="utility",reason="opted_out",verdict="reject"} 1.0'
    assert counted in (await world.call("GET", "/metrics", None)).raw.decode()
    await world.pass_ms(MINUTE_MS)
    await account("ACCOUNT_RESTRICTION", violation_info={"violation_type": "UTILITY_TEMPLATE_ABUSE_UNBAN"})(world)
    assert not (await world.dry_run("utility")).goes

    await world.pass_ms(7 * DAY_MS)
    assert (await world.dry_run("utility")).goes
    assert not (await world.dry_run("other marketing")).goes


async def test_whom_marketing_does_not_reach_is_not_tried_again_within_the_day(world: World) -> None:
    await world.failed(131049)
    before = len(world.graph.sent)

    for name in ("the template", "other marketing", "the user from the second number"):
        assert (await world.send(name)).status == 400

    assert len(world.graph.sent) == before


async def test_a_resumption_that_is_older_than_the_stop_changes_nothing(world: World) -> None:
    earlier_ms = await world.now_ms()
    await world.pass_ms(10 * SECOND_MS)
    await world.wants("stop")

    await world.wants("resume", at_ms=earlier_ms)

    assert (await world.dry_run("the template")).reason == "opted_out"


async def test_webhooks_that_come_twice_or_late_open_no_breaker_anew(world: World) -> None:
    await world.send("the template")
    failed, at_s = world.graph.sent[-1], await world.now_ms() // 1000
    await world.status(failed, "failed", 131048, at_s)
    until_was = (await world.breakers())["spam_rate"]["until"]
    await world.pass_ms(10 * MINUTE_MS)

    await world.status(failed, "failed", 131048, at_s)

    assert (await world.breakers())["spam_rate"]["until"] == until_was


@pytest.mark.parametrize("code", [131048, 130429])
async def test_an_error_of_the_number_itself_counts_too(world: World, code: int) -> None:
    """Of `value.errors`, which belong to no message. Source: Meta, `messages` webhook, errors."""
    await world.personal({"errors": [{"code": code, "title": "as the test wants it"}]})

    (breaker,) = (await world.breakers()).values()
    assert breaker["scope"] == {"number": NUMBER}
    assert breaker["cause"] == f"error.{code}"


@pytest.mark.parametrize(("code", "span_ms"), [(131048, HOUR_MS), (135000, DAY_MS)])
async def test_a_probe_that_meta_took_and_then_dropped_stops_it_again(world: World, code: int, span_ms: int) -> None:
    await world.failed(code)
    await world.pass_ms(span_ms)

    await world.failed(code)

    said = await world.dry_run("the template")
    assert not said.goes
    assert said.until_ms is not None
    assert said.until_ms >= await world.now_ms() + span_ms - 2_000


async def test_a_failure_of_a_message_that_went_past_the_gateway_counts_for_the_number(world: World) -> None:
    stranger = Sent(NUMBER, "", {"to": ANN, "biz_opaque_callback_data": "not-ours"}, "wamid.strange")

    await world.status(stranger, "failed", 131048)

    assert set(await world.stopped()) == OF_NUMBER & INITIATED


def test_every_code_that_stops_is_a_name_that_a_rule_may_use() -> None:
    assert all(is_name(error_name(code)) for entry in STOPPING for code in entry.codes)
