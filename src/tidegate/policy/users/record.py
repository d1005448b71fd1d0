"""How what is known of a user is written down: JSON that leaves out all that is as in a user nobody knows of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tidegate.policy.breaker import Breaker, State, from_json, state_at, to_json
from tidegate.policy.frequency import WEEK_MS
from tidegate.policy.users.user import CLOSED_KEPT_MS, DAY_MS, REFUSABLE, User, Word

#: A name that stood for the same user is forgotten when it was not seen for this long.
ALIAS_KEPT_MS: Final = 400 * DAY_MS

_NAME: Final = 16


def write_user(user: User) -> bytes:
    """The record as JSON text; empty for a user of whom nothing is known. The version is not part of it."""
    record = {
        "consent": {str(category): [int(w.granted), w.at_ms, w.source] for category, w in user.consents.items()},
        "breakers": [_written(breaker) for breaker in user.breakers.values()],
        "probed": dict(user.probed_at_ms),
        "marketing": list(user.marketing_sent_at_ms),
        "zone": user.zone,
        "is": user.same_as.hex() if user.same_as else None,
        "aliases": sorted(alias.hex() for alias in user.aliases),
        "seen": user.seen_at_ms if user.same_as or user.aliases else 0,
    }
    told = {key: value for key, value in record.items() if value}
    return orjson.dumps(told) if told else b""


def read_user(record: bytes, version: int) -> User:
    """The user of a record, also of one that an older or a newer version has written.

    What is not known is left out. A word that cannot be understood is a refusal, and a record that cannot be is one of
    everything: nobody is written to because a record was damaged.
    """
    try:
        return _read(record, version) if record else User(version=version)
    except ValueError:
        return User(version=version, consents=dict.fromkeys(REFUSABLE, Word(False, 0)))


def may_be_held(record: bytes) -> bool:
    """Whether a record may be of a user whom breakers hold, or of another name of one: told without reading it."""
    return bool(record) and (b'"breakers"' in record or b'"is"' in record or not record.startswith(b"{"))


def _read(record: bytes, version: int) -> User:
    told = orjson.loads(record)
    if not isinstance(told, dict):
        raise ValueError("a user's record is a JSON object")
    same_as = told.get("is")
    return User(
        version=version,
        consents={category: _word(written) for category, written in _object(told, "consent").items()},
        breakers={breaker.id: breaker for breaker in map(_breaker, _list(told, "breakers")) if breaker is not None},
        probed_at_ms={id_: at_ms for id_, at_ms in _object(told, "probed").items() if isinstance(at_ms, int)},
        marketing_sent_at_ms=tuple(sorted(at_ms for at_ms in _list(told, "marketing") if isinstance(at_ms, int))),
        zone=told["zone"] if isinstance(told.get("zone"), str) else None,
        same_as=_name(same_as) if isinstance(same_as, str) else None,
        aliases=frozenset(_name(alias) for alias in _list(told, "aliases")),
        seen_at_ms=told["seen"] if isinstance(told.get("seen"), int) else 0,
    )


def expires_at_ms(user: User, now_ms: int) -> int:
    """When the record tells nothing that still counts, and may be forgotten; 0: never.

    A consent, and the zone that somebody has told us, are kept until they are erased.
    """
    if user.consents or user.zone:
        return 0
    ends = [at_ms + WEEK_MS for at_ms in user.marketing_sent_at_ms[-1:]]
    if user.same_as or user.aliases:
        ends.append(user.seen_at_ms + ALIAS_KEPT_MS)
    for breaker in user.breakers.values():
        if breaker.until_ms is None and state_at(breaker, now_ms) is not State.CLOSED:
            return 0
        ends.append(max(breaker.until_ms or 0, breaker.event_at_ms, breaker.proven_at_ms) + CLOSED_KEPT_MS)
    return max(ends, default=now_ms)


def _written(breaker: Breaker) -> dict[str, Any]:
    plain = to_json(Breaker(**{name: getattr(breaker, name) for name in _ABOUT}))
    return {key: value for key, value in to_json(breaker).items() if key in _ABOUT or value != plain[key]}


#: What a breaker is about has no default.
_ABOUT: Final = ("rule", "scope", "value", "covers", "action", "reason")


def _breaker(written: Any) -> Breaker | None:
    try:
        return from_json(written)
    except (ValueError, AttributeError):
        # A scope that a newer version has added; that version's nodes obey it.
        return None


def _word(written: Any) -> Word:
    match written:
        case [int(granted), int(at_ms), str(source), *_]:
            return Word(granted == 1, at_ms, source)
        case [_, int(at_ms), *_]:
            return Word(False, at_ms)
        case _:
            return Word(False, 0)


def _name(written: Any) -> bytes:
    name = bytes.fromhex(written) if isinstance(written, str) else b""
    if len(name) != _NAME:
        raise ValueError("a user is named by 16 bytes")
    return name


def _object(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, dict) else {}


def _list(told: Mapping[str, Any], key: str) -> list[Any]:
    value = told.get(key)
    return value if isinstance(value, list) else []
