"""whatsloon."""

from __future__ import annotations

from typing import Any

from whatsloon.client import WhatsApp

from tests.clients.drivers.driving import ENGLISH, PNG, Login, serve, write


class Client:
    def __init__(self, login: Login) -> None:
        self._client = WhatsApp(login.key, login.number, base_url=login.url)
        self._waba = login.waba

    def text(self, to: str, body: str) -> dict[str, Any]:
        return {"id": self._client.messages.send_text(to=to, body=body).message_id}

    def template(self, to: str, name: str) -> dict[str, Any]:
        sent = self._client.messages.send_template(to=to, template_name=name, language_code=ENGLISH)
        return {"id": sent.message_id, "status": sent.raw["messages"][0].get("message_status")}

    def upload(self, path: str) -> dict[str, Any]:
        return {"id": self._client.media.upload_file(path, PNG).media_id}

    def download(self, media: str, path: str) -> None:
        write(path, self._client.media.download(media).content)

    def templates(self, size: int) -> dict[str, Any]:
        return {"pages": [[template.name for template in self._client.templates.list_templates(self._waba)]]}


if __name__ == "__main__":
    serve("whatsloon", Client)
