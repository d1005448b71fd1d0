"""What the store knows of some recipients of an audience: asked as a send asks, and nothing taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from tidegate.cloudapi.messages import RecipientKind
from tidegate.gateway import Route
from tidegate.journal import Intent
from tidegate.policy.capacity import Release
from tidegate.policy.facts import NO_LIMIT, Facts, Terms
from tidegate.policy.identity import Identity
from tidegate.policy.plan import Situation
from tidegate.policy.plan.crowd import Known, Part
from tidegate.policy.users import EMPTY, User, read_user
from tidegate.store.asks import Ask
from tidegate.store.ledger import DAY_MS, Ledger

#: So many recipients are looked up at most, spread evenly: a share of the audience is told to two in a hundred or so.
MOST: Final = 2_000
_AT_ONCE: Final = 50
#: A name leads to another one, and the standing may change meanwhile; never further.
_TRIES: Final = 4
_ASKED: Final = "plan"


class Acquaintance:
    """Looks recipients up. Raises StoreUnavailable."""

    def __init__(self, ledger: Ledger, identity: Identity) -> None:
        self._ledger = ledger
        self._identity = identity

    @staticmethod
    def every(recipients: int) -> int:
        """Each of how many recipients is to be looked up: 1 means all of them."""
        return max(1, -(-recipients // MOST))

    async def of(
        self, asked: Sequence[tuple[str, Part]], route: Route, situation: Situation
    ) -> AsyncIterator[tuple[str, Part, Known]]:
        """What is known of each; service windows are those with the route's number."""
        held_until_ms = _half_free_ms(situation.curve, situation.now_ms)
        for first in range(0, len(asked), _AT_ONCE):
            page = asked[first : first + _AT_ONCE]
            found = await asyncio.gather(*(self._look(to, route, situation) for to, _ in page))
            for (to, part), (user, facts) in zip(page, found, strict=True):
                window_ends_ms = facts.window_ends_ms if facts.window_open(0) else 0
                yield to, part, Known(user, held_until_ms if facts.counted else 0, window_ends_ms)

    async def _look(self, to: str, route: Route, situation: Situation) -> tuple[User, Facts]:
        kind = RecipientKind.PHONE if to.isdigit() else RecipientKind.BSUID
        name, user, epoch = self._identity.of(kind, to), EMPTY, situation.standing.epoch
        facts = Facts(situation.now_ms, epoch, taken=False)
        for _ in range(_TRIES):
            facts = await self._ledger.admit(_ask(name, user, epoch, route, situation))
            epoch = facts.epoch
            if facts.other_user:
                user = read_user(facts.user_record, facts.user_version)
                if user.same_as is not None and user.same_as != name:
                    name, user = user.same_as, EMPTY
            elif not facts.stale:
                break
        return user, facts


def _ask(name: bytes, user: User, epoch: int, route: Route, situation: Situation) -> Ask:
    terms = Terms(
        epoch=epoch,
        needs_window=False,
        counts=True,
        places=NO_LIMIT,
        limit_places=NO_LIMIT,
        category_places=NO_LIMIT,
        hold_ms=DAY_MS,
        window_margin_ms=0,
        pair_emission_ms=0,
        pair_tolerance_ms=0,
        throughput_emission_us=0,
        throughput_tolerance_us=0,
        user_version=user.version,
    )
    deadline_ms = situation.now_ms + DAY_MS
    return Ask(Intent(route.portfolio, _ASKED, 1, name, route.number), terms, deadline_ms, dry_run=True)


def _half_free_ms(curve: Sequence[Release], now_ms: int) -> int:
    """When half of the places that are held now have come free: whoever holds one holds it for so long."""
    half, freed = sum(release.places for release in curve) / 2, 0
    for release in curve:
        freed += release.places
        if freed >= half:
            return release.at_ms
    return now_ms + DAY_MS
