"""What was written, as far as it matters: the sends of a day, open windows, what users have said, who else wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final, TypeVar

from msgspec import Struct

from tidegate.policy.users import Word

K = TypeVar("K")

#: A send counts for 24 h from its delivery, of which its own node seldom hears: an hour more than from its admission.
KEPT_MS: Final = 25 * 3_600_000

#: The `place` of a send that took one, or refreshes one.
WITH_A_PLACE: Final = "1"

#: States of an Intent that no outcome of its POST changes any more.
FATES: Final = frozenset({"failed", "delivered"})

Entry = list[Any]
"""One line of the journal: its kind, then what it says."""


class Intent(Struct, gc=False):
    """A send that was admitted: what the books have to know of it. Times are the store's, in ms.

    `place`: "1" where it took a place (or refreshes one), "0" where it went inside an open window, "" where it does not
    count. `ends_ms`: until when its place is kept while nobody knows its fate. `state`: sending, accepted, unknown,
    failed (proven unsent) or delivered. What became of it is written into it: whoever keeps it sees that. A struct that
    the collector does not know of: a million of a day would be looked through again and again.
    """

    portfolio: str
    message_id: str
    attempt: int
    recipient: bytes
    number: str
    about: bytes = b""
    place: str = ""
    window_ends_ms: int = 0
    at_ms: int = 0
    ends_ms: int = 0
    state: str = "sending"
    wamid: str = ""
    delivered_at_ms: int = 0
    offline: bool = False
    """Sent while the store was away, and not written into the books yet."""

    def __repr__(self) -> str:
        return f"Intent({self.portfolio!r}, {self.message_id!r}, attempt={self.attempt}, state={self.state!r})"


@dataclass(slots=True)
class Past:
    """All that is remembered of one portfolio."""

    era: str = ""
    """Of the books that it was written into; "" for nothing."""
    intents: dict[str, Intent] = field(default_factory=dict)
    """By message id, the oldest first."""
    windows: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """(number, recipient) -> time of the user's last message."""
    words: dict[bytes, Mapping[str, Word]] = field(default_factory=dict)
    """What users said of categories, by recipient."""
    nodes: dict[str, int] = field(default_factory=dict)
    """The nodes that wrote into the same books, and when they were heard of last."""

    counted: dict[bytes, int] = field(default_factory=dict)
    """Recipient -> when they were last sent to outside a service window, and so hold a place for a day at least."""

    def remember(self, intents: Iterable[Intent]) -> None:
        """Admitted sends, as their entries would have them remembered."""
        known, counted = self.intents, self.counted
        for intent in intents:
            message_id = intent.message_id
            if message_id in known:
                # What is remembered last is the last.
                del known[message_id]
            known[message_id] = intent
            if intent.place == WITH_A_PLACE:
                recipient = intent.recipient
                if recipient in counted:
                    del counted[recipient]
                counted[recipient] = intent.at_ms

    def end(self, intent: Intent, state: str, wamid: str) -> None:
        """How the POST of one of its sends ended, as its entry would have it remembered.

        That may be told late, and again: once it is known what became of the message, only Meta's id of it is news.
        """
        if wamid:
            intent.wamid = wamid
        if intent.state in FATES:
            return
        intent.state = state
        if state == "failed":
            self.uncount(intent)

    def uncount(self, intent: Intent) -> None:
        """Have it hold no place for its recipient, unless a later one does."""
        if self.counted.get(intent.recipient) == intent.at_ms:
            del self.counted[intent.recipient]

    @property
    def offline(self) -> list[Intent]:
        """Sends that the books do not know yet."""
        return [intent for intent in self.intents.values() if intent.offline]

    @property
    def remembers(self) -> bool:
        """Whether anything was written at all."""
        return bool(self.intents or self.windows or self.words)


class _Pasts(dict[str, Past]):
    """By portfolio; there is one of each that is asked for."""

    def __missing__(self, portfolio: str) -> Past:
        past = self[portfolio] = Past()
        return past


class Memory:
    """Applies entries, one after the other; the same ones in any file give the same memory."""

    def __init__(self) -> None:
        self._pasts = _Pasts()
        #: Gives what is remembered of a portfolio.
        self.of: Final[Callable[[str], Past]] = self._pasts.__getitem__

    def apply(self, entry: Entry) -> None:
        """Remember one entry. Raises KeyError, ValueError, TypeError or IndexError for one that can't be read."""
        _APPLIED[entry[0]](self.of(entry[1]), entry)

    def forget_before(self, at_ms: int) -> None:
        """Forget what no place and no window depends on any more. Words are kept."""
        for past in self._pasts.values():
            for message_id in _older(past.intents, at_ms):
                del past.intents[message_id]
            for recipient in _over(past.counted, at_ms):
                del past.counted[recipient]
            for pair in _over(past.windows, at_ms):
                del past.windows[pair]
            past.nodes = {node: heard for node, heard in past.nodes.items() if heard > at_ms}

    def lasting_entries(self) -> Iterator[Entry]:
        """What has to be said again at the head of a new file: all but the sends."""
        for portfolio, past in self._pasts.items():
            yield ["era", portfolio, past.era]
            yield from (["node", portfolio, node, heard] for node, heard in past.nodes.items())
            yield from (word_entry(portfolio, recipient, words) for recipient, words in past.words.items())
            yield from (["window", portfolio, n, r.hex(), at] for (n, r), at in past.windows.items())


def intent_entry(intent: Intent) -> Entry:
    """The entry of an admitted send."""
    return [
        "intent",
        intent.portfolio,
        intent.message_id,
        intent.attempt,
        intent.recipient.hex(),
        intent.number,
        intent.place,
        intent.window_ends_ms,
        intent.at_ms,
        intent.ends_ms,
        intent.about.decode(),
        intent.offline,
    ]


def word_entry(portfolio: str, recipient: bytes, words: Mapping[str, Word]) -> Entry:
    """The entry of what a user has said so far."""
    said = {category: [word.granted, word.at_ms, word.source] for category, word in words.items()}
    return ["words", portfolio, recipient.hex(), said]


def _older(intents: Mapping[str, Intent], at_ms: int) -> list[str]:
    """Those of which nothing is younger. One that was delivered late holds back no other."""
    old = takewhile(lambda intent: intent.at_ms <= at_ms, intents.values())
    return [intent.message_id for intent in old if intent.delivered_at_ms <= at_ms]


def _over(times: Mapping[K, int], at_ms: int) -> list[K]:
    """Those whose time is over. The latest are the last, so that a million of the others is not looked through."""
    return list(takewhile(lambda key: times[key] <= at_ms, times))


def _begin(past: Past, entry: Entry) -> None:
    past.era = str(entry[2])


def _node(past: Past, entry: Entry) -> None:
    past.nodes[entry[2]] = max(int(entry[3]), past.nodes.get(entry[2], 0))


def _intent(past: Past, entry: Entry) -> None:
    portfolio, message_id, attempt, named, number, place, window, at_ms, ends_ms, about, offline = entry[1:]
    recipient = bytes.fromhex(named)
    past.remember(
        [
            Intent(
                portfolio,
                message_id,
                attempt,
                recipient,
                number,
                about.encode(),
                place,
                window,
                at_ms,
                ends_ms,
                offline=bool(offline),
            )
        ]
    )


def _ended(past: Past, entry: Entry) -> None:
    message_id, attempt, state, wamid = entry[2:]
    intent = past.intents.get(message_id)
    if intent is not None and intent.attempt == attempt:
        past.end(intent, state, wamid)


def _requeued(past: Past, entry: Entry) -> None:
    intent = past.intents.pop(entry[2], None)
    if intent is not None:
        past.uncount(intent)


def _written(past: Past, entry: Entry) -> None:
    intent = past.intents.get(entry[2])
    if intent is not None:
        intent.offline = False


def _delivered(past: Past, entry: Entry) -> None:
    intent = past.intents.get(entry[2])
    if intent is not None and not intent.delivered_at_ms:
        intent.state, intent.delivered_at_ms = "delivered", int(entry[3])


def _window(past: Past, entry: Entry) -> None:
    key = (entry[2], bytes.fromhex(entry[3]))
    past.windows[key] = max(int(entry[4]), past.windows.pop(key, 0))


def _words(past: Past, entry: Entry) -> None:
    words = {category: Word(bool(granted), int(at), source) for category, (granted, at, source) in entry[3].items()}
    if words:
        past.words[bytes.fromhex(entry[2])] = words
    else:
        past.words.pop(bytes.fromhex(entry[2]), None)


_APPLIED: Final = {
    "era": _begin,
    "node": _node,
    "intent": _intent,
    "ended": _ended,
    "requeued": _requeued,
    "written": _written,
    "delivered": _delivered,
    "window": _window,
    "words": _words,
}
