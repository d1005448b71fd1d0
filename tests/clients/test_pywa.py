"""pywa, unmodified but for its base URL, against a gateway node in front of the simulated Cloud API, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pywa
import pywa_async
from pywa import errors
from pywa.types import Pagination
from pywa.types.sent_update import SentMessage, SentTemplate, SentTemplateStatus
from pywa.types.templates import TemplateLanguage, TemplateStatus

from tests.waiting import until
from tidegate.app import build
from tidegate.settings import Settings, hash_key
from tidegate.simulator.config import DEFAULT_TOKEN, NumberConfig, PortfolioConfig, SimulatorConfig, WabaConfig
from tidegate.simulator.config import TemplateConfig as Template
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient

NUMBER, WABA = "106540352242922", "102290129340398"
KEY = "tg_pywa"
LIMIT = 3
ENGLISH = TemplateLanguage.ENGLISH_US
TEMPLATES = (
    Template("order_confirmation", "UTILITY"),
    Template("black_friday_offer", "MARKETING"),
    Template("login_code", "AUTHENTICATION"),
    Template("winback", "MARKETING", status="PAUSED"),
)
#: Every place counts: the limit of 3 is all there is.
WHOLE_LIMIT = {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}}


def configured(store: str, upstream: str, rules: dict[str, Any], throughput: int) -> Settings:
    number = {"id": NUMBER, "display_phone_number": "15550783881", "throughput": throughput}
    waba = {"id": WABA, "access_token": DEFAULT_TOKEN, "number": [number]}
    return Settings.model_validate(
        {
            "server": {"listen": "127.0.0.1:0"},
            "store": {"url": store},
            "upstream": {"base_url": upstream},
            "webhook": {"verify_token": "verify", "app_secrets": ["app-secret"]},
            "privacy": {"identity_key": b"i" * 32, "payload_key": b"p" * 32},
            "portfolio": [{"id": "lucky-shrub", "messaging_limit": LIMIT, "waba": [waba]}],
            "app": [{"name": "pywa", "key_sha256": hash_key(KEY), "scopes": ["send"]}],
            "rules": rules,
        }
    )


@dataclass
class Site:
    """A gateway, the platform behind it, and clients of the gateway."""

    url: str
    simulator: Simulator
    clients: AsyncExitStack

    def client(self, key: str = KEY, number: str = NUMBER) -> pywa.WhatsApp:
        """pywa as its users make it; its constructor sets Graph's address, so that is replaced after it."""
        made = pywa.WhatsApp(phone_id=number, token=key, waba_id=WABA)
        made.api._session.base_url = f"{self.url}/v26.0"
        self.clients.callback(made.api._session.close)
        return made

    def async_client(self) -> pywa_async.WhatsApp:
        made = pywa_async.WhatsApp(phone_id=NUMBER, token=KEY, waba_id=WABA)
        made.api._session.base_url = f"{self.url}/v26.0"
        self.clients.push_async_callback(made.api._session.aclose)
        return made

    async def user_writes(self, user: str) -> None:
        """A user's message, and the gateway has been told of it."""
        self.simulator.world.inbound(NUMBER, user, self.simulator.clock())
        self.simulator.courier.stir()
        await self.simulator.settled()

    async def fill(self, client: pywa.WhatsApp) -> None:
        """Take every place of the limit."""
        for nth in range(LIMIT):
            await call(client.send_template, f"1650555100{nth}", "order_confirmation", ENGLISH)


async def call(method: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """A method of pywa's blocking client, beside the loop that the gateway runs on."""
    return await asyncio.to_thread(method, *args, **named)


@asynccontextmanager
async def running(store: str, rules: dict[str, Any], throughput: int = 80) -> AsyncIterator[Site]:
    waba = WabaConfig(WABA, DEFAULT_TOKEN, (NumberConfig(NUMBER, "15550783881"),), TEMPLATES)
    portfolio = PortfolioConfig("lucky-shrub", (waba,), messaging_limit=LIMIT)
    simulator = await run_simulator("127.0.0.1:0", None, SimulatorConfig((portfolio,), INSTANT))
    node = await build(configured(store, simulator.url, rules, throughput))
    try:
        await node.start()
        url = "http://{}:{}".format(*node.address)
        simulator.courier.url = f"{url}/webhooks/whatsapp"
        async with AsyncExitStack() as clients:
            yield Site(url, simulator, clients)
    finally:
        await node.stop()
        await simulator.stop()


@pytest.fixture
async def store(client: StoreClient, valkey_socket: str) -> str:
    """The address of an empty store."""
    return socket_url(valkey_socket)


@pytest.fixture
async def site(store: str) -> AsyncIterator[Site]:
    async with running(store, WHOLE_LIMIT) as made:
        yield made


async def test_a_template_that_is_sent_is_pywas_own_object(site: Site) -> None:
    sent = await call(site.client().send_template, "+1 650 555 1234", "order_confirmation", ENGLISH)
    assert isinstance(sent, SentTemplate)
    assert sent.status is SentTemplateStatus.ACCEPTED
    assert sent.id == site.simulator.world.book.accepted[0].wamid


async def test_a_text_inside_the_service_window_is_sent(site: Site) -> None:
    await site.user_writes("16505551234")
    sent = await call(site.client().send_message, "16505551234", "Hello", tracker="order 7")
    assert isinstance(sent, SentMessage)
    assert sent.id == site.simulator.world.book.accepted[0].wamid


async def test_the_async_client_sends_as_well(site: Site) -> None:
    english = pywa_async.types.templates.TemplateLanguage.ENGLISH_US
    sent = await site.async_client().send_template("16505551234", "order_confirmation", english)
    assert sent.status == "accepted"
    assert len(site.simulator.world.book.accepted) == 1


async def test_what_is_queued_at_a_full_limit_is_a_held_template(site: Site) -> None:
    client = site.client()
    await site.fill(client)
    sent = await call(client.send_template, "16505559999", "black_friday_offer", ENGLISH)
    assert sent.status is SentTemplateStatus.HELD_FOR_QUALITY_ASSESSMENT
    assert sent.id.startswith("tg")
    assert len(site.simulator.world.book.accepted) == LIMIT


async def test_what_is_queued_goes_when_its_recipient_writes(site: Site) -> None:
    client = site.client()
    await site.fill(client)
    await call(client.send_template, "16505559999", "black_friday_offer", ENGLISH)
    await site.user_writes("16505559999")

    async def it_went() -> bool:
        return len(site.simulator.world.book.accepted) > LIMIT

    await until(it_went)
    assert site.simulator.world.book.accepted[-1].user == "16505559999"


Attempt = Callable[[Site], Awaitable[object]]


async def cold_text(site: Site) -> object:
    return await call(site.client().send_message, "16505551234", "Hello")


async def code_at_a_full_limit(site: Site) -> object:
    client = site.client()
    await site.fill(client)
    return await call(client.send_template, "16505559999", "login_code", ENGLISH)


async def too_much_to_one_user(site: Site) -> object:
    client = site.client()
    await site.user_writes("16505551234")
    for _ in range(45):
        await call(client.send_message, "16505551234", "Hello")
    return await call(client.send_message, "16505551234", "Hello")


async def wrong_key(site: Site) -> object:
    return await call(site.client(key="tg_of-nobody").send_message, "16505551234", "Hello")


async def unknown_number(site: Site) -> object:
    return await call(site.client(number="999999999999999").send_message, "16505551234", "Hello")


async def unknown_template(site: Site) -> object:
    return await call(site.client().send_template, "16505551234", "no_such_template", ENGLISH)


@pytest.mark.parametrize(
    ("attempt", "error", "code", "status"),
    [
        pytest.param(cold_text, errors.ReEngagementMessage, 131047, 400, id="a text outside the service window"),
        pytest.param(code_at_a_full_limit, errors.SpamRateLimitHit, 131048, 400, id="a category that does not wait"),
        pytest.param(too_much_to_one_user, errors.TooManyMessages, 131056, 429, id="the pair rate"),
        pytest.param(wrong_key, errors.ExpiredAccessToken, 190, 401, id="a key of nobody"),
        pytest.param(unknown_number, errors.WhatsAppError, 100, 404, id="a number that is not there"),
        pytest.param(unknown_template, errors.TemplateNotExists, 132001, 404, id="Meta's own refusal"),
    ],
)
async def test_a_refusal_is_pywas_own_exception(
    site: Site, attempt: Attempt, error: type[errors.WhatsAppError], code: int, status: int
) -> None:
    with pytest.raises(error) as raised:
        await attempt(site)
    assert type(raised.value) is error
    assert raised.value.code == code
    assert raised.value.status_code == status


async def test_a_throttle_is_pywas_own_exception_and_says_when(store: str) -> None:
    async with running(store, WHOLE_LIMIT | {"pacing_wait": "0s"}, throughput=1) as site:
        client = site.client()
        await site.user_writes("16505551234")
        await call(client.send_message, "16505551234", "Hello")
        with pytest.raises(errors.RateLimitHit) as raised:
            await call(client.send_message, "16505551234", "Hello")
        response = raised.value.raw_response
        assert response is not None
        assert (response.status_code, response.headers["Retry-After"]) == (429, "1")


async def test_a_paused_template_that_may_not_wait_is_pywas_own_exception(store: str) -> None:
    async with running(store, WHOLE_LIMIT | {"hold": {"marketing": "reject"}}) as site:
        with pytest.raises(errors.TemplatePaused):
            await call(site.client().send_template, "16505551234", "winback", ENGLISH)
        assert site.simulator.world.book.accepted == []


async def test_templates_are_listed_through_the_pass_through(site: Site) -> None:
    listed = await call(site.client().get_templates)
    found = {template.name: template.status for template in listed}
    assert found.keys() == {template.name for template in TEMPLATES}
    assert found["winback"] is TemplateStatus.PAUSED


async def test_the_next_page_is_reached_through_the_gateway(site: Site) -> None:
    client = site.client()
    page = await call(client.get_templates, pagination=Pagination(limit=3))
    assert len(list(page)) == 3
    # pywa's own next() fails for templates: its TemplatesResult takes no item_factory.
    assert page._next_url.startswith(f"{site.url}/v26.0/{WABA}/message_templates?")
    assert DEFAULT_TOKEN not in page._next_url
    following = await call(client.api._request, "GET", page._next_url)
    assert len(following["data"]) == 1
