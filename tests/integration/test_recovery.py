"""A store that has forgotten what it acknowledged: nothing that counts goes before the nodes have told it again."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis

from loadtest.deployment import NUMBER, PORTFOLIO, WABA
from tests.integration.house import LIMIT, House, a_house, emptied, held, sent, used, whole, works_again
from tests.waiting import until
from tidegate.app import Node
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Forwarded, Held, Refused, Unavailable
from tidegate.policy.standing import Change
from tidegate.recovery import Stores
from tidegate.store.books import HOLD_MS
from tidegate.store.embedded import socket_url
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import Inbound
from tidegate.store.scripts import Script
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

DAY_MS = 86_400_000


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        yield made


class TestAnEmptiedStore:
    async def test_is_told_again_whom_its_nodes_have_counted(self, house: House) -> None:
        first, second = await house.node(), await house.node()
        for n in range(LIMIT):
            assert isinstance(await sent((first, second)[n % 2], f"+1555010{n:04}"), Forwarded)
        assert isinstance(await sent(first, "+15550109999"), Held)

        await emptied(house)
        await works_again(house, first)
        await works_again(house, second)
        await whole(first)

        assert await used(first) == LIMIT
        assert isinstance(await sent(second, "+15550100003"), Forwarded), "who is counted takes no other place"
        over = await sent(second, "+15550108888")
        assert isinstance(over, Held)
        assert over.reason.value == "messaging_limit"
        assert house.accepted == LIMIT + 1

    async def test_sends_nothing_that_counts_before_all_its_nodes_have_spoken(self, house: House) -> None:
        first, second = await house.node(), await house.node()
        for n in range(LIMIT // 2):
            await sent(first, f"+1555010{n:04}")
            await sent(second, f"+1555020{n:04}")
        recipient = second.services.gateway._identity.of(RecipientKind.PHONE, "15550300001")

        async def know_each_other() -> bool:
            return second.recovery.journals[0].node in first.recovery.journals[0].of(PORTFOLIO).nodes

        await until(know_each_other)
        await house.end(second)

        await emptied(house)
        await held(first)
        await works_again(house, first)

        assert await used(first) == LIMIT // 2, "what only the other node knew is not known"
        assert isinstance(await sent(first, "+15550307777", Category.AUTHENTICATION, hold=False), Unavailable)
        queued = await sent(first, "+15550306666")
        assert isinstance(queued, Held)
        assert queued.reason.value == "store_unavailable"
        now_ms = first.services.clock.now_ms()
        await first.services.ledger.open_window(Inbound(PORTFOLIO, recipient, NUMBER.id, now_ms))
        assert isinstance(await sent(first, "+15550300001", None), Forwarded), "replies go on"
        assert house.accepted == LIMIT + 1

        steerable = first.services.steerable
        assert steerable is not None
        await steerable.advance(HOLD_MS + 1_000)
        await whole(first)

        async def went() -> bool:
            return house.accepted == LIMIT + 2

        await until(went)

    async def test_is_told_again_what_users_and_operators_have_forbidden(self, house: House) -> None:
        node = await house.node()
        users, identity = node.services.users, node.services.gateway._identity
        stopped = identity.of(RecipientKind.PHONE, "15550100001")
        now_ms = node.services.clock.now_ms()
        await users.refuse(PORTFOLIO, stopped, Category.MARKETING, "the user's own message", now_ms)
        pause = {"scope": "category", "value": "utility", "reason": "a look", "until_ms": None, "by": "ops"}
        change = Change("pause", "p1", {"pause": pause}, "operator", now_ms, "by hand", tightens=True)
        await node.services.signals.restand(PORTFOLIO, [change])
        await sent(node, "+15550100009")

        await emptied(house)
        await works_again(house, node)
        await whole(node)

        refused = await sent(node, "+15550100001")
        assert isinstance(refused, Refused)
        assert refused.reason.value == "opted_out"
        paused = await sent(node, "+15550100002", Category.UTILITY, hold=False)
        assert isinstance(paused, Refused)
        assert paused.reason.value == "paused_by_operator"

    async def test_opens_no_window_anew_of_a_user_who_wrote_ahead_of_time(self, house: House) -> None:
        node = await house.node()
        await write_to(node, "15550100001", node.services.clock.now_ms() + 30 * DAY_MS)
        assert isinstance(await sent(node, "+15550100001", None), Forwarded)
        steerable = node.services.steerable
        assert steerable is not None
        await steerable.advance(DAY_MS + 1_000)
        assert isinstance(await sent(node, "+15550100001", None), Refused)

        with house.look() as store:
            # Its time goes on.
            clock = store.get(PortfolioKeys(PORTFOLIO).clock)
            store.pipeline().flushall().set(PortfolioKeys(PORTFOLIO).clock, clock).execute()
        await works_again(house, node)
        await whole(node)

        assert isinstance(await sent(node, "+15550100001", None), Refused)

    async def test_says_of_a_message_what_it_said_before(self, house: House) -> None:
        node = await house.node()
        answer = await sent(node, "+15550100001")
        assert isinstance(answer, Forwarded)
        await node.services.gateway.settled(5)

        await emptied(house)
        await works_again(house, node)

        record = await node.services.messages.find(PORTFOLIO, answer.message_id)
        assert record is not None
        assert record.state.value == "accepted"
        assert record.wamid

    async def test_gives_a_new_node_nothing_to_wait_for(self, house: House) -> None:
        await house.end(await house.node())
        await emptied(house)

        assert isinstance(await sent(await house.node(), "+15550100001"), Forwarded)


class TestAnotherServer:
    async def test_that_has_lost_its_last_moments_sends_nothing_twice(self, house: House) -> None:
        node = await house.node()
        for n in range(5):
            await sent(node, f"+1555010{n:04}")
        await paused(node, True)
        promised = await sent(node, "+15550109999")
        assert isinstance(promised, Held)
        before = await snapshot(house)
        await paused(node, False)

        async def went() -> bool:
            return house.accepted == 6

        await until(went)
        for n in range(5, 9):
            await sent(node, f"+1555010{n:04}")

        await house.end_store()
        restored(house, before)
        await house.start_store()
        await works_again(house, node)
        await whole(node)

        assert await used(node) == 10
        await node.services.dispatcher.rouse(PORTFOLIO, ["paused_by_operator", "store_unavailable"])
        await node.services.dispatcher.drain_once(PORTFOLIO)
        await node.services.gateway.settled(5)
        assert house.accepted == 10
        record = await node.services.messages.find(PORTFOLIO, promised.message_id)
        assert record is not None
        assert record.state.value == "accepted"

    async def test_is_asked_for_nothing_before_its_books_were_looked_at(self, house: House) -> None:
        node = await house.node()
        await sent(node, "+15550100001")
        opened, node.recovery.open_stores = node.recovery.open_stores, _nothing
        await house.end_store()
        await house.start_store()

        answer = await sent(node, "+15550100002")
        assert isinstance(answer, Unavailable)
        assert house.accepted == 1

        node.recovery.open_stores = opened
        await works_again(house, node)
        assert isinstance(await sent(node, "+15550100002"), Forwarded)

    async def test_that_forgets_nothing_needs_nobody_to_vouch(self, house: House) -> None:
        await house.end_store(signal.SIGTERM)
        house.options["appendfsync"] = "always"
        await house.start_store()
        gone, stays = await house.node(), await house.node()
        await sent(gone, "+15550100001")
        await house.end(gone)

        await house.end_store()
        await house.start_store()
        await works_again(house, stays)

        assert isinstance(await sent(stays, "+15550100002"), Forwarded)
        assert await used(stays) == 2

    async def test_that_restarts_while_no_node_runs_waits_for_none_of_them(self, house: House) -> None:
        last = await house.node()
        await sent(last, "+15550100001")
        await house.end(last)

        await house.end_store(signal.SIGTERM)
        await house.start_store()
        node = await house.node()

        assert isinstance(await sent(node, "+15550100002"), Forwarded)
        assert await used(node) == 2

    async def test_takes_over_from_one_that_goes_on(self, house: House) -> None:
        door, copy = house.directory / "door", house.directory / "copy"
        door.symlink_to(house.directory / SOCKET_NAME)
        node = await house.node(url=socket_url(str(door)))
        for n in range(5):
            await sent(node, f"+1555010{n:04}")
        with house.look() as store:
            store.save()
        copy.mkdir(mode=0o700)
        shutil.copy(house.directory / "dump.rdb", copy)
        other = ValkeyProcess.spawn(copy, {"save": "", "maxmemory-policy": "noeviction"})
        await other.ready(str(copy / SOCKET_NAME), timeout_s=10)
        try:
            with Redis.from_url(socket_url(str(copy / SOCKET_NAME))) as promoted:
                door.unlink()
                door.symlink_to(copy / SOCKET_NAME)
                run_id = promoted.info("server")["run_id"]

                async def looked_at() -> bool:
                    return node.recovery.witness.trusts(run_id)

                await until(looked_at)
                await whole(node)
                for n in range(5):
                    assert isinstance(await sent(node, f"+1555020{n:04}"), Forwarded)

                assert promoted.hget(PortfolioKeys(PORTFOLIO).ledger, "used") == b"10"
            await house.end(node)
        finally:
            await other.stop(5)


class TestAJournalOnDisk:
    async def test_tells_what_a_node_knew_that_was_killed(self, house: House, tmp_path: Path) -> None:
        killed = await house.node(tmp_path / "journal")
        for n in range(LIMIT):
            await sent(killed, f"+1555010{n:04}")
        copied = shutil.copytree(tmp_path / "journal", tmp_path / "as it was on the disk")
        await house.end(killed)
        await emptied(house)

        node = await house.node(copied)

        await whole(node)
        assert await used(node) == LIMIT
        assert isinstance(await sent(node, "+15550108888"), Held)

    async def test_of_a_node_that_is_gone_is_told_by_another(self, house: House, tmp_path: Path) -> None:
        first, second = await house.node(tmp_path), await house.node(tmp_path)
        await sent(first, "+15550100001")
        await sent(second, "+15550100002")
        await house.end(first)
        await house.end(second)
        await emptied(house)

        node = await house.node(tmp_path)

        await whole(node)
        assert await used(node) == 2

    async def test_that_can_not_be_written_sends_nothing(self, house: House, tmp_path: Path) -> None:
        node = await house.node(tmp_path)
        slot = node.recovery.journals[0]._slot
        assert slot is not None
        assert slot._file is not None
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, slot._file)
        os.close(full)
        assert isinstance(await sent(node, "+15550100001", hold=False), Unavailable)

        await node.services.gateway.settled(5)
        assert house.accepted == 0
        assert await used(node) == 0


async def test_a_stop_gives_the_journal_up(house: House, tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        node = await house.node(tmp_path)
        names.append(node.recovery.journals[0].node)
        await house.end(node)
    assert names[0].startswith("node-1-")
    assert names[0] == names[1]


async def test_ten_thousand_sends_are_told_again_in_a_few_trips(house: House) -> None:
    node = await house.node()
    await sent(node, "+15550100001")
    own = node.recovery.journals[0]
    *_, intent = own.of(PORTFOLIO).intents.values()
    many = [replace(intent, message_id=f"{intent.message_id}-{n}", recipient=a_name(n)) for n in range(10_000)]
    await own.intend(many, intent.at_ms)

    await emptied(house)
    await works_again(house, node)
    await whole(node)

    assert await used(node) == 10_001


async def test_what_was_settled_last_is_told_again_in_a_few_trips(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: Counter[str] = Counter()
    run, begin = Script.__call__, Script.begin

    async def counted(script: Script, *args: Any) -> object:
        ran[script.name] += 1
        return await run(script, *args)

    def begun(script: Script, *args: Any) -> bool:
        ran[script.name] += 1
        return begin(script, *args)

    monkeypatch.setattr(Script, "__call__", counted)
    monkeypatch.setattr(Script, "begin", begun)

    node = await house.node()
    await sent(node, "+15550100001")
    await node.services.gateway.settled(5)
    own = node.recovery.journals[0]
    *_, intent = own.of(PORTFOLIO).intents.values()
    many = [replace(intent, message_id=f"{intent.message_id}-{n}", recipient=a_name(n)) for n in range(2_000)]
    await own.intend(many, intent.at_ms)
    now_ms = node.services.clock.now_ms()
    for one in many:
        own.ended(PORTFOLIO, one.message_id, one.attempt, "accepted", f"wamid.{one.message_id}")
        own.window(PORTFOLIO, NUMBER.id, one.recipient, now_ms)
    ran.clear()

    await emptied(house)
    await works_again(house, node)
    await whole(node)

    record = await node.services.messages.find(PORTFOLIO, many[-1].message_id)
    assert record is not None
    assert record.state.value == "accepted"
    assert await used(node) == 2_001

    async def told_again() -> bool:
        return ran["settle"] > 0

    # Once the books are whole.
    await until(told_again)
    for name in ("settle", "open_window", "rebuild"):
        assert 0 < ran[name] <= 40, name


async def write_to(node: Node, user: str, at_ms: int) -> None:
    """A user's message, at Meta's time."""
    message = {"from": user, "id": "wamid.in", "timestamp": str(at_ms // 1_000), "type": "text", "text": {"body": "hi"}}
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message]}
    changes = [{"field": "messages", "value": value}]
    body = {"object": "whatsapp_business_account", "entry": [{"id": WABA.id, "changes": changes}]}
    await node.services.signals.receive(body)


def a_name(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()[:16]


async def paused(node: Node, yes: bool) -> None:
    pause = {"scope": "number", "value": NUMBER.id, "reason": "a look", "until_ms": None, "by": "ops"}
    now_ms = node.services.clock.now_ms()
    change = Change("pause", "p1", {"pause": pause if yes else None}, "operator", now_ms, "by hand", tightens=yes)
    await node.services.signals.restand(PORTFOLIO, [change])


async def snapshot(house: House) -> Path:
    """What the store had on its disk at this moment."""
    with house.look() as store:
        store.config_set("appendfsync", "always")
        store.set("snapshot", "now")
        store.config_set("appendfsync", "everysec")
    target = house.directory / "snapshot"
    shutil.copytree(house.directory / "appendonlydir", target)
    return target


def restored(house: House, before: Path) -> None:
    shutil.rmtree(house.directory / "appendonlydir")
    shutil.move(before, house.directory / "appendonlydir")


@asynccontextmanager
async def _nothing() -> AsyncIterator[Stores]:
    raise StoreUnavailable("nobody looks at the books yet")
    yield


def test_the_keys_of_the_books_are_where_the_scripts_look() -> None:
    assert PortfolioKeys(PORTFOLIO).nodes.endswith(":nodes")
