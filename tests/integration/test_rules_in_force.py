"""The rules in force: one set for all nodes and portfolios, replaced whole, and the last word wins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.factories import DAY_MS, NOW_MS, make_ledger, make_rules, make_standing
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.audit import Actor
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Change
from tidegate.policy.verdict import Reason
from tidegate.rules_in_force import RulesInForce
from tidegate.store.audit import Audit
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings

RED, BLUE = "red", "blue"
OPS, OTHER = Actor("ops"), Actor("somebody else")
FILE, CAREFUL, BOLD = make_rules(), make_rules(headroom=0.2), make_rules(headroom=0.0)


class Node:
    """One node's view of the rules."""

    def __init__(self, client: StoreClient, file: Rules = FILE, portfolios: Sequence[str] = (RED, BLUE)) -> None:
        configured = [make_standing(portfolio=portfolio, rules=file) for portfolio in portfolios]
        self.client, self.file, self.portfolios = client, file, portfolios
        self.roused: list[tuple[str, Sequence[str]]] = []
        self.standings = Standings(client, configured)
        self.rules = self.made(settle_ms=0)

    def made(self, *, settle_ms: int) -> RulesInForce:
        return RulesInForce(
            standings=self.standings,
            ledger=make_ledger(self.client, *self.portfolios),
            audit=Audit(self.client, self.portfolios, lambda: NOW_MS, DAY_MS),
            clock=StoreClock(),
            configured=self.file,
            settle_ms=settle_ms,
            rouse=lambda portfolio, reasons: self.roused.append((portfolio, reasons)),
        )

    @classmethod
    async def started(cls, client: StoreClient, *given: Any) -> Node:
        """A node that has begun."""
        node = cls(client, *given)
        await node.rules.begin()
        return node

    async def obeys(self) -> list[Rules]:
        """The rules that it goes by for each portfolio, once it has seen the epoch that there is."""
        found = []
        for portfolio in self.standings.portfolios:
            epoch = int(await self.client.hget(PortfolioKeys(portfolio).ledger, "epoch") or 0)
            found.append((await self.standings.reload(portfolio, epoch)).rules)
        return found

    async def epochs(self) -> list[int]:
        return [(await self.standings.current(portfolio)).epoch for portfolio in self.standings.portfolios]


async def store_rules(client: StoreClient, portfolio: str, text: bytes) -> None:
    """What another release, or a fault, may have left in the store."""
    keys = PortfolioKeys(portfolio)
    await client.hset(keys.standing, "rules|rules@operator", b"%d %d " % (NOW_MS, NOW_MS) + text)
    await client.hincrby(keys.ledger, "epoch", 1)


async def test_the_first_node_puts_its_files_rules_in_force(client: StoreClient) -> None:
    node = await Node.started(client, CAREFUL)

    assert await node.obeys() == [CAREFUL, CAREFUL]


async def test_what_one_node_is_told_all_nodes_obey(client: StoreClient) -> None:
    one, other = await Node.started(client), await Node.started(client)

    assert await one.rules.replace(CAREFUL, OPS)

    assert await one.obeys() == await other.obeys() == [CAREFUL, CAREFUL]


async def test_a_start_with_the_same_file_leaves_the_rules_as_they_are(client: StoreClient) -> None:
    await (await Node.started(client)).rules.replace(CAREFUL, OPS)

    again = await Node.started(client)

    assert await again.obeys() == [CAREFUL, CAREFUL]


async def test_a_start_with_another_file_is_the_last_word(client: StoreClient) -> None:
    old = await Node.started(client)
    await old.rules.replace(CAREFUL, OPS)

    await Node.started(client, BOLD)

    assert await old.obeys() == [BOLD, BOLD]


async def test_a_file_read_anew_is_the_last_word_though_it_says_the_same(client: StoreClient) -> None:
    node = await Node.started(client)
    await node.rules.replace(CAREFUL, OPS)

    await node.rules.reread(FILE, "SIGHUP")

    assert await node.obeys() == [FILE, FILE]


async def test_rules_that_were_put_after_a_file_was_read_anew_outlive_a_restart(client: StoreClient) -> None:
    node = await Node.started(client)
    await node.rules.reread(BOLD, "SIGHUP")
    await node.rules.replace(CAREFUL, OPS)

    again = await Node.started(client, BOLD)

    assert await again.obeys() == [CAREFUL, CAREFUL]


async def test_the_same_rules_again_begin_no_epoch(client: StoreClient) -> None:
    node = await Node.started(client)
    await node.rules.replace(CAREFUL, OPS)
    epochs = await node.epochs()

    assert await node.rules.replace(CAREFUL, OPS)

    assert await node.epochs() == epochs


@pytest.mark.parametrize(
    ("instead_of", "replaced"),
    [
        pytest.param(None, True, id="any may be replaced"),
        pytest.param(frozenset({FILE.version}), True, id="these are in force"),
        pytest.param(frozenset({"0123456789ab", FILE.version}), True, id="one of these is in force"),
        pytest.param(frozenset({BOLD.version}), False, id="others are in force"),
        pytest.param(frozenset(), False, id="none may be replaced"),
    ],
)
async def test_only_the_named_version_is_replaced(
    client: StoreClient, instead_of: frozenset[str] | None, replaced: bool
) -> None:
    node = await Node.started(client)

    assert await node.rules.replace(CAREFUL, OPS, instead_of) is replaced

    assert await node.obeys() == [CAREFUL if replaced else FILE] * 2


async def test_who_repeats_a_replacement_whose_answer_was_lost_is_not_told_that_others_are_in_force(
    client: StoreClient,
) -> None:
    node = await Node.started(client)
    wish = (CAREFUL, OPS, frozenset({FILE.version}))
    await node.rules.replace(*wish)

    assert await node.rules.replace(*wish)


async def test_what_is_put_between_the_look_and_the_writing_is_not_overwritten_unseen(client: StoreClient) -> None:
    late, early = await Node.started(client), await Node.started(client)

    class Overtaken(Standings):
        async def change_under(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
            await early.rules.replace(BOLD, OTHER)
            return await super().change_under(portfolio, epoch, changes)

    late.standings.__class__ = Overtaken

    assert not await late.rules.replace(CAREFUL, OPS, frozenset({FILE.version}))
    assert await late.obeys() == [BOLD, BOLD]


async def test_who_does_not_care_what_was_in_force_is_heard_though_others_get_in_between(client: StoreClient) -> None:
    late, early = await Node.started(client), await Node.started(client)
    words = [BOLD, make_rules(headroom=0.1)]

    class Overtaken(Standings):
        async def change_under(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
            if words:
                await early.rules.replace(words.pop(), OTHER)
            return await super().change_under(portfolio, epoch, changes)

    late.standings.__class__ = Overtaken

    assert await late.rules.replace(CAREFUL, OPS)
    assert await late.obeys() == [CAREFUL, CAREFUL]


async def test_a_standing_that_never_rests_is_a_fault_and_no_endless_loop(client: StoreClient) -> None:
    node = await Node.started(client)

    class Restless(Standings):
        async def change_under(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
            await self._client.hincrby(PortfolioKeys(portfolio).ledger, "epoch", 1)
            return await super().change_under(portfolio, epoch, changes)

    node.standings.__class__ = Restless

    with pytest.raises(StoreUnavailable, match="too often"):
        await node.rules.replace(CAREFUL, OPS)


async def test_a_replacement_is_acknowledged_only_after_sends_admitted_before_it_have_started(
    client: StoreClient,
) -> None:
    node, other = await Node.started(client), await Node.started(client)
    node.rules = node.made(settle_ms=600_000)
    replacing = asyncio.create_task(node.rules.replace(CAREFUL, OPS))

    async def is_obeyed() -> bool:
        return await other.obeys() == [CAREFUL, CAREFUL]

    await until(is_obeyed)
    await asyncio.sleep(0)

    assert not replacing.done()
    replacing.cancel()


async def test_of_many_who_replace_the_same_version_one_succeeds(client: StoreClient) -> None:
    nodes = [await Node.started(client) for _ in range(6)]
    wishes = [make_rules(headroom=0.1 + 0.01 * index) for index in range(len(nodes))]

    done = await asyncio.gather(
        *(node.rules.replace(wish, OPS, frozenset({FILE.version})) for node, wish in zip(nodes, wishes, strict=True))
    )

    assert done.count(True) == 1
    assert await nodes[0].obeys() == [wishes[done.index(True)]] * 2


async def test_of_many_words_at_once_the_same_is_the_last_for_every_portfolio(client: StoreClient) -> None:
    nodes = [await Node.started(client, FILE, names) for names in ((RED, BLUE), (BLUE, RED)) for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(
            *(node.rules.replace(make_rules(headroom=0.1 + 0.01 * i), OPS) for i, node in enumerate(nodes))
        )

        red, blue = await nodes[0].obeys()
        assert red == blue


async def test_a_store_whose_clock_went_back_takes_new_rules_all_the_same(client: StoreClient) -> None:
    for portfolio in (RED, BLUE):
        await client.set(PortfolioKeys(portfolio).clock, f"@{NOW_MS}")
    node = await Node.started(client)
    await node.rules.replace(CAREFUL, OPS)
    for portfolio in (RED, BLUE):
        await client.set(PortfolioKeys(portfolio).clock, f"@{NOW_MS - 60_000}")

    await node.rules.replace(BOLD, OPS)

    assert await node.obeys() == [BOLD, BOLD]


async def test_other_changes_of_the_standing_in_between_do_not_keep_rules_out(client: StoreClient) -> None:
    node, other = await Node.started(client), await Node.started(client)

    async def restless() -> None:
        for limit in range(300, 310):
            change = Change("limit", "", {"limit": limit}, "graph", NOW_MS + limit, "a test")
            await other.standings.change(BLUE, [change])

    await asyncio.gather(restless(), node.rules.replace(CAREFUL, OPS))

    assert await node.obeys() == [CAREFUL, CAREFUL]
    assert (await node.standings.current(BLUE)).limit == 309


async def test_a_portfolio_that_is_new_in_the_file_gets_the_rules_in_force(client: StoreClient) -> None:
    old = await Node.started(client, FILE, (RED,))
    await old.rules.replace(CAREFUL, OPS)

    grown = await Node.started(client, FILE, (BLUE, RED))

    assert await grown.obeys() == [CAREFUL, CAREFUL]


async def test_a_portfolio_that_a_replacement_did_not_reach_gets_it_at_the_next_start(client: StoreClient) -> None:
    node = await Node.started(client)
    before = await client.hgetall(PortfolioKeys(RED).standing)
    await node.rules.replace(CAREFUL, OPS)
    await client.hset(PortfolioKeys(RED).standing, mapping=before)
    await client.hincrby(PortfolioKeys(RED).ledger, "epoch", 1)
    assert await node.obeys() == [FILE, CAREFUL]

    await Node.started(client)

    assert await node.obeys() == [CAREFUL, CAREFUL]


async def test_an_emptied_store_leaves_the_files_rules_in_force(client: StoreClient) -> None:
    node = await Node.started(client, CAREFUL)
    await node.rules.replace(BOLD, OPS)

    await client.flushall()

    assert await node.obeys() == [CAREFUL, CAREFUL]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            orjson.dumps({"rules": {"headroom": 0.3, "of_tomorrow": {}}, "file": FILE.version}),
            id="rules of a later release",
        ),
        pytest.param(orjson.dumps({"rules": {"headroom": 7}, "file": FILE.version}), id="rules with a fault"),
        pytest.param(orjson.dumps({"rules": 5, "file": FILE.version}), id="rules that are none"),
        pytest.param(b'{"file":"abc"}', id="no rules"),
        pytest.param(b"[1]", id="no record"),
        pytest.param(b"null", id="nothing"),
        pytest.param(b"{", id="broken"),
    ],
)
async def test_a_record_that_cannot_be_read_leaves_the_files_rules_in_force_and_is_told_once(
    client: StoreClient, text: bytes
) -> None:
    node = Node(client, CAREFUL)
    await store_rules(client, RED, text)

    with capture_logs() as told:
        first = await node.obeys()
        await client.hincrby(PortfolioKeys(RED).ledger, "epoch", 1)
        second = await node.obeys()

    assert first == second == [CAREFUL, CAREFUL]
    assert [line["event"] for line in told] == ["stored_rules_unreadable"]
    assert told[0]["log_level"] == "error"
    assert told[0]["faults"]


async def test_rules_of_a_later_release_are_not_overwritten_by_a_start_with_the_same_file(client: StoreClient) -> None:
    later = orjson.dumps({"rules": {"of_tomorrow": {}}, "file": FILE.version})
    for portfolio in (RED, BLUE):
        await store_rules(client, portfolio, later)

    await Node.started(client)

    assert (await client.hget(PortfolioKeys(RED).standing, "rules|rules@operator")).endswith(later)


async def test_equal_rules_are_read_once_however_often_the_standing_changes(client: StoreClient) -> None:
    node = await Node.started(client)
    [before, _] = await node.obeys()

    await client.hincrby(PortfolioKeys(RED).ledger, "epoch", 1)

    [after, _] = await node.obeys()
    assert after is before


async def test_the_history_tells_who_replaced_the_rules_by_which(client: StoreClient) -> None:
    node = await Node.started(client)
    await node.rules.replace(CAREFUL, OPS)

    [last, first], _ = await StandingHistory(client, [RED]).since(RED, 0, 10)

    assert first.cause == "rules replaced by the file of a node at its start"
    assert (last.kind, last.source, last.cause) == ("rules", "operator", "rules replaced by ops")
    assert (last.before["rules"], last.after["rules"]) == ({}, {"headroom": 0.2})


async def test_a_replacement_is_told_in_the_log_with_both_versions(client: StoreClient) -> None:
    node = await Node.started(client)

    with capture_logs() as told:
        await node.rules.replace(CAREFUL, OPS)

    assert told == [
        {
            "event": "rules_replaced",
            "log_level": "info",
            "by": "ops",
            "before": FILE.version,
            "version": CAREFUL.version,
        }
    ]


async def test_what_the_old_rules_held_is_asked_again_but_not_what_waits_for_its_own_time(client: StoreClient) -> None:
    node = await Node.started(client)

    await node.rules.replace(CAREFUL, OPS)

    assert {portfolio for portfolio, _ in node.roused} == {RED, BLUE}
    for _, reasons in node.roused:
        assert {Reason.QUIET_HOURS, Reason.FREQUENCY_CAP, Reason.WARM_UP, Reason.BUDGET} <= set(reasons)
        assert Reason.SCHEDULED not in reasons
