"""The charge of one message, through every order of its statuses."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from tidegate.policy.charge import Charge, ChargeEvent, ChargeState

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
        pytest.param([(SENT, PRICE), (DELIVERED, 1)], BILLED, 0, PRICE, id="the first price counts"),
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


def test_a_status_that_is_repeated_changes_nothing() -> None:
    for chosen in product(STATUSES, repeat=3):
        charge = Charge(ESTIMATE)
        for event, micros in chosen:
            charge = charge.after(event, micros)
            assert charge.after(event, micros) == charge
