"""How many like sends may go one after the other: `judge` is asked, so that there is no second opinion."""

from __future__ import annotations

from msgspec.structs import replace

from tidegate.policy.decide import judge
from tidegate.policy.facts import NO_LIMIT, Case, Facts, Terms
from tidegate.policy.rules import Rules
from tidegate.policy.verdict import Send, Verdict


def after(terms: Terms, facts: Facts, sends: int) -> Facts:
    """What `admit` would see after so many sends like this one, each to a user of its own, all at the same instant."""
    used = facts.used + sends if facts.needs_place(terms) else facts.used
    taken = costs(terms, facts, sends)
    tallied = tuple(stood + cost for stood, cost in zip(facts.tallied, taken, strict=True))
    return replace(facts, used=used, tallied=tallied)


def costs(terms: Terms, facts: Facts, sends: int) -> tuple[int, ...]:
    """What so many like sends take of each tally, as `admit` charges them (`store/lua/_paces.lua`)."""
    is_new, in_window = facts.needs_place(terms), facts.window_open(terms.window_margin_ms)
    paying, taken = sends, []
    for tally, stood in zip(terms.tallies, facts.tallied, strict=True):
        if tally.covers:
            room = sends if tally.limit == NO_LIMIT else max(0, (tally.limit - stood) // max(1, tally.cost))
            covered = min(sends, room)
            taken.append(covered * tally.cost)
            paying = min(paying, sends - covered)
        elif (tally.only_new and not is_new) or (tally.free_in_window and in_window):
            taken.append(0)
        else:
            taken.append(paying * tally.cost)
    return tuple(taken)


def most(case: Case, terms: Terms, facts: Facts, rules: Rules, wanted: int) -> tuple[int, Verdict]:
    """How many of `wanted` like sends may go, and the verdict on the next one: Send where all may."""

    def verdict(sends: int) -> Verdict:
        return judge(case, terms, after(terms, facts, sends), rules)

    last = verdict(wanted - 1)
    if wanted <= 0 or isinstance(last, Send):
        return wanted, last
    # What one more send may not, no later one may: the books only fill.
    goes, stops, no = 0, wanted - 1, last
    while goes < stops:
        middle = (goes + stops) // 2
        asked = verdict(middle)
        if isinstance(asked, Send):
            goes = middle + 1
        else:
            stops, no = middle, asked
    return stops, no
