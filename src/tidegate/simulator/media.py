"""Media that was uploaded: kept in memory for as long as the simulator lives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from tidegate.simulator.ids import Stream, object_id


@dataclass(frozen=True, slots=True)
class Medium:
    """One uploaded file; `waba_id` is the account that may read it."""

    id: str
    waba_id: str
    mime_type: str
    content: bytes = field(repr=False)

    def described(self, base_url: str) -> dict[str, Any]:
        """Describe it as a Graph read does; the url needs the access token again (Meta: media)."""
        return {
            "messaging_product": "whatsapp",
            "url": f"{base_url}/_media/{self.id}",
            "mime_type": self.mime_type,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "file_size": len(self.content),
            "id": self.id,
        }


class MediaShelf:
    """All uploaded files by id."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._put = 0
        self._media: dict[str, Medium] = {}

    def put(self, waba_id: str, mime_type: str, content: bytes) -> str:
        """Keep a file and give its id."""
        self._put += 1
        media_id = object_id(self._seed, Stream.MEDIA, self._put)
        self._media[media_id] = Medium(media_id, waba_id, mime_type, content)
        return media_id

    def get(self, media_id: str) -> Medium | None:
        """Give a file; None: there is none of this id."""
        return self._media.get(media_id)

    def delete(self, media_id: str) -> None:
        """Forget a file."""
        self._media.pop(media_id, None)
