"""The keys in force: those of the configuration, and those made at run time; less those that were revoked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.settings.app_keys import hash_key, new_key
from tidegate.settings.tables import App
from tidegate.store.key_records import KeyRecord, key_change, key_id
from tidegate.store.key_uses import KeyUses
from tidegate.store.standings import Standings
from tidegate.tasks import spawn

#: A node believes what it knows of the keys for so long, and then asks; so a change is waited for as long.
LEASE_MS: Final = 500
#: For so long a request waits for what the store says of the keys. A store that is away says so sooner, by the client's
#: own time-outs; one that is late, and has to be asked twice where something has changed, needs up to this.
_PATIENCE_S: Final = 1.25
#: So long after it was revoked a key that was made at run time is still listed. It opens nothing without its record
#: either; one of the configuration does, so that the record of its revocation is never forgotten.
REVOKED_KEPT_MS: Final = 90 * 86_400_000
#: The old one and the new one, while an app goes over from one to the other.
LIVE_KEYS: Final = 2
_HOUR_MS: Final = 3_600_000
#: The standing changes a few times a second at the worst; so often in a row it does not get in between.
_TRIES: Final = 50
_LONG_AGO: Final = float("-inf")
_NEVER: Final = -1

log = structlog.get_logger()


@dataclass(slots=True)
class _Opening:
    """What a good key opens: the app of this name; and the hour (since 1970) of its last use that was noted."""

    app: str
    hour: int = _NEVER


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key, good or revoked. `configured`: whether it stands in the configuration."""

    record: KeyRecord
    configured: bool


class KeysInForce:
    """Tells whose a key is, makes keys and revokes them. What it returned from is in force on every node.

    A key that was made or revoked is a fact of the standing: a change begins a new epoch of the portfolio that all
    nodes look at, and each of them asks for that epoch before it believes for longer than LEASE_MS what it knows, and
    waits for the answer however late it is. A node that the store does not answer within its time-out goes on with what
    it knew, as with every other stop while the store is away from it.
    """

    def __init__(self, apps: Iterable[App], standings: Standings, uses: KeyUses, clock: StoreClock) -> None:
        """`apps`: the configuration's."""
        self._standings = standings
        self._uses = uses
        self._clock = clock
        # The same one on every node, in whatever order their files name them.
        self._arbiter, *self._others = sorted(standings.portfolios)
        self._apps = {app.name: app for app in apps}
        self._index: dict[str, _Opening] = {}
        self._indexed = -1
        #: By this node's own time, which begins at 0.
        self._believed_until_ms = 0.0
        self._asking: asyncio.Task[None] | None = None

    def configure(self, apps: Iterable[App]) -> list[str]:
        """Take the keys of a file that was read anew, for the apps that the node started with: whose have changed."""
        changed = []
        for app in apps:
            known = self._apps.get(app.name)
            if known is not None and known.key_sha256 != app.key_sha256:
                self._apps[app.name] = known.model_copy(update={"key_sha256": app.key_sha256})
                changed.append(f"key_sha256 of {app.name}")
        self._indexed = -1
        return changed

    def find(self, key_hash: str) -> App | None:
        """The app of the key with this SHA-256, by what this node knows; None for a key of nobody."""
        name = self.found(key_hash, _LONG_AGO, self._clock.now_ms())
        return None if name is None else self._apps[name]

    def found(self, key_hash: str, at_ms: float, now_ms: int) -> str | None:
        """The name of that app where what was made and revoked on other nodes was asked for a moment ago, else None.

        `at_ms`: this node's own time now; `now_ms`: the store's.
        """
        if at_ms >= self._believed_until_ms:
            return None
        if self._indexed != self._standings.keys_version:
            self._index_anew()
        try:
            opening = self._index[key_hash]
        except KeyError:
            return None
        if opening.hour != now_ms // _HOUR_MS:
            self._note(opening, key_hash, now_ms // _HOUR_MS)
        return opening.app

    @property
    def are_fresh(self) -> bool:
        """Whether what was made and revoked on other nodes was asked for a moment ago: `refresh` does nothing then."""
        return self._clock.monotonic_ms() < self._believed_until_ms

    async def refresh(self) -> None:
        """Learn what was made and revoked on other nodes up to now, unless that was asked for a moment ago."""
        if self.are_fresh:
            return
        if self._asking is None or self._asking.done():
            self._asking = spawn(self._look(self._clock.monotonic_ms()), "look at the keys")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.shield(self._asking)

    def keys_of(self, app: str) -> list[KnownKey]:
        """All keys that an app has and had, the configuration's first, then the oldest first."""
        found = [known for known in self._known().values() if known.record.app == app]
        return sorted(found, key=lambda known: (not known.configured, known.record.made_at_ms or 0, known.record.id))

    def live_keys(self, app: str) -> int:
        """How many keys of an app are good."""
        return sum(known.record.revoked_at_ms is None for known in self.keys_of(app))

    def key(self, wanted: str) -> KnownKey | None:
        """The key of this id; None when there is none."""
        return self._known().get(wanted)

    async def last_used(self) -> Mapping[str, int]:
        """Id of each key that was ever used -> start of the hour of its last use (ms). Raises StoreUnavailable."""
        return await self._uses.read()

    async def make(self, app: str, environment: str | None, by: str) -> tuple[str, KeyRecord] | None:
        """Make a key for an app: the key itself, and what is kept of it. None when the app has two live ones.

        Raises StoreUnavailable; then it may have been made, and nobody knows it: it is listed, and can be revoked.
        """
        key = new_key(environment)
        for _ in range(_TRIES):
            await self._standings.look(self._arbiter)
            epoch = self._standings.known(self._arbiter).epoch
            if self.live_keys(app) >= LIVE_KEYS:
                return None
            now_ms = self._clock.now_ms()
            record = KeyRecord(app, hash_key(key), now_ms, by, environment)
            change = key_change(record, now_ms, f"key made by {by}")
            if await self._standings.change_under(self._arbiter, epoch, [change]):
                for portfolio in self._others:
                    await self._standings.change(portfolio, [change])
                await self._forget_old(now_ms)
                await asyncio.sleep(LEASE_MS / 1000)
                log.info("key_made", app=app, key_id=record.id, by=by)
                return key, record
        raise StoreUnavailable("the standing changes too often for a key to be made")

    async def revoke(self, known: KnownKey, by: str, reason: str) -> KeyRecord:
        """Revoke a key for good; on return no node takes it. Raises StoreUnavailable: then ask again."""
        record = known.record
        if record.revoked_at_ms is None:
            now_ms = max(self._clock.now_ms(), (record.made_at_ms or 0) + 1)
            record = replace(record, revoked_at_ms=now_ms, revoked_by=by)
        at_ms = record.revoked_at_ms or 0
        # Written again where it is revoked already: an earlier call may have come only half the way.
        change = key_change(record, at_ms, f"key revoked by {by}: {reason}")
        for portfolio in (self._arbiter, *self._others):
            await self._standings.change(portfolio, [change])
        await asyncio.sleep(LEASE_MS / 1000)
        log.warning("key_revoked", app=record.app, key_id=record.id, by=by, reason=reason)
        return record

    async def _forget_old(self, now_ms: int) -> None:
        old = [
            known.record.id
            for known in self._known().values()
            if not known.configured
            and known.record.revoked_at_ms is not None
            and known.record.revoked_at_ms <= now_ms - REVOKED_KEPT_MS
        ]
        if old:
            # Another time, where the store is away: the key is made.
            with contextlib.suppress(StoreUnavailable):
                # The arbiter's last, which a revocation reaches first: while any is left that says otherwise, it holds.
                for portfolio in (*self._others, self._arbiter):
                    await self._standings.forget_keys(portfolio, old)

    def _known(self) -> dict[str, KnownKey]:
        records: dict[str, KeyRecord] = {}
        for portfolio in (*self._others, self._arbiter):
            for record in self._standings.key_records(portfolio).values():
                # Revoked once is revoked, whatever another portfolio has not heard of.
                if record.revoked_at_ms is not None or record.id not in records:
                    records[record.id] = record
        configured = {
            key_id(key_hash): KeyRecord(app.name, key_hash)
            for app in self._apps.values()
            for key_hash in app.key_sha256
        }
        made = {name: KnownKey(record, configured=name in configured) for name, record in records.items()}
        file = {name: KnownKey(record, configured=True) for name, record in configured.items() if name not in records}
        # A key of an app that the configuration does not have any more opens nothing.
        return {name: known for name, known in (file | made).items() if known.record.app in self._apps}

    async def _look(self, asked_ms: float) -> None:
        try:
            await self._standings.look(self._arbiter)
        except StoreUnavailable:
            # Nobody else waits for it in vain for as long.
            asked_ms = self._clock.monotonic_ms()
        self._believed_until_ms = asked_ms + LEASE_MS

    def _index_anew(self) -> None:
        self._indexed = self._standings.keys_version
        before, self._index = self._index, {}
        for record in [known.record for known in self._known().values()]:
            if record.revoked_at_ms is None:
                opening = self._index[record.key_sha256] = before.get(record.key_sha256) or _Opening(record.app)
                opening.app = record.app

    def _note(self, opening: _Opening, key_hash: str, hour: int) -> None:
        opening.hour = hour
        spawn(self._write_use(opening, key_hash, hour * _HOUR_MS), "note a key's use")

    async def _write_use(self, opening: _Opening, key_hash: str, hour_ms: int) -> None:
        try:
            await self._uses.note(key_id(key_hash), hour_ms)
        except StoreUnavailable:
            # Noted with its next use.
            opening.hour = _NEVER
