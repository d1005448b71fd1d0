"""The charge of one message as a state machine: what the store's sums are held against.

Meta bills a message when it is delivered, and tells the price's type and category with `sent` and with one of
`delivered` and `read`; webhooks repeat themselves and come in any order (Meta, "Pricing", "Message status webhooks").
So: the first status that carries a price settles it; a failure gives the money back, unless the message was delivered
to one of the user's devices; a delivery after a failure is billed after all. The same statuses end in the same charge,
in whatever order they come, as long as those that tell a price tell the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ChargeState(StrEnum):
    """What is known of a charge."""

    #: The message is on its way: an estimate is kept for it.
    RESERVED = "reserved"
    #: Meta told the price, but not yet that it was delivered.
    PRICED = "priced"
    #: It was delivered: billed for good.
    BILLED = "billed"
    #: It failed: nothing is billed.
    RELEASED = "released"


class ChargeEvent(StrEnum):
    """What can happen to a message, as far as its charge is concerned."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


_NEXT: Final = {
    (ChargeState.RESERVED, ChargeEvent.DELIVERED): ChargeState.BILLED,
    (ChargeState.RESERVED, ChargeEvent.FAILED): ChargeState.RELEASED,
    (ChargeState.PRICED, ChargeEvent.DELIVERED): ChargeState.BILLED,
    (ChargeState.PRICED, ChargeEvent.FAILED): ChargeState.RELEASED,
    (ChargeState.RELEASED, ChargeEvent.DELIVERED): ChargeState.BILLED,
}
"""What is not named here changes nothing."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One message's charge in micro-units: the estimate, and Meta's price once it is known."""

    estimate_micros: int
    state: ChargeState = ChargeState.RESERVED
    price_micros: int | None = None

    @property
    def cost_micros(self) -> int:
        """What it costs if it is delivered: Meta's price, until then the estimate."""
        return self.estimate_micros if self.price_micros is None else self.price_micros

    @property
    def reserved(self) -> int:
        """Its part of what is reserved, in micro-units."""
        return self.cost_micros if self.state is ChargeState.RESERVED else 0

    @property
    def spent(self) -> int:
        """Its part of what is spent, in micro-units."""
        return self.cost_micros if self.state in (ChargeState.PRICED, ChargeState.BILLED) else 0

    def after(self, event: ChargeEvent, price_micros: int | None = None) -> Charge:
        """The charge after this event; `price_micros`: what Meta bills, if its status says so (the first counts)."""
        price = price_micros if self.price_micros is None else self.price_micros
        state = _NEXT.get((self.state, event), self.state)
        if state is ChargeState.RESERVED and price is not None:
            state = ChargeState.PRICED
        return Charge(self.estimate_micros, state, price)
