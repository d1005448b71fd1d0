"""Figures: what became of each message once, on the day of its send, in every cell that it has; and who waited."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, WABA
from tests.integration.outcome_feed import KEYS, Feed, about
from tidegate.policy.kpi import Cell, Figures, Kind
from tidegate.policy.kpi.cells import KEPT_DAYS, REST
from tidegate.store.kpis import Kpis
from tidegate.store.ledger import Ledger
from tidegate.store.outcomes import HANDLING, Report
from tidegate.store.scripts import StoreClient

ANN, BOB = b"\x01" * 16, b"\x02" * 16
HOUR_MS, TODAY = 3_600_000, NOW_MS // DAY_MS
CELLS = {
    Kind.NUMBER: NUMBER,
    Kind.TEMPLATE: f"{WABA}:en_US:seasonal_offer",
    Kind.CAMPAIGN: "spring",
    Kind.APP: "checkout",
}
REPLY = about(category="service", template=None, campaign=None, type="text")


@pytest.fixture
async def feed(store_client: StoreClient) -> Feed:
    made = Feed(store_client)
    await made.at(NOW_MS)
    return made


async def figures(feed: Feed, kind: Kind = Kind.NUMBER, name: str = NUMBER, day: int = TODAY) -> Figures:
    """Of one cell on one day."""
    found: Counter[str] = Counter()
    wanted = [(day, Cell(kind, NUMBER, name))]
    async for one in Kpis(feed.client, [PORTFOLIO]).read(PORTFOLIO, wanted):
        found.update(one.fields)
    return Figures(found)


def counted(told: Figures) -> dict[str, int]:
    names = ("sent", "delivered", "read", "withheld", "dropped", "opted_out", "replied")
    counts = {name: told.count(name) for name in names} | {"failed": told.failed}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param([], {"sent": 1}, id="an acceptance is a send"),
        pytest.param([("read", None)], {"sent": 1, "delivered": 1, "read": 1}, id="a read without a delivery is both"),
        pytest.param(
            [("delivered", None), ("read", None), ("read", None), ("delivered", None), ("sent", None)],
            {"sent": 1, "delivered": 1, "read": 1},
            id="what is told twice or late counts once",
        ),
        pytest.param([("failed", 131000), ("failed", 131000)], {"sent": 1, "failed": 1}, id="a failure"),
        pytest.param([("failed", 131049)], {"sent": 1, "failed": 1, "withheld": 1}, id="what Meta held back failed"),
        pytest.param(
            [("failed", 131050)], {"sent": 1, "failed": 1, "dropped": 1, "opted_out": 1}, id="who opted out at Meta"
        ),
        pytest.param(
            [("delivered", None), ("failed", 131000)], {"sent": 1, "delivered": 1}, id="delivered, not failed"
        ),
        pytest.param(
            [("failed", 131049), ("delivered", None), ("failed", 131049)],
            {"sent": 1, "delivered": 1},
            id="what was delivered after all has not failed",
        ),
    ],
)
async def test_a_message_counts_once_in_every_cell_that_it_has(
    feed: Feed, heard: list[tuple[str, int | None]], expected: dict[str, int]
) -> None:
    message_id = await feed.send(ANN)
    for status, code in heard:
        await feed.hears(message_id, status, code)

    for kind, name in CELLS.items():
        assert counted(await figures(feed, kind, name)) == expected


async def test_what_comes_after_days_counts_on_the_day_of_the_send(feed: Feed) -> None:
    message_id = await feed.send(ANN)
    await feed.at(NOW_MS + 5 * DAY_MS)

    await feed.hears(message_id, "read")

    assert counted(await figures(feed)) == {"sent": 1, "delivered": 1, "read": 1}


@pytest.mark.parametrize(
    "order",
    [("delivered", "read"), ("read", "delivered"), ("delivered", "delivered"), ("read", "delivered", "delivered")],
    ids=" then ".join,
)
async def test_the_time_to_a_delivery_is_that_of_the_delivery_whenever_it_is_told(
    feed: Feed, order: tuple[str, ...]
) -> None:
    message_id = await feed.send(ANN)
    for status in order:
        await feed.hears(message_id, status, late_ms=7_000 if status == "delivered" else 60_000)

    took = (await figures(feed)).times("deliver")
    assert (took.count, took.total_ms) == (1, 7_000)


async def test_of_a_message_that_was_read_before_its_delivery_is_told_no_time_is_made_up(feed: Feed) -> None:
    await feed.hears(await feed.send(ANN), "read")

    assert (await figures(feed)).times("deliver").count == 0


class TestWaits:
    async def test_a_reply_ends_the_wait_that_began_with_the_first_message(self, feed: Feed) -> None:
        for at_ms in (NOW_MS - 60_000, NOW_MS - 90_000, NOW_MS - 30_000, NOW_MS - 90_000):
            await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, at_ms)
        await feed.send(ANN, REPLY)
        await feed.send(ANN, REPLY)

        told = await figures(feed)
        assert (told.count("asked"), told.count("answered")) == (1, 1)
        assert [told.times(what).total_ms for what in ("response", "first")] == [90_000, 90_000]
        busy = [hour for hour in told.hours if hour.asked]
        assert [(hour.hour, hour.asked, hour.answered, hour.took_ms) for hour in busy] == [(22, 1, 1, 90_000)]
        assert (await figures(feed, Kind.APP, "checkout")).times("response").count == 1

    async def test_an_answered_message_that_is_told_again_begins_no_wait(self, feed: Feed) -> None:
        await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)
        await feed.send(ANN, REPLY)

        assert not await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)

        assert (await figures(feed)).count("asked") == 1

    async def test_only_the_first_answer_of_a_conversation_is_a_first_response(self, feed: Feed) -> None:
        for hours in (0, 1, 26):
            await feed.at(NOW_MS + hours * HOUR_MS)
            await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, feed.now_ms - 2_000)
            await feed.send(ANN, REPLY)

        days = [await figures(feed, day=TODAY + later) for later in (0, 1, 2)]
        assert [sum(day.times(what).count for day in days) for what in ("response", "first")] == [3, 2]

    @pytest.mark.parametrize(
        "noted",
        [
            about(campaign=None),
            about(category="authentication", campaign=None, template="login_code/en_US"),
            about(category="utility"),
        ],
        ids=["marketing", "a login code", "a campaign's message"],
    )
    async def test_what_is_told_to_many_answers_nobody(self, feed: Feed, noted: dict[str, str]) -> None:
        await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)
        await feed.send(ANN, noted)

        assert (await figures(feed)).count("answered") == 0

    async def test_an_answer_to_one_is_none_to_another(self, feed: Feed) -> None:
        await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)
        await feed.send(BOB, REPLY)

        assert (await figures(feed)).count("answered") == 0

    async def test_a_lost_acceptance_answers_with_its_first_status(self, feed: Feed) -> None:
        message_id = await feed.send(ANN, REPLY)
        await feed.forgets(message_id)
        await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)

        for _ in range(2):
            await feed.hears(message_id, "sent")

        assert (await figures(feed)).times("response").total_ms == 5_000

    async def test_a_message_older_than_meta_repeats_begins_no_wait(self, feed: Feed) -> None:
        assert not await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 8 * DAY_MS)

    async def test_who_waits_is_known_by_the_users_other_name(self, feed: Feed) -> None:
        await feed.outcomes.asked(PORTFOLIO, NUMBER, ANN, NOW_MS - 5_000)
        ledger: Ledger = feed.ledger

        await ledger.move_user(PORTFOLIO, ANN, BOB, [NUMBER])
        await feed.send(BOB, REPLY)

        assert (await figures(feed)).count("answered") == 1
        assert not await feed.client.exists(KEYS.reached(f"asked:{NUMBER}", ANN))
        assert 7 * DAY_MS < await feed.client.pttl(KEYS.reached(f"asked:{NUMBER}", BOB)) <= 8 * DAY_MS


async def test_reports_are_counted_of_any_send_once(feed: Feed) -> None:
    message_id = await feed.send(ANN, REPLY)
    reports = [
        Report(message_id, "csat", 750),
        Report(message_id, HANDLING, 90_000),
        Report(message_id, "journey:paid", 1_000),
    ]

    for _ in range(2):
        await feed.outcomes.reported(PORTFOLIO, "checkout", reports)

    told = await figures(feed, Kind.APP, "checkout")
    assert (told.reported("csat").count, told.reported("csat").mean) == (1, 0.75)
    assert (told.times("handling").count, told.times("handling").total_ms) == (1, 90_000)
    assert {step: mean.count for step, mean in told.journey.items()} == {"paid": 1}


async def test_a_cell_keeps_so_many_steps_apart_and_adds_up_the_others(feed: Feed) -> None:
    for n in range(4):
        message_id = await feed.send(n.to_bytes(16, "big"))
        steps = [Report(message_id, f"journey:{n}.{i}", 1_000) for i in range(20)]
        await feed.outcomes.reported(PORTFOLIO, "checkout", steps)

    journey = (await figures(feed)).journey
    assert (len(journey), journey[REST].count) == (61, 20)


async def test_a_day_keeps_so_many_of_a_kind_apart_and_adds_up_the_others(feed: Feed) -> None:
    key = f"tidegate:{{{PORTFOLIO}}}:outcomes:kpi:{TODAY}:campaign"
    await feed.client.sadd(key, *(f"{NUMBER}:c{n}" for n in range(499)))
    known = await feed.send(ANN)
    assert counted(await figures(feed, Kind.CAMPAIGN, "spring")) == {"sent": 1}
    late = [await feed.send(user, about(campaign=name)) for user, name in ((BOB, "late"), (b"\x03" * 16, "later"))]
    for message_id in (known, *late):
        await feed.hears(message_id, "delivered")

    assert counted(await figures(feed, Kind.CAMPAIGN, "spring")) == {"sent": 1, "delivered": 1}
    assert counted(await figures(feed, Kind.CAMPAIGN, REST)) == {"sent": 2, "delivered": 2}
    cells = (await Kpis(feed.client, [PORTFOLIO]).cells(PORTFOLIO, Kind.CAMPAIGN, [TODAY - 1, TODAY]))[TODAY]
    assert len(cells) == 501
    assert Cell(Kind.CAMPAIGN, NUMBER, REST) in cells


async def test_figures_go_by_themselves(feed: Feed) -> None:
    await feed.send(ANN)
    assert 0 < await feed.client.pttl(KEYS.named("outcomes:") + b"told") <= KEPT_DAYS * DAY_MS

    await figures(feed)

    found = [key async for key in feed.client.scan_iter(match="*:kpi:*")]
    assert len(found) == 2 * len(CELLS)
    for key in found:
        assert 0 < await feed.client.pttl(key) <= KEPT_DAYS * DAY_MS
