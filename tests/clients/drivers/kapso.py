"""kapso-whatsapp-cloud-api: asynchronous."""

from __future__ import annotations

from typing import Any

from kapso_whatsapp import WhatsAppClient

from tests.clients.drivers.driving import ENGLISH, PNG, Login, read, serve, write


class Client:
    def __init__(self, login: Login) -> None:
        self._client = WhatsAppClient(access_token=login.key, base_url=login.url)
        self._login = login

    async def text(self, to: str, body: str) -> dict[str, Any]:
        sent = await self._client.messages.send_text(phone_number_id=self._login.number, to=to, body=body)
        return {"id": sent.messages[0].id}

    async def template(self, to: str, name: str) -> dict[str, Any]:
        template = {"name": name, "language": {"code": ENGLISH}}
        sent = await self._client.messages.send_template(phone_number_id=self._login.number, to=to, template=template)
        return {"id": sent.messages[0].id}

    async def upload(self, path: str) -> dict[str, Any]:
        number = self._login.number
        return {"id": (await self._client.media.upload(phone_number_id=number, file=read(path), type=PNG)).id}

    async def download(self, media: str, path: str) -> None:
        write(path, await self._client.media.download(media_id=media))

    async def templates(self, size: int) -> dict[str, Any]:
        pages, after = [], None
        while not pages or after:
            page = await self._client.templates.list(business_account_id=self._login.waba, limit=size, after=after)
            pages.append([template["name"] for template in page["data"]])
            after = page["paging"]["cursors"]["after"] if "next" in page["paging"] else None
        return {"pages": pages}


if __name__ == "__main__":
    serve("kapso-whatsapp-cloud-api", Client)
