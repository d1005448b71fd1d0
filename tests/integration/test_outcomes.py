"""Outcomes: each of a message at most once, under the hour of its send, in every scope that it has."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, WABA, make_ledger, make_outcome
from tests.integration.outcome_feed import KEYS, Feed, about
from tidegate.policy.outcome_scope import parse
from tidegate.policy.warning_metric import HOUR_MS
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.outcomes import Report, Reported
from tidegate.store.scripts import StoreClient

ANN, BOB = b"\x01" * 16, b"\x02" * 16
TEMPLATE = f"template:marketing:{WABA}:en_US:seasonal_offer"
#: What `about()` is counted in.
SCOPES = {
    f"category:{NUMBER}:marketing",
    TEMPLATE,
    f"sent_template:{NUMBER}:{WABA}:en_US:seasonal_offer",
    f"sent_campaign:{NUMBER}:spring",
    f"sent_app:{NUMBER}:checkout",
}
#: NOW_MS lies in the hour from 22:00 to 23:00.
HOUR = f"{NOW_MS // HOUR_MS % 24:02}"


@pytest.fixture
async def feed(store_client: StoreClient) -> Feed:
    made = Feed(store_client)
    await made.at(NOW_MS)
    return made


def hourly(**counts: int) -> dict[str, int]:
    return {f"{HOUR}.{counter}": count for counter, count in counts.items()}


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param([], {"sent": 1}, id="an acceptance is a send"),
        pytest.param([("sent", None)], {"sent": 1}, id="the sent status is no other one"),
        pytest.param([("delivered", None)], {"sent": 1, "delivered": 1}, id="a delivery"),
        pytest.param([("read", None)], {"sent": 1, "delivered": 1, "read": 1}, id="a read without a delivery is both"),
        pytest.param(
            [("delivered", None), ("read", None), ("read", None), ("delivered", None)],
            {"sent": 1, "delivered": 1, "read": 1},
            id="what is told twice counts once",
        ),
        pytest.param([("failed", 131000)], {"sent": 1, "failed": 1}, id="a failure"),
        pytest.param([("failed", 131049)], {"sent": 1, "withheld": 1}, id="what Meta held back"),
        pytest.param([("failed", 131026)], {"sent": 1, "withheld": 1}, id="what could not be delivered"),
        pytest.param([("failed", 131050)], {"sent": 1, "opted_out": 1, "dropped": 1}, id="who opted out at Meta"),
        pytest.param([("failed", 131042)], {"sent": 1, "dropped": 1}, id="an unpaid bill speaks against no template"),
        pytest.param([("failed", None)], {"sent": 1, "failed": 1}, id="a failure that says nothing"),
        pytest.param(
            [("delivered", None), ("failed", 131000)], {"sent": 1, "delivered": 1}, id="delivered beats failed"
        ),
    ],
)
async def test_a_message_counts_once_for_all_that_is_heard_of_it(feed: Feed, heard, expected) -> None:
    message_id = await feed.send(ANN)
    for status, code in heard:
        await feed.hears(message_id, status, code)

    for scope in SCOPES:
        assert await feed.day(scope) == hourly(**expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {},
            {
                f"category:{NUMBER}:marketing",
                f"template:marketing:{WABA}:en_US:seasonal_offer",
                f"sent_template:{NUMBER}:{WABA}:en_US:seasonal_offer",
                f"sent_campaign:{NUMBER}:spring: a/b",
                f"sent_app:{NUMBER}:checkout",
            },
            id="a template of a campaign has all",
        ),
        pytest.param(
            {"template": None, "campaign": None},
            {f"category:{NUMBER}:marketing", f"sent_app:{NUMBER}:checkout"},
            id="what has a category but no template is judged by it",
        ),
        pytest.param(
            {"category": "service", "template": None, "campaign": None},
            {f"sent_app:{NUMBER}:checkout"},
            id="a reply is told of its app alone",
        ),
        pytest.param({"number": None}, set(), id="what is of no number is of nothing"),
        pytest.param(
            {"template": None, "app": None, "campaign": "cmp-1", "step": "first", "variant": "a"},
            {f"category:{NUMBER}:marketing", f"sent_campaign:{NUMBER}:cmp-1", "campaign_part:cmp-1:first:a"},
            id="a campaign's own send is one of its step and variant",
        ),
        pytest.param(
            {"template": None, "app": None, "campaign": None, "step": "first", "variant": "a"},
            {f"category:{NUMBER}:marketing"},
            id="a step of no campaign is none",
        ),
        pytest.param(
            {"template": "no_language", "campaign": None, "app": None},
            {f"category:{NUMBER}:marketing"},
            id="half a template is none",
        ),
    ],
)
async def test_a_send_is_counted_in_the_scopes_of_what_was_noted_of_it(feed: Feed, changes, expected) -> None:
    noted = {key: value for key, value in {**about(campaign="spring: a/b"), **changes}.items() if value is not None}
    record = {"state": "accepted", "at": NOW_MS, "about": orjson.dumps(noted), "recipient": ANN}
    await feed.client.hset(KEYS.message("m"), mapping=record)

    await feed.ledger.settle(make_outcome("m"))

    assert {scope.name for scope in (await feed.counts.news(PORTFOLIO, 0)).scopes} == expected


async def test_an_acceptance_that_was_lost_is_made_good_by_the_first_status(feed: Feed) -> None:
    message_id = await feed.send(ANN)
    keys = [key async for key in feed.client.scan_iter(match="*outcome*")]
    await feed.client.delete(*keys)
    await feed.forgets(message_id)

    await feed.hears(message_id, "delivered")

    assert await feed.day(TEMPLATE) == hourly(sent=1, delivered=1)


async def test_running_again_adds_nothing(feed: Feed) -> None:
    message_id = await feed.send(ANN)

    for _ in range(2):
        await feed.ledger.settle(make_outcome(message_id))

    assert await feed.day(TEMPLATE) == hourly(sent=1)


async def test_an_outcome_counts_in_the_hour_of_its_send_if_it_comes_in_time(feed: Feed) -> None:
    early, late = await feed.send(ANN), await feed.send(BOB)
    await feed.at(NOW_MS + DAY_MS - 60_000)

    await feed.hears(early, "read", late_ms=0)
    await feed.hears(late, "read", late_ms=61_000)

    assert await feed.day(TEMPLATE, NOW_MS) == hourly(sent=2, delivered=1, read=1)
    assert await feed.day(TEMPLATE) == {}


async def test_of_a_message_that_is_forgotten_nothing_is_counted_and_nothing_is_kept(feed: Feed) -> None:
    await feed.ledger.settle(make_outcome("gone"))

    assert [key async for key in feed.client.scan_iter(match="*outcome*")] == []
    assert not await feed.client.exists(KEYS.message("gone"))


async def test_many_at_once_are_added_up(feed: Feed) -> None:
    await feed.campaign(300, about(), withheld=20, failed=10, unread=50, opted_out=5)

    expected = hourly(sent=300, delivered=270, read=220, withheld=20, failed=10, opted_out=5)
    assert await feed.day(TEMPLATE) == expected


async def test_what_is_kept_goes_by_itself(feed: Feed) -> None:
    await feed.send(ANN)
    assert await feed.day(TEMPLATE) == hourly(sent=1)

    key = f"tidegate:{{{PORTFOLIO}}}:outcomes:{NOW_MS // DAY_MS}:{TEMPLATE}"
    assert 35 * DAY_MS < await feed.client.pttl(key) <= 40 * DAY_MS
    assert 0 < await feed.client.pttl(KEYS.reached(NUMBER, ANN)) <= 3 * DAY_MS

    await feed.at(NOW_MS + 50 * DAY_MS)
    await feed.send(BOB, about(template="other/en_US"))
    assert TEMPLATE not in [scope.name for scope in (await feed.counts.news(PORTFOLIO, 0)).scopes]


class TestOptOut:
    async def test_it_is_put_down_to_the_last_marketing_message(self, feed: Feed) -> None:
        await feed.send(ANN)
        await feed.send(ANN, about(category="utility", template="reminder/en_US"))
        await feed.send(BOB, about(template="other/en_US"))

        assert await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [ANN], NOW_MS + 1)

        assert await feed.day(TEMPLATE) == hourly(sent=1, opted_out=1)
        assert await feed.day(f"sent_template:{NUMBER}:{WABA}:en_US:reminder") == hourly(sent=1)

    async def test_or_else_to_the_last_of_any_category(self, feed: Feed) -> None:
        await feed.send(ANN, about(category="utility", template="reminder/en_US"))
        await feed.send(ANN, about(category="service", template=None))

        assert await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [BOB, ANN], NOW_MS + 1)

        assert (await feed.day(f"sent_template:{NUMBER}:{WABA}:en_US:reminder"))[f"{HOUR}.opted_out"] == 1

    async def test_said_twice_it_counts_once(self, feed: Feed) -> None:
        await feed.send(ANN)
        await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [ANN], NOW_MS + 1)

        assert not await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [ANN], NOW_MS + 2)

    async def test_after_three_days_it_is_put_down_to_nothing(self, feed: Feed) -> None:
        await feed.send(ANN)

        assert not await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [ANN], NOW_MS + 3 * DAY_MS + 1)

    async def test_a_marketing_message_of_long_ago_does_not_stand_before_a_newer_one(self, feed: Feed) -> None:
        await feed.send(ANN)
        await feed.at(NOW_MS + 3 * DAY_MS + 1)
        await feed.send(ANN, about(category="utility", template="reminder/en_US"))

        assert await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [ANN], feed.now_ms)

    async def test_who_got_nothing_from_the_number_blames_nothing(self, feed: Feed) -> None:
        await feed.send(ANN)

        assert not await feed.outcomes.opted_out(PORTFOLIO, NUMBER, [BOB], NOW_MS + 1)
        assert not await feed.outcomes.opted_out(PORTFOLIO, "15550001111", [ANN], NOW_MS + 1)

    async def test_an_answer_to_marketing_is_one_to_the_last_message(self, feed: Feed) -> None:
        assert not await feed.outcomes.answers_marketing(PORTFOLIO, NUMBER, [ANN])
        await feed.send(ANN)
        assert await feed.outcomes.answers_marketing(PORTFOLIO, NUMBER, [BOB, ANN])
        await feed.send(ANN, about(category="utility", template="reminder/en_US"))
        assert not await feed.outcomes.answers_marketing(PORTFOLIO, NUMBER, [ANN])


class TestReply:
    async def test_it_is_put_down_to_the_last_send_and_counts_once(self, feed: Feed) -> None:
        await feed.send(ANN, about(template="other/en_US"))
        await feed.send(ANN)

        assert await feed.outcomes.replied(PORTFOLIO, NUMBER, [BOB, ANN], NOW_MS + 1)
        assert not await feed.outcomes.replied(PORTFOLIO, NUMBER, [ANN], NOW_MS + 2)

        assert await feed.day(TEMPLATE) == hourly(sent=1, replied=1)

    async def test_one_of_the_next_day_is_no_reply_any_more(self, feed: Feed) -> None:
        await feed.send(ANN)

        assert not await feed.outcomes.replied(PORTFOLIO, NUMBER, [ANN], NOW_MS + DAY_MS + 1)
        assert not await feed.outcomes.replied(PORTFOLIO, NUMBER, [ANN], NOW_MS - DAY_MS)

    async def test_who_got_nothing_replies_to_nothing(self, feed: Feed) -> None:
        assert not await feed.outcomes.replied(PORTFOLIO, NUMBER, [ANN], NOW_MS)
        await feed.client.set(KEYS.reached(NUMBER, ANN), "gone")
        assert not await feed.outcomes.replied(PORTFOLIO, NUMBER, [ANN], NOW_MS)


class TestReport:
    PART = about(campaign="cmp-1", step="first", variant="a")
    SCOPE = "campaign_part:cmp-1:first:a"

    async def test_it_counts_once_for_each_thing_in_the_step_and_variant_of_the_send(self, feed: Feed) -> None:
        ann, bob = await feed.send(ANN, self.PART), await feed.send(BOB, self.PART)
        reports = [Report(ann, "conversion", 1_000), Report(ann, "csat", 750), Report(bob, "conversion", 500)]

        for expected in (Reported.COUNTED, Reported.BEFORE):
            assert await feed.outcomes.reported(PORTFOLIO, "checkout", reports) == [expected] * 3

        counted = {"sent": 2, "conversion": 1_500, "conversion.n": 2, "csat": 750, "csat.n": 1}
        assert await feed.day(self.SCOPE) == hourly(**counted)

    async def test_many_are_taken_a_part_at_a_time(self, feed: Feed) -> None:
        sent = await feed.send(ANN, self.PART)
        reports = [Report("gone", "csat", 1)] * 150 + [Report(sent, "journey:paid", 1_000)]

        found = await feed.outcomes.reported(PORTFOLIO, "checkout", reports)

        assert (found.count(Reported.UNKNOWN), found[-1]) == (150, Reported.COUNTED)

    async def test_what_is_no_send_of_the_apps_is_not_counted(self, feed: Feed) -> None:
        mine = await feed.send(ANN, self.PART)

        async def told(app: str, message_id: str) -> Reported:
            [found] = await feed.outcomes.reported(PORTFOLIO, app, [Report(message_id, "conversion", 1_000)])
            return found

        assert await told("other", mine) is Reported.UNKNOWN
        await feed.forgets(mine)
        assert await told("checkout", mine) is Reported.UNKNOWN

    async def test_what_is_of_no_campaign_is_counted_in_no_scope(self, feed: Feed) -> None:
        plain = await feed.send(BOB)

        assert await feed.outcomes.reported(PORTFOLIO, "checkout", [Report(plain, "csat", 750)]) == [Reported.COUNTED]

        for scope in SCOPES:
            assert await feed.day(scope) == hourly(sent=1)

    async def test_too_late_and_too_much_is_not_counted(self, feed: Feed) -> None:
        sent = await feed.send(ANN, self.PART)
        steps = [Report(sent, f"journey:{n}", 1_000) for n in range(21)]

        found = await feed.outcomes.reported(PORTFOLIO, "checkout", steps)
        assert found == [Reported.COUNTED] * 20 + [Reported.TOO_MANY]

        await feed.at(NOW_MS + 7 * DAY_MS + 1)
        assert await feed.outcomes.reported(PORTFOLIO, "checkout", steps[:1]) == [Reported.TOO_LATE]

    async def test_the_last_send_to_a_user_is_known_by_the_number(self, feed: Feed) -> None:
        assert await feed.outcomes.last_send(PORTFOLIO, NUMBER, [ANN]) is None
        sent = await feed.send(ANN, self.PART)
        assert await feed.outcomes.last_send(PORTFOLIO, NUMBER, [BOB, ANN]) == sent


class TestReading:
    async def test_news_are_told_from_a_time_on_and_of_what_is_understood(self, feed: Feed) -> None:
        await feed.send(ANN, about(template="old/en_US", campaign=None))
        await feed.counts.news(PORTFOLIO, 0)
        await feed.at(NOW_MS + 1_000)
        await feed.send(BOB, about(campaign=None))
        await feed.client.zadd(f"tidegate:{{{PORTFOLIO}}}:outcome_scopes", {"of a later version": NOW_MS + 2_000})

        news = await feed.counts.news(PORTFOLIO, NOW_MS + 1_000)

        names = {scope.name for scope in news.scopes}
        assert (news.now_ms, names) == (NOW_MS + 1_000, SCOPES - {f"sent_campaign:{NUMBER}:spring"})
        assert set(news.scopes.values()) == {NOW_MS + 1_000}
        assert len((await feed.counts.news(PORTFOLIO, 0, most=2)).scopes) == 1

    async def test_days_are_read_however_many_there_are(self, feed: Feed) -> None:
        await feed.send(ANN)
        scope = parse(TEMPLATE)
        assert scope is not None
        today = NOW_MS // DAY_MS

        found = await feed.counts.days(PORTFOLIO, [(scope, day) for day in range(today - 200, today + 1)])

        assert found == {(scope, today): hourly(sent=1)}

    async def test_a_day_that_tripped_says_so_and_an_empty_one_is_not_made(self, feed: Feed) -> None:
        await feed.send(ANN)
        scope = parse(TEMPLATE)
        assert scope is not None
        today = NOW_MS // DAY_MS

        await feed.counts.trip(PORTFOLIO, scope, [today - 1, today])

        assert await feed.day(TEMPLATE) == {**hourly(sent=1), "tripped": 1}
        assert await feed.day(TEMPLATE, NOW_MS - DAY_MS) == {}


async def test_two_portfolios_are_counted_apart_in_one_call(store_client: StoreClient) -> None:
    feed = Feed(store_client)
    await feed.at(NOW_MS)
    noted = {"state": "accepted", "at": NOW_MS + HOUR_MS, "about": orjson.dumps(about())}
    await feed.client.hset("tidegate:{other}:message:m", mapping=noted)
    feed.ledger = make_ledger(store_client, PORTFOLIO, "other")

    await asyncio.gather(feed.send(ANN), feed.ledger.settle(make_outcome("m", portfolio="other")))

    assert len((await feed.counts.news(PORTFOLIO, 0)).scopes) == 5
    other = OutcomeCounts(store_client, ["other"])
    scope = parse(TEMPLATE)
    assert scope is not None
    [found] = (await other.days("other", [(scope, (NOW_MS + HOUR_MS) // DAY_MS)])).values()
    assert list(found.values()) == [1]
