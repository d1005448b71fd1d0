"""Message ids: sortable by time, told apart at sight, and naming the portfolio whose keys hold the message."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_PAIRS: Final = tuple(high + low for high in _DIGITS for low in _DIGITS)
_SHIFTS: Final = range(120, -1, -10)
#: An id's time is written in ten digits, whose last pair tells of its last eight bits: the others change four times a
#: second.
_SPAN_BITS: Final = 8
_IN_SPAN: Final = (1 << _SPAN_BITS) - 1
_LAST_PAIRS: Final = _PAIRS[::4]
_OF_SPAN: Final = 8
#: Each byte to a digit, and all digits as often: five bits of its eight are kept.
_TO_DIGITS: Final = (_DIGITS * 8).encode()
_OF_CHANCE: Final = 16
#: Chances of ids that are made at a time: the system is asked seldom, and they are told apart in one step.
_AT_ONCE: Final = 256
_ID: Final = re.compile(r"tg([0-9a-f]{8})-([0-9a-v]{26})")


class MessageIds:
    """Makes message ids, and finds the portfolio of one: `tg<portfolio>-<time and chance>`.

    Not to be shared by threads, or over a fork.
    """

    __slots__ = ("_begins", "_chances", "_portfolio_of", "_span", "_tag_of")

    def __init__(self, portfolios: Iterable[str]) -> None:
        #: Digits of chance that no id has yet.
        self._chances: list[str] = []
        self._tag_of = {p: hashlib.blake2b(p.encode(), digest_size=4).hexdigest() for p in portfolios}
        self._portfolio_of = {tag: portfolio for portfolio, tag in self._tag_of.items()}
        #: How the ids of a portfolio begin in the span of time in which one was made last.
        self._begins: dict[str, str] = {}
        self._span = -1

    def new(self, portfolio: str, now_ms: int) -> str:
        """A new id: 48 bits of time, 80 of chance."""
        if now_ms >> _SPAN_BITS != self._span:
            self._begins, self._span = {}, now_ms >> _SPAN_BITS
        try:
            begin = self._begins[portfolio]
        except KeyError:
            begin = self._begin(portfolio, now_ms)
        chances = self._chances or self._some()
        return f"{begin}{_LAST_PAIRS[now_ms & _IN_SPAN]}{chances.pop()}"

    def of(self, portfolio: str, since_ms: int, what: str) -> str:
        """The id of `what`, the same whenever it is asked for: 48 bits of `since_ms`, 80 of what it is the id of."""
        return self._id(portfolio, since_ms, hashlib.blake2b(what.encode(), digest_size=10).digest())

    def _begin(self, portfolio: str, at_ms: int) -> str:
        whole = self._id(portfolio, at_ms, bytes(10))
        begin = self._begins[portfolio] = whole[: whole.index("-") + 1 + _OF_SPAN]
        return begin

    def _some(self) -> list[str]:
        # A blank behind each: what cuts them is one step in C, and none for each.
        digits = bytearray(os.urandom(_AT_ONCE * (_OF_CHANCE + 1)).translate(_TO_DIGITS))
        digits[_OF_CHANCE :: _OF_CHANCE + 1] = b" " * _AT_ONCE
        self._chances = digits.decode().split()
        return self._chances

    def _id(self, portfolio: str, at_ms: int, rest: bytes) -> str:
        # 128 bits in base32hex, as the library writes them with a lower-case alphabet, in a third of its time.
        bits = (at_ms << 80 | int.from_bytes(rest, "big")) << 2
        word = [_PAIRS[bits >> shift & 1023] for shift in _SHIFTS]
        return f"tg{self._tag_of[portfolio]}-{''.join(word)}"

    def is_one(self, text: str) -> bool:
        """Whether it has the shape of an id of ours, whether or not its portfolio is one of these."""
        return _ID.fullmatch(text) is not None

    def portfolio(self, message_id: str) -> str | None:
        """The portfolio of an id of ours; None for whatever else."""
        match = _ID.fullmatch(message_id)
        return self._portfolio_of.get(match[1]) if match else None
