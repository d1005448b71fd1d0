"""The watch: what users do is noticed within a look, said once, and said again only when it goes on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, WABA, make_rules, make_standing
from tests.integration.outcome_feed import Feed, about
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.breaker import Event, Kind, State, step
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Scope
from tidegate.policy.warning_metric import HOUR_MS
from tidegate.store.leases import Leases
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings, Swing
from tidegate.store.warnings import Warnings
from tidegate.tasks import cancelled, spawn
from tidegate.warning_watch import DUTY, WarningWatch

TEMPLATE = f"{WABA}:en_US:seasonal_offer"
BAD = about()


class Post:
    """One node's watch, and what follows from it: breakers, by the rules in force."""

    def __init__(self, feed: Feed, name: str = "a node", mode: str = "enforce") -> None:
        self.feed = feed
        self.rules = make_rules(early_warning={"mode": mode})
        self.standings = Standings(feed.client, [make_standing(rules=self.rules)])
        self.leases = Leases(feed.client, name)
        self.clock = StoreClock()
        self.clock.observe(feed.now_ms)
        self.signals: list[Signal] = []
        self.fails = 0
        counts, warnings = OutcomeCounts(feed.client, [PORTFOLIO]), Warnings(feed.client, [PORTFOLIO])
        numbers = {NUMBER: WABA}
        self.watch = WarningWatch(counts, warnings, self.standings, self.leases, self.clock, numbers, self.consider)

    async def consider(self, signals: Sequence[Signal]) -> None:
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("a test")
        self.signals += signals
        for signal in signals:
            for effect in self.rules.consequences.of(signal):
                if (event := effect.event()) is not None:
                    await self.happens(effect.breaker_id, event)

    async def happens(self, breaker_id: str, event: Event) -> None:
        before = (await self.standings.current(PORTFOLIO)).breakers.get(breaker_id)
        after = step(before, event, self.feed.now_ms)
        assert after is not None
        assert await self.standings.swing(PORTFOLIO, [Swing(before.state if before else None, after)]) == [True]

    async def look(self) -> list[str]:
        """What one look says."""
        said = len(self.signals)
        self.clock.observe(self.feed.now_ms)
        await self.watch.look(PORTFOLIO)
        return sorted(signal.name for signal in self.signals[said:])

    async def opened(self) -> set[str]:
        standing = await self.standings.current(PORTFOLIO)
        return {breaker.id for breaker in standing.breakers if breaker.state is State.OPEN}


@pytest.fixture
async def feed(client: StoreClient) -> Feed:
    made = Feed(client)
    await made.at(NOW_MS)
    return made


@pytest.fixture
async def post(feed: Feed) -> Post:
    return Post(feed)


STOPPED = ["warning.category.block_proxy.stop", "warning.template.block_proxy.stop"]


async def test_a_healthy_campaign_is_not_spoken_of(post: Post, feed: Feed) -> None:
    await feed.campaign(400, about(), withheld=16, failed=6, opted_out=2)

    assert await post.look() == []
    assert await post.opened() == set()


async def test_a_bad_list_is_stopped_by_its_template_and_its_category(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)

    assert await post.look() == STOPPED
    category, template = sorted(post.signals, key=lambda signal: signal.name)
    assert template.source is Source.WARNING
    assert (template.at_ms, template.subject.value(Scope.TEMPLATE)) == (NOW_MS, TEMPLATE)
    assert category.subject.value(Scope.CATEGORY) == f"{NUMBER}:marketing"
    assert "block_proxy 60.00% of 400 sends, assumed baseline" in template.detail
    assert await post.opened() == {
        f"template_alarm/template/{TEMPLATE}",
        f"category_alarm/category/{NUMBER}:marketing",
    }


async def test_a_number_is_spoken_of_when_two_of_its_categories_are(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    await post.look()

    await feed.campaign(400, about(category="utility", template="reminder/en_US"), withheld=80)

    assert await post.look() == [
        "warning.category.block_proxy.throttle",
        "warning.number.block_proxy.throttle",
        "warning.template.block_proxy.throttle",
    ]
    assert [s.subject.value(Scope.NUMBER) for s in post.signals if ".number." in s.name] == [NUMBER]


async def test_it_throttles_before_it_stops(post: Post, feed: Feed) -> None:
    await feed.campaign(400, about(), withheld=80)

    assert await post.look() == ["warning.category.block_proxy.throttle", "warning.template.block_proxy.throttle"]
    await feed.campaign(800, about(), withheld=600)
    assert await post.look() == STOPPED


async def test_what_was_said_is_not_said_again_by_this_node_nor_by_the_next(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    await post.look()

    assert await post.look() == []
    assert await Post(feed, "another node").look() == []


async def test_it_is_said_again_when_later_sends_are_as_bad(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    await post.look()

    await feed.at(NOW_MS + 2 * HOUR_MS)
    assert await post.look() == []
    await feed.campaign(400, BAD, withheld=240)
    assert await post.look() == STOPPED


async def test_what_could_not_be_acted_on_is_said_again(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    post.fails = 1
    with pytest.raises(StoreUnavailable):
        await post.look()

    assert await post.look() == STOPPED


async def test_an_operator_who_closes_the_breaker_clears_what_was_judged(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    await post.look()
    await feed.at(NOW_MS + HOUR_MS // 2)
    closed = Event(Kind.OPERATOR_CLOSE, feed.now_ms, "the list was replaced")
    for breaker_id in await post.opened():
        await post.happens(breaker_id, closed)

    await feed.campaign(100, BAD)
    assert await post.look() == ["warning.category.block_proxy.calm", "warning.template.block_proxy.calm"]
    assert await post.look() == []

    await feed.at(NOW_MS + 2 * HOUR_MS)
    await feed.campaign(400, BAD, withheld=240)
    assert await post.look() == STOPPED


async def test_silence_is_noticed_by_the_hour_without_any_news(post: Post, feed: Feed) -> None:
    await feed.campaign(400, about(), unread=400)
    assert await post.look() == []
    await feed.at(NOW_MS + 20 * HOUR_MS)
    assert await post.look() == []

    await feed.at(NOW_MS + 27 * HOUR_MS)

    assert await post.look() == ["warning.category.unread.throttle", "warning.template.unread.throttle"]


async def test_a_week_later_all_is_calm_and_nothing_is_remembered(post: Post, feed: Feed) -> None:
    await feed.campaign(400, BAD, withheld=240)
    await post.look()

    await feed.at(NOW_MS + 4 * DAY_MS)
    await post.look()
    await feed.at(NOW_MS + 8 * DAY_MS)
    calm = ["warning.category.block_proxy.calm", "warning.template.block_proxy.calm"]
    assert [name for name in await post.look() if "block_proxy" in name] == calm
    assert {metric for _, metric in await Warnings(feed.client, [PORTFOLIO]).read(PORTFOLIO)} == set()


async def test_a_template_is_compared_with_its_own_past_and_days_that_tripped_are_none(post: Post, feed: Feed) -> None:
    await feed.at(NOW_MS - 20 * DAY_MS)
    await feed.campaign(1_200, about(), withheld=240)
    await feed.at(NOW_MS - 10 * DAY_MS)
    await feed.campaign(400, about(), withheld=360)
    await post.look()  # trips: that day teaches nothing
    await feed.at(NOW_MS)

    await feed.campaign(400, about(), withheld=80)
    assert [name for name in await post.look() if not name.endswith("calm")] == []
    # With the day that tripped in it, the baseline would be so high that this were usual.
    await feed.campaign(400, about(), withheld=280)
    assert await post.look() == STOPPED


async def test_in_shadow_it_is_told_only_and_once_enforced_it_acts(post: Post, feed: Feed) -> None:
    shadow = Post(feed, mode="shadow")
    await feed.campaign(400, BAD, withheld=240)

    assert await shadow.look() == []
    said = await Warnings(feed.client, [PORTFOLIO]).read(PORTFOLIO)
    assert {one.mode for one in said.values()} == {"shadow"}
    assert await post.look() == STOPPED


async def test_off_it_looks_at_nothing(feed: Feed) -> None:
    post = Post(feed, mode="off")
    await feed.campaign(400, BAD, withheld=240)

    assert await post.look() == []
    assert await Warnings(feed.client, [PORTFOLIO]).read(PORTFOLIO) == {}


@contextlib.asynccontextmanager
async def running(post: Post) -> AsyncIterator[None]:
    """The post's watch runs meanwhile."""
    task = spawn(post.watch.run(), "a watch")
    try:
        yield
    finally:
        await cancelled([task], 10)


def says(post: Post, names: list[str]) -> Callable[[], Awaitable[bool]]:
    """Whether it has said this; each time it is asked, the clock jumps, so that the watch looks again."""

    async def said() -> bool:
        await post.feed.at(post.feed.now_ms + 1_000)
        post.clock.observe(post.feed.now_ms)
        return sorted(signal.name for signal in post.signals) == names

    return said


async def test_one_node_has_the_duty_and_another_takes_it_over(feed: Feed) -> None:
    first, second = Post(feed, "first"), Post(feed, "second")
    assert await first.leases.hold(PORTFOLIO, DUTY, 60_000)
    await feed.campaign(400, BAD, withheld=240)

    async with running(second):
        for _ in range(20):
            assert not await says(second, STOPPED)()
        await feed.client.delete(f"tidegate:{{{PORTFOLIO}}}:lease:{DUTY}")
        await until(says(second, STOPPED))


async def test_what_the_store_did_not_take_is_said_again_by_the_duty_itself(feed: Feed) -> None:
    post = Post(feed)
    await feed.campaign(400, BAD, withheld=240)
    post.fails = 1

    async with running(post):
        await until(says(post, STOPPED))
