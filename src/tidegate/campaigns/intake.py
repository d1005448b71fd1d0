"""Audiences on their way into the store: read row by row, merged by recipient, grouped, packed, sealed.

Nothing of an upload counts before all of it is there; what one leaves behind that came to nothing goes by itself. It is
read a few rows at a time, with turns for others in between, and costs what its recipients' 16 bytes take and the rows
of chunks that are not full yet.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from tidegate.campaigns.digests import Digests
from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import RecipientKind
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.audience import BadRow, Candidate, RowReader
from tidegate.policy.campaign.groups import Lots
from tidegate.policy.campaign.lines import BadAudience
from tidegate.policy.campaign.spec import MOST_ROWS, Campaign, Row
from tidegate.policy.identity import Identity
from tidegate.store.audiences import CHUNK_ROWS, WHO_BYTES, Audiences, Chunk, Packed, Rejected, packed_errors
from tidegate.store.campaigns import Audience, Group
from tidegate.store.users import Users

SHOWN_ERRORS: Final = 1_000
"""Lines that were rejected that an upload's answer names; all are kept."""

#: Rows, and bytes where they hold none, that are read in one turn of the loop: a millisecond or two. A thread would
#: hold up others for longer, each time that one of theirs has to wait for the interpreter.
_ROWS_A_TURN: Final = 40
_PIECE: Final = 8 * 1024
_ERRORS_A_CHUNK: Final = 2_000
#: A store that is busy for a moment is no reason to upload a million rows again.
_TRIES: Final = 5
_TRY_AGAIN_S: Final = 0.25


@dataclass(slots=True)
class _Filling:
    """A group's rows that fill a chunk, and what went before."""

    rows: list[Row] = field(default_factory=list)
    who: bytearray = field(default_factory=bytearray)
    chunks: int = 0
    sent: int = 0


class Intake:
    """One upload of an audience; fed in order, then ended or dropped."""

    def __init__(
        self,
        campaign: Campaign,
        reader: RowReader,
        *,
        audiences: Audiences,
        users: Users,
        identity: Identity,
        clock: StoreClock,
    ) -> None:
        self._campaign = campaign
        self._reader = reader
        self._audiences = audiences
        self._users = users
        self._identity = identity
        self._clock = clock
        self._upload = secrets.token_hex(6)
        self._lots = Lots(self._campaign)
        self._known = Digests()
        self._groups = [_Filling() for _ in range(self._campaign.groups)]
        self._rows = 0
        self._duplicates = 0
        self._rejected = 0
        self._errors: list[Rejected] = []
        self._error_chunks = 0
        #: The first lines that were rejected.
        self.shown: list[Rejected] = []

    async def take(self, data: bytes) -> None:
        """Take in what has come. Raises BadAudience, and StoreUnavailable."""
        for at in range(0, len(data), _PIECE):
            await self._read(self._reader.feed(data[at : at + _PIECE]))
            await asyncio.sleep(0)

    async def end(self) -> Audience:
        """Take in what is left; what `Audiences.finish` makes the campaign's audience then. Raises as `take` does."""
        await self._read(self._reader.end())
        await self._write(*self._packed(True))
        return Audience(
            upload=self._upload,
            rows=self._rows,
            duplicates=self._duplicates,
            rejected=self._rejected,
            uploaded_at_ms=self._clock.now_ms(),
            groups=tuple(Group(group.sent, group.chunks) for group in self._groups),
            errors=self._error_chunks,
        )

    async def drop(self) -> None:
        """Forget all of it; what the store does not hear of goes by itself."""
        with suppress(StoreUnavailable):
            await self._audiences.drop(self._campaign, self._upload)

    async def _read(self, rows: Iterator[Candidate | BadRow]) -> None:
        while some := list(islice(rows, _ROWS_A_TURN)):
            await self._place(some)
            await asyncio.sleep(0)

    async def _place(self, found: Sequence[Candidate | BadRow]) -> None:
        # There have to be keys to seal with.
        await self._audiences.ready()
        names = await self._names(found)
        for row in found:
            if isinstance(row, BadRow):
                self._reject(row)
            else:
                self._take_row(row, names)
        await self._write(*self._packed(False))

    async def _names(self, found: Sequence[Candidate | BadRow]) -> dict[str, list[bytes]]:
        """By the user ids that are among the rows: all names under which their users are known.

        A phone number is one name, whatever its spelling. Who is told by a user id may be told by a number as well.
        """
        ids = {row.to for row in found if isinstance(row, Candidate) and row.kind is RecipientKind.BSUID}
        names: dict[str, list[bytes]] = {}

        async def look_up(user_id: str) -> None:
            own = self._identity.of(RecipientKind.BSUID, user_id)
            known_as, user = await self._users.resolve(self._campaign.portfolio, own)
            names[user_id] = [own, *({known_as, *user.aliases} - {own})]

        # They share their trips to the store.
        if ids:
            await asyncio.gather(*map(look_up, ids))
        return names

    def _reject(self, row: BadRow) -> None:
        self._rejected += 1
        rejected = Rejected(row.line, row.why)
        self._errors.append(rejected)
        if len(self.shown) < SHOWN_ERRORS:
            self.shown.append(rejected)

    def _take_row(self, row: Candidate, names: dict[str, list[bytes]]) -> None:
        own, *others = names.get(row.to) or [self._identity.of(row.kind, row.to)]
        if own in self._known or any(name in self._known for name in others):
            self._duplicates += 1
            return
        for name in (own, *others):
            self._known.add(name)
        if self._rows >= MOST_ROWS:
            raise BadAudience(f"has more than {MOST_ROWS:,} recipients")
        self._rows += 1
        group = self._groups[self._lots.group(own, row.segment)]
        group.rows.append(Row(self._rows, row.line, row.to, row.columns, row.segment))
        group.who += own[:WHO_BYTES]

    def _packed(self, is_end: bool) -> tuple[list[Packed], list[tuple[int, bytes]]]:
        """The chunks that are full, or at the end all that is left."""
        chunks: list[Packed] = []
        errors: list[tuple[int, bytes]] = []
        for number, group in enumerate(self._groups):
            while len(group.rows) >= CHUNK_ROWS or (is_end and group.rows):
                rows, group.rows = group.rows[:CHUNK_ROWS], group.rows[CHUNK_ROWS:]
                who = bytes(group.who[: CHUNK_ROWS * WHO_BYTES])
                del group.who[: CHUNK_ROWS * WHO_BYTES]
                chunk = Chunk(number, group.chunks)
                chunks.append(self._audiences.sealed(self._campaign, self._upload, chunk, rows, who))
                group.chunks += 1
                group.sent += len(rows)
        while len(self._errors) >= _ERRORS_A_CHUNK or (is_end and self._errors):
            told, self._errors = self._errors[:_ERRORS_A_CHUNK], self._errors[_ERRORS_A_CHUNK:]
            errors.append((self._error_chunks, packed_errors(told)))
            self._error_chunks += 1
        return chunks, errors

    async def _write(self, chunks: list[Packed], errors: list[tuple[int, bytes]]) -> None:
        if not chunks and not errors:
            return
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._audiences.put(self._campaign, self._upload, chunks, errors)
            except StoreUnavailable:
                if not tries_left:
                    raise
            await asyncio.sleep(_TRY_AGAIN_S)
