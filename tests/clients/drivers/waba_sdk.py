"""waba-sdk: asynchronous."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from waba_sdk import WhatsApp

from tests.clients.drivers.driving import ENGLISH, Login, serve, write


class Client:
    def __init__(self, login: Login) -> None:
        self._client = WhatsApp(login.key, login.number, waba_id=login.waba, base_url=login.url)

    async def text(self, to: str, body: str) -> dict[str, Any]:
        return _sent(await self._client.send_text(to, body))

    async def template(self, to: str, name: str) -> dict[str, Any]:
        return _sent(await self._client.send_template(to, name, ENGLISH))

    async def upload(self, path: str) -> dict[str, Any]:
        return {"id": await self._client.media.upload(Path(path))}

    async def download(self, media: str, path: str) -> None:
        write(path, (await self._client.media.download(media)).content)

    async def templates(self, size: int) -> dict[str, Any]:
        pages, after = [], None
        while not pages or after:
            page = await self._client.templates.list(limit=size, after=after)
            pages.append([template.name for template in page.data])
            after = page.paging["cursors"]["after"] if page.paging and "next" in page.paging else None
        return {"pages": pages}


def _sent(answer: dict[str, Any]) -> dict[str, Any]:
    message = answer["messages"][0]
    return {"id": message["id"], "status": message.get("message_status")}


if __name__ == "__main__":
    serve("waba-sdk", Client)
