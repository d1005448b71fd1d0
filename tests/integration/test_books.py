"""The books as a whole, on both stores: who has to say what they miss, and how what they miss is written again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    make_ask,
    make_ledger,
    make_outcome,
    make_seal,
    make_status,
    make_terms,
    user,
)
from tidegate.cloudapi.vocabulary import Category
from tidegate.journal import Intent, Journal
from tidegate.store.books import HOLD_MS, Books, Joined
from tidegate.store.keys import PortfolioKeys
from tidegate.store.messages import Messages
from tidegate.store.scripts import StoreClient, script
from tidegate.store.send_queue import Lane, SendQueue, Waiting
from tidegate.store.users import Users
from tidegate.store.witness import Identity

KEYS = PortfolioKeys(PORTFOLIO)
ANN, BOB = user(0), user(1)
#: What a server is when it starts again: it may have lost its last moments, or it has all.
FORGETS, KEEPS = False, True
#: A node is gone when it was not heard of for so long before the last one was.
GONE_MS = 6_000
ENDS_MS = NOW_MS + 31 * DAY_MS
LANE = Lane(NUMBER, Category.MARKETING)


class Desk:
    """Some nodes and the books that they write, at a clock that stands where it is put (ms since the beginning)."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self.books = Books(client)
        self.ledger = make_ledger(client)
        seal = make_seal()
        self.queue = SendQueue(client, [PORTFOLIO], seal)
        self.messages = Messages(client, [PORTFOLIO], seal)
        self.users = Users(client, [PORTFOLIO], lambda: NOW_MS, one_slot=False)
        self.at_ms = 0

    async def at(self, ms: int) -> None:
        self.at_ms = ms
        await self.client.set(KEYS.clock, f"@{NOW_MS + ms}")

    async def join(
        self,
        node: str,
        server: str = "s1",
        *,
        era: str = "",
        knows: dict[str, int] | None = None,
        keeps: bool = FORGETS,
    ) -> Joined:
        """`era`: of the books that the node wrote into; `knows`: other nodes, and when it heard of them."""
        others = {other: NOW_MS + at_ms for other, at_ms in (knows or {}).items()}
        return await self.books.join(PORTFOLIO, node, Identity(server, keeps), era, others)

    async def vouch(self, era: str, *nodes: str) -> tuple[int, bool]:
        vouched = await self.books.vouch(PORTFOLIO, era, nodes)
        return vouched.owing, vouched.whole

    async def held_in_ms(self) -> int | None:
        """How long the books are held from now; None when they are whole."""
        found: Any = await self.client.hget(KEYS.ledger, "held_until")
        return int(found) - NOW_MS - self.at_ms if int(found or 0) else None

    async def epoch(self) -> int:
        return (await self.ledger.books(PORTFOLIO)).epoch

    async def used(self) -> int:
        return (await self.ledger.books(PORTFOLIO)).used

    async def rebuild(self, *intents: Intent) -> int:
        return await self.books.rebuild(PORTFOLIO, intents)

    async def state(self, message_id: str) -> str | None:
        record = await self.messages.find(PORTFOLIO, message_id)
        return record.state.value if record else None

    async def enqueue(self, message_id: str, attempt: int | None = None, recipient: bytes = ANN) -> bool:
        waiting = Waiting(
            message_id, attempt, LANE, recipient, NOW_MS, False, ENDS_MS, b"body", b"{}", "budget", None, "a test"
        )
        return await self.queue.enqueue(PORTFOLIO, waiting)

    async def claimed(self) -> list[tuple[str, int]]:
        claim = await self.queue.claim(PORTFOLIO, {LANE: (10, -1)})
        return [(one.message_id, one.attempt) for one in claim.messages]

    async def everything(self) -> dict[object, object]:
        """All keys and what they hold."""
        found: dict[object, object] = {}
        for key in sorted(await self.client.keys("tidegate:*")):
            found[key] = await self.client.dump(key)
        return found


@pytest.fixture
async def desk(store_client: StoreClient) -> Desk:
    made = Desk(store_client)
    await made.at(0)
    return made


def an_intent(message_id: str = "m1", **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "message_id": message_id,
        "attempt": 1,
        "recipient": ANN,
        "number": NUMBER,
        "place": "1",
        "window_ends_ms": 0,
        "at_ms": NOW_MS,
        "ends_ms": ENDS_MS,
        "about": b"{}",
        "state": "accepted",
    }
    return Intent(**values | changes)


class TestNewBooks:
    async def test_are_whole_and_of_an_era_of_their_own(self, desk: Desk) -> None:
        first = await desk.join("a")
        assert (first.held_until_ms, first.owing, set(first.nodes)) == (0, frozenset(), {"a"})
        assert first.era
        await desk.client.flushall()
        await desk.at(1)
        assert (await desk.join("a")).era != first.era

    async def test_have_an_epoch_that_no_books_before_them_had(self, desk: Desk) -> None:
        assert (await desk.join("a")).epoch == NOW_MS

    async def test_that_were_written_by_an_older_version_keep_what_they_have(self, desk: Desk) -> None:
        await desk.client.hset(KEYS.ledger, mapping={"epoch": NOW_MS + 5, "used": 3})

        joined = await desk.join("a")

        assert (joined.epoch, joined.held_until_ms, await desk.used()) == (NOW_MS + 6, 0, 3)

    async def test_are_found_as_they_are_by_the_next_node(self, desk: Desk) -> None:
        first = await desk.join("a")
        await desk.at(1_000)

        second = await desk.join("b")

        assert (second.era, second.epoch, second.held_until_ms) == (first.era, first.epoch, 0)
        assert second.nodes == {"a": NOW_MS, "b": NOW_MS + 1_000}


class TestAnotherServer:
    async def test_that_has_all_that_it_acknowledged_is_as_good_as_the_same(self, desk: Desk) -> None:
        first = await desk.join("a", "s1")

        again = await desk.join("a", "s2", era=first.era, keeps=KEEPS)

        assert (again.held_until_ms, again.owing, again.epoch) == (0, frozenset(), first.epoch)

    async def test_that_may_have_lost_something_waits_for_all_that_were_there(self, desk: Desk) -> None:
        era = (await desk.join("a")).era
        await desk.join("b")
        await desk.at(1_000)

        joined = await desk.join("a", "s2", era=era)

        assert (sorted(joined.owing), joined.held_until_ms) == (["a", "b"], NOW_MS + 1_000 + HOLD_MS)
        assert await desk.vouch(era, "a") == (1, False)
        assert (await desk.join("b", "s2", era=era)).owing == {"b"}
        assert await desk.vouch(era, "b") == (0, True)
        assert await desk.held_in_ms() is None
        assert (await desk.join("a", "s2", era=era)).owing == set()

    @pytest.mark.parametrize(
        ("silent_ms", "owes"),
        [
            pytest.param(GONE_MS, True, id="who was silent for no longer than a node may be, owes"),
            pytest.param(GONE_MS + 1, False, id="who was silent for longer had left"),
        ],
    )
    async def test_asks_nothing_of_who_had_left_before(self, desk: Desk, silent_ms: int, owes: bool) -> None:
        era = (await desk.join("left")).era
        await desk.at(silent_ms)
        await desk.join("a", era=era)
        await desk.at(10 * GONE_MS)

        joined = await desk.join("a", "s2", era=era)

        assert joined.owing == ({"a", "left"} if owes else {"a"})

    async def test_asks_nothing_of_who_ended_in_order(self, desk: Desk) -> None:
        era = (await desk.join("left")).era
        await desk.join("killed", era=era)
        assert await desk.books.leave(PORTFOLIO, era, "left")
        assert await desk.books.leave(PORTFOLIO, era, "left"), "twice is once"

        joined = await desk.join("a", "s2", era=era, knows={"left": 0})

        assert joined.owing == {"killed"}
        assert (await desk.join("a", "s3", era=era)).owing == {"a", "killed"}, "it stays so"

    async def test_that_does_not_know_of_the_leave_waits_for_who_left(self, desk: Desk) -> None:
        era = (await desk.join("left")).era
        before = await desk.client.dump(KEYS.nodes)
        await desk.books.leave(PORTFOLIO, era, "left")
        await desk.client.restore(KEYS.nodes, 0, before, replace=True)

        assert (await desk.join("a", "s2", era=era)).owing == {"left"}

    async def test_waits_for_who_has_come_back(self, desk: Desk) -> None:
        era = (await desk.join("left")).era
        await desk.books.leave(PORTFOLIO, era, "left")
        await desk.join("left", era=era)

        assert (await desk.join("a", "s2", era=era)).owing == {"left"}

    async def test_that_waits_for_a_node_is_not_left_by_it(self, desk: Desk) -> None:
        era = (await desk.join("a")).era
        await desk.join("b", "s2", era=era)

        assert not await desk.books.leave(PORTFOLIO, era, "a")
        assert not await desk.books.leave(PORTFOLIO, "another", "b")
        assert not await desk.books.leave(PORTFOLIO, era, "nobody")
        assert (await desk.join("b", "s2", era=era)).owing == {"a"}

    async def test_that_does_not_know_a_node_has_lost_what_it_wrote(self, desk: Desk) -> None:
        era = (await desk.join("a")).era
        await desk.join("a", "s2", era=era)
        await desk.vouch(era, "a")

        joined = await desk.join("late", "s2", era=era, knows={"late": 0})

        assert (sorted(joined.owing), joined.held_until_ms > 0) == (["late"], True)

    async def test_that_does_not_know_whom_a_node_knows_waits_for_them(self, desk: Desk) -> None:
        era = (await desk.join("a")).era

        joined = await desk.join("a", "s2", era=era, knows={"late": 0, "a": 0}, keeps=KEEPS)

        assert joined.owing == {"late"}

    async def test_has_lost_nothing_of_a_node_that_it_forgot_after_a_day(self, desk: Desk) -> None:
        era = (await desk.join("a")).era
        await desk.join("b")
        await desk.at(HOLD_MS)
        await desk.join("b", era=era)

        assert (await desk.join("a", era=era, knows={"a": 0, "b": 0})).owing == set()

    async def test_whose_name_nobody_may_ask_is_not_another(self, desk: Desk) -> None:
        era = (await desk.join("a", "s1")).era

        assert (await desk.join("a", "", era=era)).owing == set()
        assert (await desk.join("a", "s1", era=era)).owing == set()

    async def test_has_an_epoch_that_none_of_the_last_one_may_have_had(self, desk: Desk) -> None:
        era = (await desk.join("a", "s1")).era
        await desk.at(60_000)

        assert (await desk.join("a", "s2", era=era)).epoch > NOW_MS + 60_000

    async def test_is_told_from_the_last_and_not_from_the_first(self, desk: Desk) -> None:
        era = (await desk.join("a", "s1")).era
        await desk.join("a", "s2", era=era)
        await desk.vouch(era, "a")

        assert (await desk.join("a", "s2", era=era)).owing == set()
        assert (await desk.join("a", "s1", era=era)).owing == {"a"}


class TestOtherBooks:
    async def test_wait_for_those_who_wrote_in_the_ones_before(self, desk: Desk) -> None:
        joined = await desk.join("a", era="before", knows={"b": 0, "a": 0}, keeps=KEEPS)

        assert (sorted(joined.owing), joined.held_until_ms) == (["a", "b"], NOW_MS + HOLD_MS)
        assert await desk.vouch(joined.era, "a", "b") == (0, True)

    async def test_wait_for_nobody_who_was_heard_of_a_day_ago(self, desk: Desk) -> None:
        joined = await desk.join("a", era="before", knows={"b": -HOLD_MS, "c": -HOLD_MS + 1})

        assert joined.owing == {"a", "c"}

    async def test_wait_for_nobody_when_nothing_is_remembered(self, desk: Desk) -> None:
        assert (await desk.join("a")).owing == set()

    async def test_are_told_of_every_node_once(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before", knows={"b": 0})).era
        await desk.join("b", era="before", knows={"a": 0})
        assert await desk.vouch(era, "a") == (1, False)
        assert await desk.vouch(era, "b") == (0, True)

        assert (await desk.join("a", era=era, knows={"b": 0})).owing == set()


class TestTheHold:
    async def test_begins_with_the_first_doubt_and_is_not_prolonged(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before")).era
        await desk.at(1_000)
        assert (await desk.join("a", era="before")).held_until_ms == NOW_MS + HOLD_MS
        assert (await desk.join("b", "s2", era=era)).held_until_ms == NOW_MS + HOLD_MS

    async def test_changes_the_epoch_where_it_begins_and_where_it_ends(self, desk: Desk) -> None:
        first = await desk.join("a")
        held = await desk.join("a", "s2", era=first.era)
        assert first.epoch < held.epoch == await desk.epoch()
        assert (await desk.join("a", "s2", era=first.era)).epoch == held.epoch
        await desk.vouch(first.era, "a")
        assert await desk.epoch() == held.epoch + 1

    @pytest.mark.parametrize(
        ("after_ms", "held"),
        [pytest.param(HOLD_MS - 1, True, id="to its last moment"), pytest.param(HOLD_MS, False, id="and no longer")],
    )
    async def test_runs_out_though_somebody_never_comes_back(self, desk: Desk, after_ms: int, held: bool) -> None:
        era = (await desk.join("a", era="before", knows={"lost": 0})).era
        await desk.vouch(era, "a")
        await desk.at(after_ms)

        joined = await desk.join("a", era=era)

        assert (joined.held_until_ms > 0) is held
        assert joined.owing == ({"lost"} if held else set())
        assert (await desk.held_in_ms() is None) is not held

    async def test_that_runs_out_with_another_servers_first_word_begins_anew(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before", knows={"lost": 0})).era
        await desk.at(HOLD_MS - 1)
        await desk.join("a", era=era)
        await desk.at(HOLD_MS)

        joined = await desk.join("a", "s2", era=era)

        assert (sorted(joined.owing), joined.held_until_ms) == (["a"], NOW_MS + 2 * HOLD_MS)

    async def test_is_in_force_for_whoever_sends(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before")).era
        await desk.enqueue("m1")
        assert (await desk.ledger.admit(make_ask("m2", BOB, terms=make_terms(epoch=0)))).stale

        await desk.vouch(era, "a")

        now = await desk.epoch()
        assert (await desk.ledger.admit(make_ask("m2", BOB, terms=make_terms(epoch=now)))).taken

    async def test_of_many_nodes_is_told_of_all(self, desk: Desk) -> None:
        others = {f"node-{n}": 0 for n in range(3_000)}

        joined = await desk.join("a", era="before", knows=others)

        assert joined.owing == {"a", *others}


class TestToVouch:
    async def test_for_others_than_owe_changes_nothing(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before")).era
        assert await desk.vouch(era, "a stranger") == (1, False)
        assert await desk.held_in_ms() == HOLD_MS

    async def test_for_other_books_changes_nothing(self, desk: Desk) -> None:
        await desk.join("a", era="before")
        for nodes in (["a"], []):
            assert await desk.vouch("before", *nodes) == (-1, False)
        assert await desk.held_in_ms() == HOLD_MS

    async def test_again_makes_nothing_whole_again(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before")).era
        assert await desk.vouch(era, "a") == (0, True)
        epoch = await desk.epoch()
        assert await desk.vouch(era, "a") == (0, False)
        assert await desk.epoch() == epoch

    async def test_by_hand_takes_the_books_as_they_are(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before", knows={"b": 0, "c": 0})).era
        assert await desk.vouch(era) == (0, True)
        assert await desk.held_in_ms() is None
        assert (await desk.join("a", era=era)).owing == set()

    async def test_by_hand_for_whole_books_changes_nothing(self, desk: Desk) -> None:
        era = (await desk.join("a")).era
        epoch = await desk.epoch()
        assert await desk.vouch(era) == (0, False)
        assert await desk.epoch() == epoch

    async def test_keeps_when_a_node_was_heard_of(self, desk: Desk) -> None:
        era = (await desk.join("a", era="before", knows={"b": 0})).era
        await desk.at(1_000)
        await desk.vouch(era, "b")
        assert (await desk.join("c", era=era)).nodes["b"] == NOW_MS


class TestASendThatIsWrittenAgain:
    @pytest.mark.parametrize(
        ("changes", "used_until_ms"),
        [
            pytest.param({}, 31 * DAY_MS, id="a place is kept until its fate is known"),
            pytest.param({"state": "sending"}, 31 * DAY_MS, id="so is that of one on its way"),
            pytest.param({"state": "unknown"}, 31 * DAY_MS, id="and of one of which nobody knows"),
            pytest.param({"ends_ms": NOW_MS}, 0, id="not one that has ended"),
            pytest.param({"ends_ms": NOW_MS + 1}, 1, id="one that ends later ends then"),
            pytest.param({"state": "failed"}, 0, id="what is proven unsent takes none"),
            pytest.param({"place": "0", "window_ends_ms": NOW_MS + 9}, 0, id="nor what went in a window"),
            pytest.param({"place": ""}, 0, id="nor what does not count"),
            pytest.param(
                {"delivered_at_ms": NOW_MS - 5_000, "at_ms": NOW_MS - 9_000},
                DAY_MS - 4_001,
                id="a delivery counts for a day from the end of its second",
            ),
            pytest.param(
                {"delivered_at_ms": NOW_MS - 9_000, "at_ms": NOW_MS - 5_000},
                DAY_MS - 5_000,
                id="but from no moment before its send",
            ),
            pytest.param(
                {"delivered_at_ms": NOW_MS + 9 * DAY_MS}, 2 * DAY_MS, id="a time from nowhere is not believed"
            ),
            pytest.param(
                {"place": "0", "window_ends_ms": NOW_MS - 5_000, "delivered_at_ms": NOW_MS - 6_000, "at_ms": 1},
                0,
                id="what was delivered in its window does not count",
            ),
            pytest.param(
                {"place": "0", "window_ends_ms": NOW_MS - 5_001, "delivered_at_ms": NOW_MS - 6_000, "at_ms": 1},
                DAY_MS - 5_001,
                id="what was delivered when it had ended does",
            ),
            pytest.param(
                {"state": "failed", "delivered_at_ms": NOW_MS - 999}, DAY_MS, id="what was delivered did not fail"
            ),
        ],
    )
    async def test_takes_the_place_that_it_had(self, desk: Desk, changes: dict[str, Any], used_until_ms: int) -> None:
        assert await desk.rebuild(an_intent(**changes)) == 1

        if used_until_ms:
            await desk.at(used_until_ms - 1)
            assert await desk.used() == 1
        await desk.at(used_until_ms)
        assert await desk.used() == 0

    async def test_is_found_by_its_ids_and_its_history_says_why(self, desk: Desk) -> None:
        await desk.rebuild(an_intent(wamid=make_seal().close_wamid("m1", "wamid.1")))

        record = await desk.messages.find(PORTFOLIO, "m1")
        assert await desk.messages.id_of_wamid(PORTFOLIO, "wamid.1") == "m1"
        assert record is not None
        assert (record.state.value, record.wamid) == ("accepted", "wamid.1")
        assert "written down again" in record.history[-1].cause

    async def test_is_settled_by_its_status_as_ever(self, desk: Desk) -> None:
        await desk.rebuild(an_intent(state="unknown"))
        await desk.at(5_000)

        refreshed = await desk.ledger.refresh(make_status("m1", "delivered", NOW_MS + 4_000))

        assert refreshed.changed
        await desk.at(DAY_MS + 4_998)
        assert await desk.used() == 1
        await desk.at(DAY_MS + 4_999)
        assert await desk.used() == 0

    async def test_that_was_delivered_counts_once(self, desk: Desk) -> None:
        await desk.rebuild(an_intent(state="delivered", delivered_at_ms=NOW_MS))
        await desk.at(10_000)
        await desk.ledger.refresh(make_status("m1", "read", NOW_MS + 9_000))
        await desk.at(DAY_MS + 999)
        assert await desk.used() == 0

    async def test_that_nobody_ends_is_unknown_after_a_minute(self, desk: Desk) -> None:
        await desk.rebuild(an_intent(state="sending"))
        await desk.at(60_000)

        reaped = (await desk.queue.reap(PORTFOLIO)).messages

        assert [(one.became, one.message_id) for one in reaped] == [("unknown", "m1")]

    async def test_counts_a_user_once_however_often_they_were_sent_to(self, desk: Desk) -> None:
        sends = [
            an_intent("m1"),
            an_intent("m2", at_ms=NOW_MS + 5, ends_ms=ENDS_MS + 5),
            an_intent("m3", recipient=BOB),
        ]
        assert await desk.rebuild(*sends) == 3
        assert await desk.used() == 2
        await desk.at(31 * DAY_MS + 4)
        assert await desk.used() == 1

    async def test_under_a_name_that_was_moved_counts_its_user(self, desk: Desk) -> None:
        known = await desk.users.read(PORTFOLIO, ANN)
        await desk.users.point(PORTFOLIO, ANN, known, BOB, NOW_MS)
        await desk.ledger.move_user(PORTFOLIO, ANN, BOB, [NUMBER])

        await desk.rebuild(an_intent("m1", recipient=ANN), an_intent("m2", recipient=BOB))

        assert await desk.used() == 1

    async def test_a_second_time_changes_nothing(self, desk: Desk) -> None:
        sends = [
            an_intent("m1"),
            an_intent("m2", recipient=BOB, state="sending", wamid="wamid.2"),
            an_intent("m3", place="0", state="delivered", delivered_at_ms=NOW_MS - 5_000),
        ]
        await desk.rebuild(*sends)
        before = await desk.everything()
        await desk.at(5_000)
        await desk.client.set(KEYS.clock, f"@{NOW_MS}")

        assert await desk.rebuild(*sends) == 0
        assert await desk.everything() == before

    async def test_by_the_thousand_goes_in_a_few_calls(self, desk: Desk) -> None:
        sends = [an_intent(f"m{n}", recipient=n.to_bytes(2, "big") * 8) for n in range(1_001)]

        assert await desk.rebuild(*sends) == 1_001
        assert await desk.used() == 1_001


class TestASendThatTheBooksStillHave:
    async def test_stays_as_they_know_it(self, desk: Desk) -> None:
        await desk.ledger.admit(make_ask("m1", ANN))
        await desk.ledger.settle(make_outcome("m1", "accepted", wamid="wamid.1"))
        before = await desk.everything()

        assert await desk.rebuild(an_intent(state="unknown")) == 0
        assert await desk.everything() == before

    async def test_is_not_given_its_place_back_twice(self, desk: Desk) -> None:
        await desk.ledger.admit(make_ask("m1", ANN))
        await desk.ledger.settle(make_outcome("m1", "failed", release=True))

        assert await desk.rebuild(an_intent()) == 0
        assert (await desk.used(), await desk.state("m1")) == (0, "failed")

    async def test_counts_from_the_delivery_that_they_were_not_told(self, desk: Desk) -> None:
        await desk.ledger.admit(make_ask("m1", ANN, terms=make_terms(hold_ms=DAY_MS)))
        await desk.ledger.settle(make_outcome("m1", "accepted"))
        await desk.at(10_000)

        for _ in range(2):
            assert await desk.rebuild(an_intent(state="delivered", delivered_at_ms=NOW_MS + 8_000)) == 0

        await desk.at(DAY_MS + 8_998)
        assert await desk.used() == 1
        await desk.at(DAY_MS + 8_999)
        assert await desk.used() == 0

    async def test_counts_once_though_they_were_told(self, desk: Desk) -> None:
        await desk.ledger.admit(make_ask("m1", ANN))
        await desk.ledger.refresh(make_status("m1", "delivered", NOW_MS))
        await desk.at(10_000)

        await desk.rebuild(an_intent(state="delivered", delivered_at_ms=NOW_MS + 8_000))

        await desk.at(DAY_MS)
        assert await desk.used() == 0

    async def test_that_was_learned_from_its_status_is_completed_by_who_sent_it(self, desk: Desk) -> None:
        await desk.books.learn(an_intent(attempt=0, about=b'{"number":"1"}'), NOW_MS)

        assert await desk.rebuild(an_intent(about=b'{"app":"shop"}', state="unknown")) == 0

        record = await desk.messages.find(PORTFOLIO, "m1")
        assert record is not None
        assert (record.state.value, record.about["app"], await desk.used()) == ("accepted", "shop", 1)
        assert not await desk.rebuild(an_intent(attempt=2, about=b'{"app":"another"}'))
        assert (await desk.messages.find(PORTFOLIO, "m1")) == record

    @pytest.mark.parametrize("way", ["buried", "forestalled", "unsent"])
    async def test_counts_though_a_record_was_left_so_that_it_does_not_begin(self, desk: Desk, way: str) -> None:
        if way == "buried":
            await script("bury").repeatable(desk.client, KEYS.all, ["m1", "a test", DAY_MS])
        elif way == "forestalled":
            assert await desk.queue.end(PORTFOLIO, "m1", "cancelled", "a test", forestall=True) == ""
        else:
            await desk.ledger.settle(make_outcome("m1", "failed", release=True))
        assert await desk.state("m1") in ("failed", "cancelled")

        assert await desk.rebuild(an_intent(about=b'{"app":"shop"}')) == 1

        record = await desk.messages.find(PORTFOLIO, "m1")
        assert record is not None
        assert (record.state.value, record.about["app"], await desk.used()) == ("accepted", "shop", 1)
        assert await desk.rebuild(an_intent()) == 0
        await desk.ledger.refresh(make_status("m1", "delivered", NOW_MS))
        assert await desk.state("m1") == "delivered"

    async def test_keeps_what_its_statuses_told_of_a_record_that_was_left(self, desk: Desk) -> None:
        await script("bury").repeatable(desk.client, KEYS.all, ["m1", "a test", DAY_MS])
        await desk.ledger.refresh(make_status("m1", "delivered", NOW_MS))
        before = await desk.messages.find(PORTFOLIO, "m1")

        assert await desk.rebuild(an_intent(state="unknown", wamid="")) == 1

        record = await desk.messages.find(PORTFOLIO, "m1")
        assert before is not None
        assert record is not None
        assert (record.state.value, record.wamid, await desk.used()) == ("delivered", before.wamid, 1)

    async def test_that_its_own_node_learns_of_by_a_status_is_written_as_that_remembers_it(self, desk: Desk) -> None:
        journal, sent = Journal(), an_intent(about=b'{"app":"shop"}', state="unknown", offline=True)
        journal.remember([sent], NOW_MS)

        await Books(desk.client, journal).learn(an_intent(attempt=0, about=b'{"number":"1"}'), NOW_MS)

        record = await desk.messages.find(PORTFOLIO, "m1")
        assert record is not None
        assert (record.state.value, record.about["app"], await desk.used()) == ("unknown", "shop", 1)
        # What else it has to tell of it is still to be told.
        assert journal.of(PORTFOLIO).offline == [sent]


class TestASendThatTheBooksHaveInTheQueue:
    async def test_leaves_it_for_it_was_sent(self, desk: Desk) -> None:
        await desk.enqueue("m1")

        assert await desk.rebuild(an_intent()) == 1

        assert (await desk.claimed(), await desk.state("m1"), await desk.used()) == ([], "accepted", 1)
        await desk.at(31 * DAY_MS)
        reaped = (await desk.queue.reap(PORTFOLIO)).messages
        assert reaped == []
        assert await desk.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:queued_for") == {}

    async def test_leaves_it_though_another_has_it_in_hand(self, desk: Desk) -> None:
        await desk.enqueue("m1")
        assert await desk.claimed() == [("m1", 1)]

        assert await desk.rebuild(an_intent(attempt=1)) == 1

        await desk.at(60_000)
        reaped = (await desk.queue.reap(PORTFOLIO)).messages
        assert (reaped, await desk.claimed()) == ([], [])

    async def test_leaves_it_though_another_had_it_in_hand_and_gave_it_back(self, desk: Desk) -> None:
        await desk.enqueue("m1")
        assert await desk.claimed() == [("m1", 1)]
        assert await desk.enqueue("m1", attempt=1)

        assert await desk.rebuild(an_intent(attempt=1)) == 1

        assert (await desk.claimed(), await desk.state("m1")) == ([], "accepted")

    async def test_stays_there_where_a_later_attempt_gave_it_back(self, desk: Desk) -> None:
        await desk.ledger.admit(make_ask("m1", ANN))
        assert await desk.enqueue("m1", attempt=1)

        assert await desk.rebuild(an_intent(attempt=1)) == 0

        assert (await desk.claimed(), await desk.used()) == ([("m1", 3)], 0)


class TestAStandingThatIsWrittenAgain:
    async def test_fills_what_is_missing_and_no_more(self, desk: Desk) -> None:
        await desk.client.hset(KEYS.standing, "limit|limit@graph", b"5 9 250")
        standing = {b"limit|limit@graph": b"5 8 2000", b"pause:p1|pause@operator": b"5 7 {}"}
        breakers = {b"b1": b"3 {}"}
        epoch = await desk.epoch()

        assert await desk.books.restore(PORTFOLIO, standing, breakers) == 2
        assert await desk.client.hgetall(KEYS.standing) == standing | {b"limit|limit@graph": b"5 9 250"}
        assert await desk.client.hgetall(KEYS.breakers) == breakers
        assert await desk.epoch() == epoch + 1
        assert await desk.books.restore(PORTFOLIO, standing, breakers) == 0
        assert await desk.epoch() == epoch + 1

    @pytest.mark.parametrize(
        ("kind", "there", "told", "written"),
        [
            pytest.param("standing", b"1 8 1", b"1 9 2", True, id="a later word"),
            pytest.param("standing", b"1 8 1", b"1 8 2", False, id="a word of the same time"),
            pytest.param("standing", b"1 8 1", b"9 7 2", False, id="an earlier word, whatever it is about"),
            pytest.param("standing", b"1 9 1", b"1 10 2", True, id="times are no texts"),
            pytest.param("breakers", b"3 {}", b'4 {"a":1}', True, id="a higher revision"),
            pytest.param("breakers", b"3 {}", b'3 {"a":1}', False, id="the same revision"),
            pytest.param("breakers", b"11 {}", b'9 {"a":1}', False, id="a lower revision"),
            pytest.param("breakers", b"damaged", b"1 {}", True, id="what can't be read"),
        ],
    )
    async def test_is_the_newer_one_of_two(
        self, desk: Desk, kind: str, there: bytes, told: bytes, written: bool
    ) -> None:
        key = KEYS.standing if kind == "standing" else KEYS.breakers
        await desk.client.hset(key, "x", there)
        records = {b"x": told}

        found = await desk.books.restore(PORTFOLIO, *((records, {}) if kind == "standing" else ({}, records)))

        assert (found, await desk.client.hget(key, "x")) == (int(written), told if written else there)

    async def test_of_nothing_asks_nothing(self, desk: Desk) -> None:
        assert await desk.books.restore(PORTFOLIO, {}, {}) == 0
        assert await desk.everything() == {KEYS.clock.encode(): await desk.client.dump(KEYS.clock)}
