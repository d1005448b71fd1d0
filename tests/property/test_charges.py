"""The charge of one message through every order of its statuses, and the store's sums held against it."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW_MS, PORTFOLIO, make_ask, make_ledger, make_status, make_terms, user
from tests.property.bench import Bench
from tests.property.charge_model import Charge, ChargeEvent, ChargeState
from tidegate.policy.facts import NO_LIMIT, Tally
from tidegate.store.tallies import Tallies

SENT, DELIVERED, FAILED = ChargeEvent
RESERVED, PRICED, BILLED, RELEASED = ChargeState
ESTIMATE, PRICE = 3_000, 20_000


@pytest.mark.parametrize(
    ("events", "state", "reserved", "spent"),
    [
        pytest.param([], RESERVED, ESTIMATE, 0, id="accepted: the estimate is reserved"),
        pytest.param([(SENT, None)], RESERVED, ESTIMATE, 0, id="sent without a price: still reserved"),
        pytest.param([(SENT, PRICE)], PRICED, 0, PRICE, id="sent with a price: settled"),
        pytest.param([(SENT, 0)], PRICED, 0, 0, id="sent and free: settled at nothing"),
        pytest.param([(SENT, PRICE), (SENT, PRICE)], PRICED, 0, PRICE, id="told twice, settled once"),
        pytest.param([(DELIVERED, None)], BILLED, 0, ESTIMATE, id="delivered without a price: the estimate is spent"),
        pytest.param([(DELIVERED, None), (SENT, PRICE)], BILLED, 0, PRICE, id="until the price is told"),
        pytest.param([(DELIVERED, PRICE)], BILLED, 0, PRICE, id="delivered before sent"),
        pytest.param([(FAILED, None)], RELEASED, 0, 0, id="failed: given back"),
        pytest.param([(SENT, PRICE), (FAILED, None)], RELEASED, 0, 0, id="failed after it was sent: given back"),
        pytest.param([(FAILED, None), (SENT, PRICE)], RELEASED, 0, 0, id="sent that comes late changes nothing"),
        pytest.param([(FAILED, None), (FAILED, None)], RELEASED, 0, 0, id="given back once"),
        pytest.param([(DELIVERED, PRICE), (FAILED, None)], BILLED, 0, PRICE, id="delivered beats failed"),
        pytest.param([(FAILED, None), (DELIVERED, PRICE)], BILLED, 0, PRICE, id="in either order"),
        pytest.param([(FAILED, None), (DELIVERED, None)], BILLED, 0, ESTIMATE, id="with or without a price"),
    ],
)
def test_a_charge(events: list[tuple[ChargeEvent, int | None]], state: ChargeState, reserved: int, spent: int) -> None:
    charge = Charge(ESTIMATE)
    for event, micros in events:
        charge = charge.after(event, micros)

    assert (charge.state, charge.reserved, charge.spent) == (state, reserved, spent)


STATUSES = [(SENT, PRICE), (SENT, None), (DELIVERED, PRICE), (DELIVERED, None), (FAILED, None)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_order_of_statuses_does_not_matter(count: int) -> None:
    for chosen in product(STATUSES, repeat=count):
        ends = set()
        for order in permutations(chosen):
            charge = Charge(ESTIMATE)
            for event, micros in order:
                charge = charge.after(event, micros)
            ends.add(charge)
        assert len(ends) == 1, chosen


def test_the_store_sums_what_the_messages_cost(bench: Bench) -> None:
    statuses = st.tuples(st.integers(0, 3), st.sampled_from([*STATUSES, STATUSES[-1]]), st.booleans())

    @given(estimates=st.lists(st.sampled_from([0, 1, ESTIMATE]), min_size=1, max_size=4), told=st.lists(statuses))
    @settings(max_examples=bench.examples(80))
    def law(estimates: list[int], told: list[tuple[int, tuple[ChargeEvent, int | None], bool]]) -> None:
        bench.run(bench.begin(NOW_MS))
        ledger, sums = make_ledger(bench.client), ("spend:USD:waba:1:day:0", "spend:USD:wallet:1")
        charges = [Charge(estimate) for estimate in estimates]
        for n, estimate in enumerate(estimates):
            tallies = tuple(Tally(name, estimate, NO_LIMIT, False, 0) for name in sums)
            assert bench.run(ledger.admit(make_ask(f"m{n}", user(n), terms=make_terms(tallies=tallies)))).taken

        for n, (event, price), in_doubt in told:
            if n >= len(charges):
                continue
            charges[n] = charges[n].after(event, price)
            says = {"says": "keeps"} if event is FAILED and in_doubt else {}
            status = make_status(f"m{n}", event.value, NOW_MS, billed_micros=-1 if price is None else price, **says)
            bench.run(ledger.refresh(status))

        cost = sum(charge.reserved + charge.spent for charge in charges)
        assert bench.run(Tallies(bench.client).read(PORTFOLIO, sums)) == (cost, cost)

    law()
