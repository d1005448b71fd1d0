"""What a message is judged as, and may do: its sender's wishes, and the rules where they say nothing."""

from __future__ import annotations

from typing import Final, NamedTuple

from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway.message import Route
from tidegate.policy.rules import Delivery, Hold, Rules
from tidegate.policy.standing import Standing


class Wishes(NamedTuple):
    """What its sender asks for of that which the rules leave to them; None: they say nothing of it."""

    category: Category | None = None
    hold: Hold | None = None
    delivery: Delivery | None = None


NO_WISHES: Final = Wishes()
#: Its category, how long it may wait at most (ms), whether in the queue, and what is promised of it.
Granted = tuple[Category | None, int, bool, Delivery]


def granted(standing: Standing, route: Route, request: Request, wishes: Wishes) -> Granted:
    """What a message is granted whose sender asks for this."""
    rules, category = standing.rules, category_of(standing, route, request, wishes.category)
    return (
        category,
        longest_wait_ms(rules, category),
        holds(rules, category, wishes.hold),
        promise(rules, category, wishes.delivery),
    )


def category_of(standing: Standing, route: Route, request: Request, hint: Category | None) -> Category | None:
    """The category that a message is judged under; None for free-form.

    The standing's word counts most, then the caller's; a template that nobody knows is marketing, the strictest.
    """
    template = request.template
    if template is None:
        return request.category
    known = standing.template(route.waba, template.name, template.language)
    return (known.category if known is not None else None) or hint or Category.MARKETING


def longest_wait_ms(rules: Rules, category: Category | None) -> int:
    """For how long a message may wait whose sender says nothing of it."""
    return rules.max_wait.of(category or Category.AUTHENTICATION)


def holds(rules: Rules, category: Category | None, asked: Hold | None) -> bool:
    """Whether a message may be queued: never free-form; else what the caller asked for, or its category's rule."""
    return category is not None and (asked or rules.hold.of(category)) is Hold.QUEUE


def promise(rules: Rules, category: Category | None, asked: Delivery | None) -> Delivery:
    """Whether a message may be tried once more when its outcome is not known: never free-form, which can't wait."""
    if category is None:
        return Delivery.AT_MOST_ONCE
    return asked or rules.delivery.of(category)
