"""Keys of apps that were made or revoked at run time, as the store keeps them beside the other facts of a standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidegate.policy.standing import Change

_KIND: Final = "key"
_FIELD_START: Final = b"key:"
_FIELD_END: Final = b"|key@operator"
#: As many as the audit tells of a key.
_ID_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key that was made at run time, or revoked; times are the store's, in ms.

    `key_sha256` is all that is kept of the key. `made_at_ms` and `made_by` are None for a key of the configuration,
    of which only its revocation is written down. `revoked_at_ms`: None while it is good.
    """

    app: str
    key_sha256: str
    made_at_ms: int | None = None
    made_by: str | None = None
    environment: str | None = None
    revoked_at_ms: int | None = None
    revoked_by: str | None = None

    @property
    def id(self) -> str:
        """What it is called where it is spoken of."""
        return key_id(self.key_sha256)


def key_id(key_sha256: str) -> str:
    """The name of a key: a part of its hash, by which nobody can come in."""
    return f"key-{key_sha256[:_ID_DIGITS]}"


def key_field(wanted: str) -> str:
    """The field of a standing that holds the record of the key of this id."""
    return f"{_FIELD_START.decode()}{wanted}{_FIELD_END.decode()}"


def key_change(record: KeyRecord, at_ms: int, cause: str) -> Change:
    """The change of standing that writes a record down."""
    values = {
        "app": record.app,
        "sha256": record.key_sha256,
        "made_at": record.made_at_ms,
        "made_by": record.made_by,
        "environment": record.environment,
        "revoked_at": record.revoked_at_ms,
        "revoked_by": record.revoked_by,
    }
    return Change(_KIND, record.id, {"key": values}, "operator", at_ms, cause)


def read_keys(stored: Mapping[Any, Any]) -> dict[str, KeyRecord]:
    """The records among the fields of a standing, by the key's id.

    Raises ValueError, KeyError, TypeError for a damaged one: it may be a revocation.
    """
    found: dict[str, KeyRecord] = {}
    for field, text in stored.items():
        name = bytes(field)
        if name.startswith(_FIELD_START) and name.endswith(_FIELD_END):
            value = orjson.loads(bytes(text).split(b" ", 2)[2])
            record = KeyRecord(
                app=value["app"],
                key_sha256=value["sha256"],
                made_at_ms=value["made_at"],
                made_by=value["made_by"],
                environment=value["environment"],
                revoked_at_ms=value["revoked_at"],
                revoked_by=value["revoked_by"],
            )
            found[record.id] = record
    return found
