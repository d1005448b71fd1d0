"""What goes on beside a campaign: it takes turns and places, and none of it is for the campaign to take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import decide
from tidegate.policy.facts import Terms
from tidegate.policy.plan.books import Books, number_turn
from tidegate.policy.plan.cohort import Beside, Cohort, Sender
from tidegate.policy.plan.taking import most

_NEVER_MS = 1 << 53


class Company:
    """The streams beside a campaign, in virtual time.

    Each user of a stream takes a place when they are written to for the first time, and keeps it: they are written to
    again before it ends.
    """

    def __init__(self, streams: Sequence[Beside], senders: Sequence[Sender]) -> None:
        self._streams = sorted(streams, key=lambda stream: stream.category.priority)
        self._senders = senders
        self._settled = [stream.known for stream in self._streams]
        self._arrived = [0.0] * len(self._streams)
        self._looked_ms: int | None = None
        #: The most users at one time who found no place, by category.
        self.refused: Counter[Category] = Counter()

    def arrive(self, books: Books, now_ms: int) -> None:
        """Let those have their places who were written to for the first time since the last look."""
        gone_ms = now_ms - (now_ms if self._looked_ms is None else self._looked_ms)
        self._looked_ms = now_ms
        for i, stream in enumerate(self._streams):
            self._arrived[i] = min(float(stream.recipients), self._arrived[i] + stream.per_second * gone_ms / 1000)
            missing = int(max(0.0, self._arrived[i] - max(0, self._settled[i] - stream.known)))
            missing = min(missing, stream.recipients - self._settled[i])
            if missing > 0:
                taken = self._take(books, stream, missing, now_ms)
                self._settled[i] += taken
                self.refused[stream.category] = max(self.refused[stream.category], missing - taken)

    def pass_through(self, books: Books, now_ms: int, end_ms: int) -> None:
        """Take the turns of all that is sent until the end of a tick, evenly by all numbers."""
        for stream in self._streams:
            for sender in self._senders:
                sends = stream.per_second * (end_ms - now_ms) / 1000 / len(self._senders)
                per_second, turn = books.standing.number(sender.number).throughput, number_turn(sender.number)
                if per_second > 0:
                    # What does not fit is refused, or waits: it takes no turn of later ticks.
                    fits = min(sends, books.turns.room(turn, 1000 / per_second, now_ms, end_ms))
                    books.turns.take(turn, 1000 / per_second, fits, now_ms)

    def _take(self, books: Books, stream: Beside, wanted: int, now_ms: int) -> int:
        cohort = Cohort(recipients=wanted, category=stream.category, template=None, senders=(), expires_at_ms=_NEVER_MS)
        case = cohort.case(self._senders[0], books.standing, now_ms)._replace(queued=False, hold=False)
        decided = decide(case, books.standing, books.standing.rules, now_ms)
        if not isinstance(decided, Terms):
            return 0
        # What it costs is on nobody's plan.
        terms = decided._replace(tallies=(), turns=())
        count, _ = most(case, terms, books.facts(cohort, terms, now_ms), books.standing.rules, wanted)
        books.keep(count)
        return count
