"""heyoo: answers are returned as they come, errors too."""

from __future__ import annotations

import shutil
from typing import Any

from heyoo import WhatsApp

from tests.clients.drivers.driving import ENGLISH, PNG, Login, Returned, serve


class Client:
    def __init__(self, login: Login) -> None:
        self._client = WhatsApp(login.key, phone_number_id=login.number)
        self._client.base_url = f"{login.url}/v14.0"
        self._client.v15_base_url = f"{login.url}/v15.0"
        self._client.url = f"{login.url}/v14.0/{login.number}/messages"

    def text(self, to: str, body: str) -> dict[str, Any]:
        return _sent(self._client.send_message(body, to))

    def template(self, to: str, name: str) -> dict[str, Any]:
        return _sent(self._client.send_template(name, to, components=[], lang=ENGLISH))

    def upload(self, path: str) -> dict[str, Any]:
        answer = self._client.upload_media(path)
        assert answer is not None, "it gives None where the upload failed"
        return {"id": answer["id"]}

    def download(self, media: str, path: str) -> None:
        url = self._client.query_media_url(media)
        assert url is not None, "it gives None where there is no url"
        # It adds the ending to the name by itself.
        shutil.move(self._client.download_media(url, PNG, path), path)


def _sent(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise Returned(answer)
    message = answer["messages"][0]
    return {"id": message["id"], "status": message.get("message_status")}


if __name__ == "__main__":
    serve("heyoo", Client)
