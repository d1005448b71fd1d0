"""How near a node is to its end: asked with each request."""

from __future__ import annotations


class Ending:
    """Says what is not done any more; it goes one way only."""

    __slots__ = ("closes", "drains")

    def __init__(self) -> None:
        #: Whether the node takes no new work.
        self.drains = False
        #: Whether each answer is the last on its connection.
        self.closes = False

    def hand_over(self) -> None:
        """Somebody else takes the connections."""
        self.closes = True

    def drain(self) -> None:
        """The node finishes what it has."""
        self.drains = self.closes = True
