"""pywa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pywa
from pywa.types import Pagination
from pywa.types.templates import TemplateLanguage

from tests.clients.drivers.driving import PNG, Login, serve, write


class Client:
    def __init__(self, login: Login) -> None:
        self._client = pywa.WhatsApp(phone_id=login.number, token=login.key, waba_id=login.waba)
        # It has no option for it, and its constructor overwrites what a session brings.
        self._client.api._session.base_url = f"{login.url}/v26.0"

    def text(self, to: str, body: str) -> dict[str, Any]:
        return {"id": self._client.send_message(to, body).id}

    def template(self, to: str, name: str) -> dict[str, Any]:
        sent = self._client.send_template(to, name, TemplateLanguage.ENGLISH_US)
        return {"id": sent.id, "status": sent.status.value}

    def upload(self, path: str) -> dict[str, Any]:
        return {"id": self._client.upload_media(Path(path), mime_type=PNG).id}

    def download(self, media: str, path: str) -> None:
        write(path, self._client.get_media_bytes(self._client.get_media_url(media).url))

    def templates(self, size: int) -> dict[str, Any]:
        page = self._client.get_templates(pagination=Pagination(limit=size))
        pages = [[template.name for template in page]]
        while page.has_next:
            page = page.next()
            pages.append([template.name for template in page])
        return {"pages": pages}


if __name__ == "__main__":
    serve("pywa", Client)
