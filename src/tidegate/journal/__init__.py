"""What a node remembers by itself of what it wrote into the store, for the day on which the store has forgotten it."""

from tidegate.journal.files import JournalUnwritable, Slot, open_slot, open_slots_of_the_dead
from tidegate.journal.journal import Journal
from tidegate.journal.memory import WITH_A_PLACE, Intent, Memory, Past

__all__ = [
    "WITH_A_PLACE",
    "Intent",
    "Journal",
    "JournalUnwritable",
    "Memory",
    "Past",
    "Slot",
    "open_slot",
    "open_slots_of_the_dead",
]
