"""Things happen in the order of time."""

from __future__ import annotations

from functools import partial

from tidegate.simulator.agenda import Agenda


def test_actions_happen_in_the_order_of_time_and_of_entry():
    agenda, seen = Agenda(), []
    for at_ms, name in ((5, "late"), (1, "first"), (1, "second")):
        agenda.enter(at_ms, partial(lambda name, at_ms: seen.append((name, at_ms)), name))
    agenda.run(4)
    assert (seen, agenda.next_at_ms()) == ([("first", 1), ("second", 1)], 5)
    agenda.run(5)
    assert (seen[-1], agenda.next_at_ms()) == (("late", 5), None)


def test_what_an_action_brings_about_happens_too_if_it_is_due():
    agenda, seen = Agenda(), []
    agenda.enter(1, lambda at_ms: agenda.enter(at_ms + 1, seen.append))
    agenda.enter(1, lambda at_ms: agenda.enter(at_ms + 9, seen.append))
    agenda.run(5)
    assert (seen, agenda.next_at_ms()) == ([2], 10)
