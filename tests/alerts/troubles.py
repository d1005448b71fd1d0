"""Every trouble that an alert is about, in an order in which each leaves room for the next."""

from __future__ import annotations

import asyncio
import signal
import time

from loadtest.deployment import LOGIN_CODE, NUMBER, PORTFOLIO
from tests.alerts.stage import DAY_MS, HOUR_MS, KEYS, LIMIT, METADATA, MINUTE_MS, NARROW_KEY, Stage
from tests.integration.house import held
from tests.waiting import until
from tidegate.policy.audit import Act, Actor, Deed
from tidegate.simulator.faults import On, Then


async def all_of_them(stage: Stage) -> None:
    """Bring a node into one trouble after the other, and keep what it told in each under the alert's name."""
    for trouble in (
        numbers,
        store,
        loop,
        callers,
        upstream,
        codes,
        webhooks,
        relay,
        campaign,
        audit,
        places,
        breakers,
        books,
        node,
    ):
        await trouble(stage)


async def numbers(stage: Stage) -> None:
    for quality in ("RED", "YELLOW"):
        await stage.change("number", NUMBER.id, quality=quality)
        await stage.shows(f"TidegateQuality{quality.title()}", f'tidegate_numbers{{quality="{quality}"')
    await stage.change("number", NUMBER.id, quality="GREEN", status="FLAGGED")
    await stage.shows("TidegateNumberNotConnected", 'tidegate_numbers{status="FLAGGED"')
    await stage.change("number", NUMBER.id, status="CONNECTED")


async def store(stage: Stage) -> None:
    with stage.house.look() as look:
        look.config_set("appendonly", "no")
        await stage.shows("TidegateStoreNotDurable", "tidegate_store_durable", 0, 0)
        look.config_set("appendonly", "yes")
        await stage.shows("durable again", "tidegate_store_durable", 1)
        for _ in range(2):
            look.execute_command("CLIENT", "PAUSE", 120, "ALL")
            assert await stage.send() == 200
    await stage.shows("TidegateStoreSlow", 'tidegate_store_seconds_count{script="admit"', 3)


async def loop(stage: Stage) -> None:
    before = stage.scrapes["before TidegateLoopSlow"] = await stage.scrape()
    looked = sum(value for series, value in before.items() if series.startswith("tidegate_loop_lag_seconds_count"))
    time.sleep(1.2)  # noqa: ASYNC251  # the loop is to be late
    await stage.shows("TidegateLoopSlow", "tidegate_loop_lag_seconds_count", looked + 1)


async def callers(stage: Stage) -> None:
    stage.fault(Then.ANSWER, accept=True, hang_ms=300)
    answers = await asyncio.gather(*(stage.send(key=NARROW_KEY) for _ in range(2)))
    assert sorted(answers) == [200, 429]
    await stage.shows("TidegateCallersTurnedAway", 'tidegate_turned_away_total{limit="app"')


async def upstream(stage: Stage) -> None:
    stage.fault(Then.DROP, accept=True, times=10)
    for _ in range(10):
        await stage.send()
    await stage.shows("TidegateCloudApiInTrouble", 'tidegate_upstream_outcomes_total{outcome="unknown"', 10)
    await stage.shows("TidegateOutcomesUnknown", "tidegate_unknown_outcomes", 10)
    await stage.advance(16 * MINUTE_MS)
    await stage.shows("TidegateOutcomesUnresolved", "tidegate_unresolved_messages_total", 10)


async def places(stage: Stage) -> None:
    ledger = stage.node.services.ledger
    while (await ledger.books(PORTFOLIO)).used < LIMIT - 1:
        assert await stage.send() == 200
    await stage.shows("TidegateCapacityLow", 'tidegate_places_available{category="marketing"', 0, 1)


async def codes(stage: Stage) -> None:
    pause = {"scope": "category", "value": "authentication", "reason": "a test", "until_ms": None, "by": "ops"}
    await stage.change("pause", "pause-1", pause=pause)
    await stage.shows("TidegatePauseForgotten", 'tidegate_pauses{scope="category"')
    await stage.send(LOGIN_CODE, hold="queue")
    await stage.advance(8_000)
    await stage.shows("TidegateOldestLoginCodeWaits", 'tidegate_queue_oldest_seconds{category="authentication"', 6)
    await stage.advance(HOUR_MS)
    await stage.shows("TidegateMessagesExpire", 'tidegate_queue_ended_total{became="expired"')
    await stage.change("pause", "pause-1", pause=None)


async def webhooks(stage: Stage) -> None:
    for _ in range(3):
        await stage.inbound(stage.now_ms - HOUR_MS)
    await stage.shows("TidegateWebhooksLate", "tidegate_webhook_lag_seconds_count", 4)
    assert await stage.send() == 200
    await stage.node.services.gateway.settled(5)
    message_id, wamid = stage.last
    await stage.node.connection.client.set(KEYS.message(message_id), "damaged")
    status = {"id": wamid, "status": "delivered", "timestamp": str(stage.now_ms // 1_000), "recipient_id": "1555"}
    await stage.webhook("messages", {"messaging_product": "whatsapp", "metadata": METADATA, "statuses": [status]})
    await stage.shows("TidegateWebhookFaults", 'tidegate_webhook_faults_total{kind="StatusUpdate"')
    await stage.advance(HOUR_MS)
    await stage.shows("TidegateWebhooksSilent", "tidegate_webhook_age_seconds", 3_000)


async def relay(stage: Stage) -> None:
    await stage.shows("TidegateRelayBacklogOld", 'tidegate_relay_oldest_seconds{app="loadtest"', 601)
    await stage.shows("TidegateAlertsNotTaken", 'tidegate_relay_oldest_seconds{app="*alerts"', 301)
    await stage.advance(8 * DAY_MS)
    await stage.shows("TidegateRelayLoses", 'tidegate_relay_webhooks_total{outcome="dead"')


async def campaign(stage: Stage) -> None:
    halted = {"state": "halted", "stopped": True, "deadline_ms": stage.now_ms + DAY_MS}
    await stage.change("campaign", "campaign-1", campaign=halted)
    await stage.shows("TidegateCampaignHalted", 'tidegate_campaigns{state="halted"')
    await stage.change("campaign", "campaign-1", campaign=None)


async def audit(stage: Stage) -> None:
    services = stage.node.services
    for _ in range(2):
        await services.audit.write(PORTFOLIO, Deed(Act.PAUSE_START, Actor("ops"), {"portfolio": PORTFOLIO}, "a test"))
    watch = services.gauges.audit
    await watch.anchor(PORTFOLIO)
    await stage.node.connection.client.delete(KEYS.audit)
    await watch.anchor(PORTFOLIO)
    await stage.shows("TidegateAuditBroken", "tidegate_audit_broken")


async def breakers(stage: Stage) -> None:
    stage.error(131048, 400)
    await stage.send()
    await stage.shows("TidegateBreakerOpen", 'tidegate_breakers{rule="spam_rate",state="open"')
    await stage.advance(DAY_MS)
    stage.error(190, 401)
    await stage.send()
    await stage.shows("TidegateTokenExpired", 'tidegate_breakers{rule="token"')
    stage.fault(Then.DROP, on=On.READS, times=1_000)
    await stage.advance(20 * HOUR_MS)
    await stage.shows("TidegatePollsOld", "tidegate_poll_age_seconds", 19 * 3_600)


async def books(stage: Stage) -> None:
    stage.scrapes["before TidegateBooksHeld"] = await stage.scrape()
    other = await stage.house.node()

    async def know_each_other() -> bool:
        return other.recovery.journals[0].node in stage.node.recovery.journals[0].of(PORTFOLIO).nodes

    await until(know_each_other)
    await stage.house.end(other)
    with stage.house.look() as look:
        look.flushall()
    await held(stage.node)
    await stage.shows("TidegateBooksHeld", "tidegate_books_held")


async def node(stage: Stage) -> None:
    dispatcher = stage.node.services.dispatcher
    await dispatcher.stop()
    for portfolio in dispatcher.looked_at_ms:
        dispatcher.looked_at_ms[portfolio] -= 20_000
    await stage.shows("TidegateDispatcherStuck", "tidegate_dispatcher_age_seconds", 20)
    stage.node._ending.drains = True
    await stage.shows("TidegateNodeDrains", "tidegate_draining")
    stage.node._ending.drains = False
    await stage.house.end_store(signal.SIGKILL)
    await stage.shows("TidegateStoreAway", "tidegate_store_up", 0, 0)
