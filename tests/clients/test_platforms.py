"""The calls of platforms that are pointed at the gateway, as their sources make them, without the platforms."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.clients.cases import PICTURE
from tests.clients.estate import TEMPLATES, Estate
from tests.clients.stage import Stage, staged

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = {"name": "order_confirmation", "language": {"code": "en_US"}}


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that was given the gateway's address and a key of it."""

    stage: Stage
    estate: Estate
    session: aiohttp.ClientSession

    @property
    def key(self) -> str:
        return self.estate.key_for(self.estate.room)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def get(self, url: str, *, bearer: bool = True) -> tuple[int, Any]:
        async with self.session.get(url, headers=self.bearer if bearer else {}) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self.session.post(f"{self.stage.url}{path}", headers=self.bearer, **body) as answer:
            return answer.status, await answer.json()

    async def template(self, version: str, user: str) -> None:
        """Send a template to a user, and see that the id is Meta's."""
        message = {"messaging_product": "whatsapp", "to": user, "type": "template", "template": ORDER}
        status, answer = await self.post(f"/{version}/{self.estate.room}/messages", json=message)
        assert status == 200
        assert [answer["messages"][0]["id"]] == self.stage.accepted(user)

    async def file(self, version: str) -> str:
        """Ask where a file is and get it from there with the same key; where it was."""
        media = await self.stage.upload(self.estate, PICTURE)
        status, described = await self.get(f"{self.stage.url}/{version}/{media}")
        assert status == 200
        async with self.session.get(described["url"], headers=self.bearer) as answer:
            assert (answer.status, await answer.read()) == (200, PICTURE)
        return str(described["url"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    estate = Estate(0)
    async with staged([estate], tmp_path_factory.mktemp("platforms")) as stage, aiohttp.ClientSession() as session:
        yield Platform(stage, estate, session)


async def test_chatwoot_reads_all_templates_with_the_key_in_the_query_and_follows_the_links(platform: Platform) -> None:
    account = f"{platform.stage.url}/v14.0/{platform.estate.waba}"
    url: str | None = f"{account}/message_templates?access_token={platform.key}&limit=2"
    names: list[str] = []
    while url:
        status, page = await platform.get(url, bearer=False)
        assert status == 200
        assert platform.estate.token not in json.dumps(page)
        names += [template["name"] for template in page["data"]]
        url = page["paging"].get("next")
    assert sorted(names) == sorted(template.name for template in TEMPLATES)


async def test_chatwoot_sends_and_fetches_files_at_v13(platform: Platform) -> None:
    await platform.template("v13.0", platform.estate.user(11))
    await platform.file("v13.0")


async def test_evolution_api_sends_fetches_files_and_is_told_of_a_refusal_in_graphs_words(platform: Platform) -> None:
    await platform.template("v20.0", platform.estate.user(12))
    await platform.file("v20.0")
    text = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": platform.estate.user(13),
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
    }
    status, refused = await platform.post(f"/v20.0/{platform.estate.room}/messages", json=text)
    assert (status, refused["error"]["code"]) == (400, 131047)
    assert refused["error"]["error_data"]["details"]


async def test_typebot_sends_at_v17_and_lists_numbers_but_can_not_look_into_its_key(platform: Platform) -> None:
    await platform.template("v17.0", platform.estate.user(14))
    fields = "fields=id,display_phone_number&limit=100"
    status, numbers = await platform.get(f"{platform.stage.url}/v17.0/{platform.estate.waba}/phone_numbers?{fields}")
    assert status == 200
    assert {number["id"] for number in numbers["data"]} == {platform.estate.room, platform.estate.slow}
    status, refused = await platform.get(f"{platform.stage.url}/v17.0/debug_token?input_token={platform.key}")
    assert status == 404
    assert isinstance(refused["error"]["code"], int)


async def test_frappe_sends_and_reads_templates(platform: Platform) -> None:
    await platform.template("v17.0", platform.estate.user(15))
    status, listed = await platform.get(f"{platform.stage.url}/v17.0/{platform.estate.waba}/message_templates")
    assert (status, len(listed["data"])) == (200, len(TEMPLATES))


async def test_vercels_chat_finds_files_at_the_origin_of_its_address(platform: Platform) -> None:
    await platform.template("v25.0", platform.estate.user(16))
    assert (await platform.file("v25.0")).startswith(f"{platform.stage.url}/")


async def test_a_plain_http_node_may_send_a_form(platform: Platform) -> None:
    user = platform.estate.user(17)
    form = {"messaging_product": "whatsapp", "to": user, "type": "template", "template": json.dumps(ORDER)}
    status, answer = await platform.post(f"/v20.0/{platform.estate.room}/messages", data=form)
    assert status == 200
    assert [answer["messages"][0]["id"]] == platform.stage.accepted(user)
