"""whatsapp-sdk: sends without a version in the path."""

from __future__ import annotations

from typing import Any

from whatsapp_sdk import WhatsAppClient

from tests.clients.drivers.driving import ENGLISH, PNG, Login, serve, write


class Client:
    def __init__(self, login: Login) -> None:
        self._client = WhatsAppClient(login.number, login.key, base_url=login.url)

    def text(self, to: str, body: str) -> dict[str, Any]:
        return {"id": self._client.messages.send_text(to, body=body).messages[0].id}

    def template(self, to: str, name: str) -> dict[str, Any]:
        return {"id": self._client.templates.send(to, name, ENGLISH).messages[0].id}

    def upload(self, path: str) -> dict[str, Any]:
        return {"id": self._client.media.upload(path, PNG).id}

    def download(self, media: str, path: str) -> None:
        write(path, self._client.media.download(media))

    def templates(self, size: int) -> dict[str, Any]:
        page = self._client.templates.list(limit=size)
        return {"pages": [[template.name for template in page.data]]}


if __name__ == "__main__":
    serve("whatsapp-sdk", Client)
