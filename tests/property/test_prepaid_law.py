"""The law of pre-paid places: whatever is lost, cut off or ended, the limit is never exceeded."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.factories import DAY_MS, PORTFOLIO, user
from tests.property.bench import KEYS, Bench
from tests.property.prepaid_world import LIMIT, SHARES, OneNode, World
from tidegate.cloudapi.vocabulary import Category
from tidegate.journal import Journal
from tidegate.policy.offline import AWAY_MS
from tidegate.store.prepaid import REST_MS

WHO = st.integers(0, 1)
USERS = st.sampled_from([user(n) for n in range(LIMIT + 4)])
CATEGORIES = st.sampled_from([Category.AUTHENTICATION, Category.AUTHENTICATION, Category.MARKETING])
STEPS_MS = st.sampled_from(
    [1_000, REST_MS, REST_MS, AWAY_MS - 1, AWAY_MS, DAY_MS // 2, DAY_MS - 1, DAY_MS, 32 * 3_600_000]
)
#: What becomes of the first calls of a look at the store: two tries each.
FATES: st.SearchStrategy[list[str]] = st.one_of(
    st.just([]), st.just([]), st.lists(st.sampled_from(["heard", "heard", "unheard", "unanswered"]), max_size=8)
)


class PrepaidMachine(RuleBasedStateMachine):
    """Two nodes on one store. Each step is one that a node, an operator or an accident may take at any time."""

    bench: Bench

    @initialize(share=st.sampled_from(SHARES))
    def begin(self, share: float) -> None:
        self.world = World(self.bench)
        self.bench.run(self.bench.begin(self.world.now_ms))
        journals = [Journal(), Journal()]
        names = {journal.node: self.world.now_ms for journal in journals}
        for journal in journals:
            journal.begun(PORTFOLIO, "era", names)
            self.world.look(self.world.begin([journal], share))

    def _node(self, who: int) -> OneNode:
        return self.world.nodes[who]

    @rule(step_ms=STEPS_MS)
    def time_goes_by(self, step_ms: int) -> None:
        self.world.pass_time(step_ms)

    @rule(who=WHO, to=USERS, category=CATEGORIES)
    def send(self, who: int, to: bytes, category: Category) -> None:
        self.world.send(self._node(who), to, category)

    @rule(who=WHO, tos=st.lists(USERS, min_size=LIMIT, max_size=LIMIT + 2))
    def send_login_codes(self, who: int, tos: list[bytes]) -> None:
        for to in tos:
            self.world.send(self._node(who), to, Category.AUTHENTICATION)

    @rule(who=WHO, tos=st.lists(USERS, min_size=1, max_size=LIMIT), is_mended=st.booleans())
    def send_login_codes_while_it_is_cut_off(self, who: int, tos: list[bytes], is_mended: bool) -> None:
        self._node(who).wire.is_cut = True
        self.send_login_codes(who, tos)
        self._node(who).wire.is_cut = not is_mended

    @rule(who=WHO, to=USERS, category=CATEGORIES, first=st.sampled_from(["unheard", "unanswered"]))
    def send_without_an_answer(self, who: int, to: bytes, category: Category, first: str) -> None:
        self._node(who).wire.fates = [first, first, "unheard", "unheard"]
        self.world.send(self._node(who), to, category)
        self._node(who).wire.fates = []

    @rule(who=WHO)
    def mend(self, who: int) -> None:
        self._node(who).wire.is_cut = False

    @rule(who=WHO, fates=FATES)
    def look(self, who: int, fates: list[str]) -> None:
        self._node(who).wire.fates = list(fates)
        self.world.look(self._node(who))
        self._node(who).wire.fates = []

    @rule()
    def all_look(self) -> None:
        for who in (0, 1):
            self.mend(who)
            self.world.look(self._node(who))

    @rule(who=WHO, is_wanted=st.sampled_from([False, False, False, False, True]))
    def call_back(self, who: int, is_wanted: bool) -> None:
        if is_wanted and not self._node(who).wire.is_cut:
            self.bench.run(self._node(who).prepaid.recall(PORTFOLIO))

    @rule(who=WHO, share=st.sampled_from(SHARES), is_replaced=st.booleans(), is_wanted=st.booleans())
    def restart_under_other_rules(self, who: int, share: float, is_replaced: bool, is_wanted: bool) -> None:
        if not is_wanted:
            return
        old = self.world.nodes.pop(who)
        journals = old.journals
        if is_replaced:
            # By a neighbour, who has a journal of its own and finds the old one.
            journals = [Journal(), *old.journals]
            journals[0].begun(PORTFOLIO, "era", old.journals[0].of(PORTFOLIO).nodes)
        self._begin_in_its_place(old, journals, share)

    def _begin_in_its_place(self, old: OneNode, journals: list[Journal], share: float) -> None:
        # It starts only where the store is.
        new = self.world.begin(journals, share)
        new.tell_by_ms = old.tell_by_ms
        # The others keep their places in the row.
        self.world.nodes.sort(key=lambda node: node is new)
        self.world.look(new)

    @invariant()
    def no_more_are_written_to_than_the_limit_has(self) -> None:
        assert self.world.counted <= LIMIT

    @invariant()
    def no_node_has_more_than_it_leased(self) -> None:
        leases = {node.decode(): int(lease.split()[0]) for node, lease in self._leases().items()}
        for node in self.world.nodes:
            purse = node.offline._purses.get(PORTFOLIO)
            if purse is not None and purse.until_ms > self.world.now_ms and purse.places:
                assert purse.places <= leases.get(node.journals[0].node, 0)

    def _leases(self) -> dict[bytes, bytes]:
        async def read() -> dict[bytes, bytes]:
            found: Any = self.bench.client.hgetall(KEYS.named("prepaid"))
            return dict(await found)

        return self.bench.run(read())


def test_places_that_were_paid_for_never_exceed_the_limit(bench: Bench) -> None:
    class Machine(PrepaidMachine):
        pass

    Machine.bench = bench
    run_state_machine_as_test(Machine, settings=settings(max_examples=bench.examples(40), stateful_step_count=40))
