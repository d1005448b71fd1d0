"""What one decision may look at: the send itself, the terms it asks for, and what the ledger saw."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.grant import Grant
from tidegate.policy.verdict import Objection, Reason

NO_LIMIT: Final = UNLIMITED


def shown(record: NamedTuple | Struct, hidden: Collection[str]) -> str:
    """What `repr` shows of a record: all but the hidden fields, which tell of people."""
    fields = asdict(record) if isinstance(record, Struct) else record._asdict()
    told = (f"{name}={value!r}" for name, value in fields.items() if name not in hidden)
    return f"{type(record).__name__}({', '.join(told)})"


class Case(NamedTuple):
    """One send as the guardrails see it; all times are the store's, in ms.

    `category` is None for a free-form message, which may go only inside an open customer service window.
    `hold` says that it may be queued when it can't go now; `pacing_wait_ms` is what is left of the time for which it
    may wait for its turn instead.
    """

    portfolio: str
    waba: str
    number: str
    category: Category | None
    template: tuple[str, str] | None
    hold: bool
    expires_at_ms: int
    not_before_ms: int = 0
    pacing_wait_ms: int = 0
    campaign: str | None = None
    app: str = ""
    """Whose send it is."""
    to_group: bool = False
    queued: bool = False
    """Whether it comes out of the queue."""
    recipient: bytes | None = None
    """The 16 bytes that stand for the user; None where it is not asked who it is."""
    digits: str = ""
    """Their phone number, which tells what a message costs; "" where it is hidden."""
    zones: tuple[str, ...] = ()
    """The time zones that the user may be in, by their number or user id; () where nothing is known."""

    grant: Grant | None = None
    """What its app may send; None: all."""

    def __repr__(self) -> str:
        return shown(self, ("recipient", "digits", "zones"))

    @property
    def counts(self) -> bool:
        """Whether it takes a place of the messaging limit when the recipient's service window is closed.

        Meta states nothing on groups for the messaging limit: they pass uncounted.
        """
        return self.category is not None and not self.to_group

    @property
    def needs_window(self) -> bool:
        """Whether it may go only inside an open customer service window."""
        return self.category is None and not self.to_group


class Turn(NamedTuple):
    """A pace beside the number's own: one send per `emission_ms`, with `tolerance_ms` of debt allowed.

    `objection`: the no until the turn comes. `probes`: id of the half-open breaker whose probe the send is then.
    """

    name: str
    emission_ms: float
    tolerance_ms: float
    objection: Objection
    probes: str = ""


class Tally(NamedTuple):
    """An allowance: `cost` is taken of `limit` (NO_LIMIT: it is only counted) until `expires_at_ms` (0: for good).

    `only_new`: only by a send that counts one more recipient. `free_in_window`: what goes within the service window
    costs nothing. `covers`: never a no; while there is room it is taken, and the tallies after it cost nothing.
    `enforced`: whether a send without room for it is stopped. `name` has no spaces; one of recipients begins with
    `warm:`, one of money with `spend:`, and its costs are millionths of a currency. `of_places`: it stands at the
    places that an app (`share:<app>`) has now, and is given back when they end. `objection`: the no where nothing is
    left, if it is known before the facts are.
    """

    name: str
    cost: int
    limit: int
    only_new: bool
    expires_at_ms: int
    objection: Objection | None = None
    free_in_window: bool = False
    covers: bool = False
    enforced: bool = True
    of_places: bool = False


class Terms(NamedTuple):
    """What `admit` is asked to take, in numbers; a limit of NO_LIMIT (-1) and an emission of 0 ask for nothing.

    `places`: how many places may be filled before this send is stopped. `limit_places` and `category_places` are the
    two bounds that it is made of (the limit less headroom; that less the reserves of the categories above), of which
    only those of enforced guardrails count; the second is NO_LIMIT where no category above keeps anything. `hold_ms`:
    how long a place is kept while the message's fate is unknown. GCRA: one send per emission, with `tolerance` of
    debt allowed; a turn that is not waited for is only counted. `valid_until_ms`: the store's time from which the
    decision does not hold (0: it does). `user_version`: of the user's record that it rests on (0: nothing is known).
    """

    epoch: int
    needs_window: bool
    counts: bool
    places: int
    limit_places: int
    category_places: int
    hold_ms: int
    window_margin_ms: int
    pair_emission_ms: int
    pair_tolerance_ms: int
    throughput_emission_us: int
    throughput_tolerance_us: int
    waits_for_pair: bool = True
    waits_for_throughput: bool = True
    valid_until_ms: int = 0
    user_version: int = 0
    turns: tuple[Turn, ...] = ()
    tallies: tuple[Tally, ...] = ()
    foreshadowed: tuple[Reason, ...] = ()
    """What guardrails and rules in shadow mode said of it before the ledger is asked."""
    held_until_ms: int = 0
    """Until when it may go in an open service window only, since the books may not know who was counted; 0: whole."""


class Facts(Struct, frozen=True, gc=False):
    """What `admit` saw, all at the one instant `now_ms`; `taken` says that it took everything asked for.

    `stale`: the standing changed since the decision was made. `gone`: the message is no longer this attempt's to send
    (cancelled, or claimed by another node); `expired`: its deadline has passed. `repeated`: the same call was carried
    out before.
    `window_ends_ms`: end of the recipient's service window with this number. `counted`: the recipient holds a place.
    `used`: places held. `pair_at_ms`, `throughput_at_ms`: when the next turn comes (not after `now_ms`: now).
    `place_at_ms`, `share_at_ms`: when a place, and one of the app's own, is expected to come free, where that was
    looked up. `outdated`: the decision did not hold any more at `now_ms`. `other_user`: the user's record is another
    one than the decision rests on; here it is, with its version. `unclaimed`: what it was to be the only one of is
    another send's. `turns_at_ms`, `tallied`: when the turns come and what the tallies stood at, as in the terms.
    """

    now_ms: int
    epoch: int
    taken: bool
    stale: bool = False
    gone: bool = False
    expired: bool = False
    repeated: bool = False
    window_ends_ms: int = 0
    counted: bool = False
    used: int = 0
    pair_at_ms: int = 0
    throughput_at_ms: int = 0
    place_at_ms: int | None = None
    share_at_ms: int | None = None
    outdated: bool = False
    other_user: bool = False
    unclaimed: bool = False
    user_version: int = 0
    user_record: bytes = b""
    turns_at_ms: tuple[int, ...] = ()
    tallied: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return shown(self, ("user_record",))

    def window_open(self, margin_ms: int) -> bool:
        """Whether the service window is open, and stays so for `margin_ms`."""
        return self.window_ends_ms - margin_ms > self.now_ms

    def needs_place(self, terms: Terms) -> bool:
        """Whether this send would count one more recipient (Meta: unique users outside a service window)."""
        if self.counted or not terms.counts:
            return False
        return not (self.window_ends_ms and self.window_open(terms.window_margin_ms))
