"""What follows from signals for one user."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import step, tells_nothing
from tidegate.policy.consequences.effect import Effect
from tidegate.policy.reach import Action, Covers
from tidegate.policy.users.user import User


def after_effects(user: User, effects: Sequence[Effect], now_ms: int) -> User:
    """The user after these effects; the same where they tell nothing new.

    A rule in shadow has its breakers too, which then only tell; it writes down no consent.
    """
    for effect in effects:
        event = effect.event()
        if event is not None:
            before = user.breakers.get(effect.breaker_id)
            after = step(before, event, now_ms)
            if after is not None and not tells_nothing(before, after):
                user = user.with_breaker(after, now_ms)
        elif effect.mode == "enforce" and effect.action in (Action.OPT_OUT, Action.OPT_IN):
            granted, at_ms = effect.action is Action.OPT_IN, min(effect.at_ms, now_ms)
            user = user.with_consent(_category(effect.covers), granted, effect.cause, at_ms)
    return user


def _category(covers: Covers) -> Category | None:
    """The category of a word; None: it is about all of them."""
    return Category(covers.value) if covers.value in tuple(Category) else None
